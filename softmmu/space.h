/* SPDX-License-Identifier: MIT
 * Physical address spaces: memory and the port space are the same thing.
 * A region is RAM (direct host pointer) or I/O (handlers that get an offset,
 * never an address). Regions of one space may not overlap.
 * Callers hold the device lock for I/O. RAM lookups need no lock; whoever adds or
 * removes a RAM region keeps other threads out of lookups meanwhile (moving an I/O
 * region does not disturb them). */
#ifndef SOFTMMU_SPACE_H
#define SOFTMMU_SPACE_H

#include "softmmu/err.h"
#include "softmmu/types.h"

/* Handlers see naturally sized accesses of min_size..max_size bytes; wider or
 * narrower guest accesses are split or widened by the space. A widened read takes
 * the wanted bytes out of the whole register; a widened write has zeroes in the
 * bytes that the guest did not give. Natural alignment is that of the offset. */
struct io_ops {
    uint64_t (*read)(void *opaque, uint64_t offset, unsigned size);
    void (*write)(void *opaque, uint64_t offset, uint64_t value, unsigned size);
    uint8_t min_size, max_size; /* bytes, powers of two up to 8; 0 means 1 and 4 */
};

struct space;

/* `name` appears in logs; `size` is the number of addressable bytes (0 = 2^64).
 * unassigned reads give all ones and writes are dropped, both logged. */
struct space *space_create(const char *name, uint64_t size);
void space_destroy(struct space *s); /* NULL allowed; RAM stays the caller's */

/* host memory is owned by the caller and must outlive the region; base and
 * size are multiples of 4096. Names and ops are kept by reference. Writes to a
 * read-only region are dropped. */
bool space_add_ram(struct space *s, const char *name, gpa base, uint64_t size, void *host,
                   bool readonly, struct err *e);
/* Reads see one block, writes go to another (a ROM while its shadow is filled). */
bool space_add_shadow(struct space *s, const char *name, gpa base, uint64_t size,
                      const void *read, void *write, struct err *e);
/* Reads see host memory, writes go to ops->write (flash in read-array mode). */
bool space_add_rom_io(struct space *s, const char *name, gpa base, uint64_t size,
                      const void *host, const struct io_ops *ops, void *opaque, struct err *e);
bool space_add_io(struct space *s, const char *name, gpa base, uint64_t size,
                  const struct io_ops *ops, void *opaque, struct err *e);
/* Takes away the region that starts at base (BARs move); false when none does.
 * A handler may add and remove regions, its own included. */
bool space_remove(struct space *s, gpa base);

/* Little-endian access of 1, 2, 4 or 8 bytes at any address. An address past the
 * end of the space is unassigned. */
uint64_t space_read(struct space *s, gpa addr, unsigned size);
void space_write(struct space *s, gpa addr, uint64_t value, unsigned size);

/* Bulk copy for DMA and loaders, RAM and I/O alike. */
void space_read_bytes(struct space *s, gpa addr, void *buf, size_t n);
void space_write_bytes(struct space *s, gpa addr, const void *buf, size_t n);

/* Direct access of a device to guest RAM, for transfers that end later. Returns the host
 * address of addr and cuts *n to what is contiguous from there; NULL when addr is no RAM, or
 * for a write, ROM: use space_read_bytes/space_write_bytes then. After writing, and before the
 * guest is told, space_dma_written drops code translated from the bytes. */
uint8_t *space_dma_map(struct space *s, gpa addr, uint64_t *n, bool write);
void space_dma_written(struct space *s, gpa addr, uint64_t n);
/* The same for a device that writes to memory of its own (a frame buffer): bytes that no guest
 * sees as RAM are fine. */
void space_host_written(struct space *s, const void *host, uint64_t n);

/* Host address of the RAM page holding addr (addr rounded down to 4096), or
 * NULL when it is not RAM. *writable (NULL allowed) tells a ROM from RAM. */
uint8_t *space_ram_page(struct space *s, gpa addr, bool *writable);

/* Called after every region change, so that cached translations are dropped; between hold
 * and release once, at the end. They nest. */
void space_on_change(struct space *s, void (*fn)(void *opaque), void *opaque);
void space_hold(struct space *s);
void space_release(struct space *s);

/* Called for each DMA write to RAM (space_write_bytes, space_write, space_dma_written,
 * space_host_written), once for every address at which the bytes are seen, and when a RAM
 * region comes or goes, so that translated code over it is dropped. */
void space_on_dma_write(struct space *s, void (*fn)(void *opaque, gpa addr, uint64_t size),
                        void *opaque);

/* Calls fn for every region in address order within its kind, RAM first (monitor, E820). */
void space_each(const struct space *s,
                void (*fn)(void *opaque, const char *name, gpa base, gpa last, bool ram),
                void *opaque);

#endif
