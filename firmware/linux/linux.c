/* SPDX-License-Identifier: MIT
 * Fetches kernel, initrd and command line from fw_cfg and fills in the setup header
 * (Documentation/arch/x86/boot.rst, protocol 2.02 and later, loaded high). DS = ES = SS is the
 * caller's stack, FS the setup code, GS the ROM. DMA reaches all memory from real mode. */
#include "firmware/linux/linux.h"

#include "firmware/lib/io.h"

#define ROM         __seg_gs
#define ROM_DATA    __seg_gs __attribute__((section(".rom.data")))
#define SETUP8(at)  (*(volatile u8 __seg_fs *)(u32)(at))
#define SETUP16(at) (*(volatile u16 __seg_fs *)(u32)(at))
#define SETUP32(at) (*(volatile u32 __seg_fs *)(u32)(at))

enum { DMA_PORT = 0x514, DMA_ERROR = 1, DMA_READ = 2, DMA_SELECT = 8 };

/* fw_cfg items */
enum {
    KERNEL_SIZE = 0x08,
    INITRD_SIZE = 0x0b,
    KERNEL_DATA = 0x11,
    INITRD_DATA = 0x12,
    CMDLINE_SIZE = 0x14,
    CMDLINE_DATA = 0x15,
    SETUP_SIZE = 0x17,
    SETUP_DATA = 0x18
};

/* setup header */
enum {
    HDR_MAGIC = 0x202,
    HDR_VERSION = 0x206,
    HDR_LOADER = 0x210,
    HDR_LOADFLAGS = 0x211,
    HDR_RAMDISK = 0x218,
    HDR_RAMDISK_SIZE = 0x21c,
    HDR_HEAP_END = 0x224,
    HDR_CMDLINE = 0x228,
    HDR_INITRD_MAX = 0x22c,
    HDR_PREF_ADDR = 0x258,
    HDR_INIT_SIZE = 0x260,
    HDR_END = 0x268
};
enum { LOADED_HIGH = 1, CAN_USE_HEAP = 0x80, LOADER_OTHER = 0xff };

struct dma {
    u32 control, length;
    u64 address;
};

static u32 swap32(u32 v)
{
    return v >> 24 | (v >> 8 & 0xff00) | (v << 8 & 0xff0000) | v << 24;
}

static u32 linear(const volatile void *on_stack)
{
    u16 ss;

    __asm__("movw %%ss, %0" : "=r"(ss));
    return ss * 16u + (u32)on_stack;
}

static bool read_item(u16 item, u32 to, u32 n)
{
    volatile struct dma d = {swap32((u32)item << 16 | DMA_SELECT | DMA_READ), swap32(n),
                             (u64)swap32(to) << 32};

    outl(DMA_PORT, 0);
    __asm__ volatile("" ::: "memory");
    outl(DMA_PORT + 4, swap32(linear(&d)));
    while (d.control & ~swap32(DMA_ERROR))
        __asm__ volatile("pause");
    return !d.control;
}

static u32 read_size(u16 item)
{
    volatile u32 v = 0;

    return read_item(item, linear(&v), 4) ? v : 0;
}

static void print_char(char c)
{
    u32 ax = 0x0e00u | (u8)c;

    __asm__ volatile("pushl %%ebp\n\tint $0x10\n\tpopl %%ebp"
                     : "+a"(ax)
                     : "b"(7)
                     : "ecx", "edx", "esi", "edi", "memory", "cc");
}

static bool fail(const char ROM *why)
{
    static const char ROM_DATA start[] = "\r\n-kernel: ";

    for (const char ROM *p = start; *p; p++)
        print_char(*p);
    for (; *why; why++)
        print_char(*why);
    return false;
}

#define FAIL(text)                                                                             \
    ({                                                                                         \
        static const char ROM_DATA why[] = text "\r\n";                                        \
        fail(why);                                                                             \
    })

/* End of the memory from 1 MiB on that the BIOS leaves: INT 15h E801h, else 88h. */
static u32 memory_top(void)
{
    u32 ax = 0xe801, bx = 0, cx = 0, dx = 0;
    u8 bad;

    __asm__ volatile("pushl %%ebp\n\tstc\n\tint $0x15\n\tpopl %%ebp\n\tsetc %0"
                     : "=qm"(bad), "+a"(ax), "+b"(bx), "+c"(cx), "+d"(dx)::"esi", "edi",
                       "memory", "cc");
    if (!bad && !(u16)ax && !(u16)bx) {
        ax = cx;
        bx = dx;
    }
    if (!bad && (u16)bx)
        return 0x1000000 + ((u32)(u16)bx << 16);
    if (bad) {
        ax = 0x8800;
        __asm__ volatile("pushl %%ebp\n\tint $0x15\n\tpopl %%ebp"
                         : "+a"(ax)::"ebx", "ecx", "edx", "esi", "edi", "memory", "cc");
    }
    return 0x100000 + ((u32)(u16)ax << 10);
}

/* First address that the running kernel leaves free; 0: there is none. */
static u32 kernel_end(u32 size)
{
    u64 end = (u64)KERNEL + size, run;

    if (SETUP16(HDR_VERSION) < 0x20a)
        return end >> 32 ? 0 : (u32)end;
    if (SETUP32(HDR_PREF_ADDR + 4))
        return 0;
    run = (u64)SETUP32(HDR_PREF_ADDR) + SETUP32(HDR_INIT_SIZE);
    if (run > end)
        end = run;
    return end >> 32 ? 0 : (u32)end;
}

static bool load_setup(void)
{
    u32 size = read_size(SETUP_SIZE);

    if (size < HDR_END || size >= HEAP_END - 0x1000 ||
        !read_item(SETUP_DATA, SETUP_SEG * 16, size))
        return FAIL("no setup code");
    if (SETUP32(HDR_MAGIC) != 0x53726448 || SETUP16(HDR_VERSION) < 0x202 ||
        !(SETUP8(HDR_LOADFLAGS) & LOADED_HIGH))
        return FAIL("boot protocol 2.02 and a bzImage are needed");
    SETUP8(HDR_LOADER) = LOADER_OTHER;
    SETUP8(HDR_LOADFLAGS) |= CAN_USE_HEAP;
    SETUP16(HDR_HEAP_END) = HEAP_END - 0x200;
    return true;
}

static bool load_cmdline(void)
{
    u32 size = read_size(CMDLINE_SIZE);

    if (size > 0x10000 || !read_item(CMDLINE_DATA, CMDLINE, size))
        return FAIL("the command line is too long");
    SETUP32(HDR_CMDLINE) = CMDLINE;
    return true;
}

/* As high as it may be. */
static bool load_initrd(u32 floor, u32 top)
{
    u32 size = read_size(INITRD_SIZE), at;
    u32 max = SETUP16(HDR_VERSION) < 0x203 ? 0x37ffffff : SETUP32(HDR_INITRD_MAX);

    if (!size)
        return true;
    if (top - 1 > max)
        top = max + 1;
    at = (top - size) & ~0xfffu;
    if (size > top || at < floor)
        return FAIL("the initrd does not fit into memory");
    if (!read_item(INITRD_DATA, at, size))
        return FAIL("the initrd cannot be read");
    SETUP32(HDR_RAMDISK) = at;
    SETUP32(HDR_RAMDISK_SIZE) = size;
    return true;
}

bool load_linux(void);
bool load_linux(void)
{
    u32 top = memory_top(), size = read_size(KERNEL_SIZE), end;

    if (!load_setup() || !load_cmdline())
        return false;
    end = kernel_end(size);
    if (!end || end > top)
        return FAIL("the kernel does not fit into memory");
    if (!size || !read_item(KERNEL_DATA, KERNEL, size))
        return FAIL("the kernel cannot be read");
    return load_initrd(end, top);
}
