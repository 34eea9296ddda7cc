/* SPDX-License-Identifier: MIT
 * The drives of a machine: what -drive, -hda, -cdrom, -blockdev and their like describe,
 * opened, and found again by id or by interface and index. All functions: machine's thread. */
#ifndef FRONTEND_BLOCK_DRIVES_H
#define FRONTEND_BLOCK_DRIVES_H

#include "softmmu/block.h"
#include "softmmu/defer.h"
#include "softmmu/err.h"

enum drive_if {
    DRIVE_NONE, /* taken by -device ...,drive=ID */
    DRIVE_IDE,
    DRIVE_FLOPPY,
    DRIVE_PFLASH,
    DRIVE_VIRTIO,
    DRIVE_SCSI,
    DRIVE_IF_COUNT,
};
enum { DRIVE_IDE_UNITS = 2, DRIVE_SCSI_UNITS = 7 }; /* a bus; index = bus * units + unit */

/* What to do when a request fails. STOP and ENOSPC pause the machine and keep the request. */
enum drive_policy { DRIVE_REPORT, DRIVE_IGNORE, DRIVE_STOP, DRIVE_ENOSPC };
enum drive_zeroes { ZEROES_OFF, ZEROES_ON, ZEROES_UNMAP };

/* Descriptors handed over by -add-fd: /dev/fdset/N opens one of set N that fits. */
enum { FDSETS_MAX = 32 };
struct fdsets {
    struct {
        int set, fd;
        const char *opaque;
    } v[FDSETS_MAX];
    unsigned n;
};

/* How an image file is opened and used; texts are the caller's and outlive the drive. */
struct image_opts {
    const char *file;   /* NULL: no medium */
    const char *format; /* NULL: find out */
    bool readonly;
    bool snapshot;               /* writes go to a temporary file */
    bool direct;                 /* cache.direct: past the host's page cache */
    bool no_flush;               /* cache.no-flush: FLUSH does nothing */
    bool write_through;          /* every write is followed by a flush */
    bool unmap;                  /* discard=unmap: DISCARD gives space back to the host */
    bool no_lock;                /* file.locking=off */
    bool no_backing;             /* backing=null: not the backing file that the image names */
    enum drive_zeroes zeroes;    /* detect-zeroes */
    const struct fdsets *fdsets; /* or NULL */
};

struct drive_opts {
    const char *id;     /* never NULL, unique */
    const char *serial; /* or NULL */
    enum drive_if type;
    unsigned index;     /* within the interface; DRIVE_NONE: without meaning */
    bool cdrom;         /* media=cdrom */
    bool node;          /* a -blockdev node: id is its node-name */
    bool keep_snapshot; /* snapshot= was given: -snapshot does not change it */
    struct image_opts image;
    enum drive_policy werror, rerror;
};

struct drives_env {
    struct defer_queue *defer;
    /* A request of b failed and is kept until drives_retry: the machine has to pause.
     * op: of the request; error: errno. */
    void (*io_error)(void *opaque, struct block *b, enum block_op op, int error);
    void *opaque;
};

struct drives;

/* Opens all; *opts and *env outlive the result. NULL with e set. */
struct drives *drives_create(const struct drive_opts *opts, unsigned n,
                             const struct drives_env *env, struct err *e);
/* Finishes what is under way, writes metadata, closes. After the devices. NULL allowed. */
void drives_destroy(struct drives *ds);

/* NULL: no such drive. */
struct block *drives_by_id(struct drives *ds, const char *id);
struct block *drives_at(struct drives *ds, enum drive_if type, unsigned index);
/* For -device ...,drive=ID: also fails when a device has it already. */
struct block *drives_take(struct drives *ds, const char *id, struct err *e);
/* The board gives this drive (found by drives_at) to a device. */
void drives_mark_taken(struct drives *ds, struct block *b);
/* First drive of an interface that no device has taken (an error for the user), or NULL. */
struct block *drives_untaken(struct drives *ds, enum drive_if type);
const struct drive_opts *drives_opts(const struct block *b);

struct drive_info {
    struct block
        *block; /* id, present, readonly, removable, locked, tray_open, bytes, counts */
    const struct drive_opts *opts;
    bool taken;                         /* a device has it */
    const char *file;                   /* NULL: no medium; valid until the medium changes */
    const char *format;                 /* as in format= */
    const char *backing;                /* file name of the backing image, or NULL */
    uint64_t virtual_bytes, host_bytes; /* size for the guest; space used on the host */
    bool snapshot;
    unsigned held; /* requests that wait for drives_retry */
};
unsigned drives_count(const struct drives *ds);
void drives_info(struct drives *ds, unsigned i, struct drive_info *info);

/* Another medium; format NULL: find out. The old one goes by the rules of eject, and stays when
 * the new one cannot be opened. The tray is closed afterwards. */
bool drives_change(struct drives *ds, const char *id, const char *file, const char *format,
                   struct err *e);
/* As change, and makes the drive read-only or not: 0 as it was, 1 read-only, 2 read-write. */
bool drives_change_mode(struct drives *ds, const char *id, const char *file, const char *format,
                        int mode, struct err *e);
/* Takes the medium out. A tray that the guest has locked: the device is asked, and false;
 * force takes it out anyway. */
bool drives_eject(struct drives *ds, const char *id, bool force, struct err *e);

/* `cont`: requests that failed are made again. */
void drives_retry(struct drives *ds);
/* Waits until nothing is under way and everything is on the host's disk (stop, savevm). Held
 * requests stay held. */
void drives_flush(struct drives *ds);

#endif
