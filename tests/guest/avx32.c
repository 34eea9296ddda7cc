/* SPDX-License-Identifier: MIT
 * VEX outside 64-bit mode (SDM vol. 2, 2.3): bits that are ignored there, those that are not,
 * and when the instructions exist (table 2-18 ff.). Loops, so that they are translated. */
#include "tests/guest/lib/guest.h"

static u8 area[256] __attribute__((aligned(64)));

enum { ROUNDS = 4, A = 0xf0f0f0f1, B = 0x00ff0125 };
/* Leaves the result of each round in EAX and their sum in ESI; labs begin with the inputs. */
#define LOOP(text)                                                                             \
    "xor %esi, %esi; mov $4, %ebp; 1: mov $0xf0f0f0f1, %ecx; mov $0x00ff0125, %edx;"           \
    "mov $0x5555, %eax; " text "; add %eax, %esi; dec %ebp; jnz 1b"
#define CHECK(name, want, text)                                                                \
    do {                                                                                       \
        u32 want_ = (want);                                                                    \
        LAB(LOOP(text), .di = (ulong)area);                                                    \
        if (trap.vec != DONE)                                                                  \
            ok(false, "%s: vector %u", name, trap.vec);                                        \
        else if (trap.r.ax != want_)                                                           \
            ok_eq(name, trap.r.ax, want_);                                                     \
        else                                                                                   \
            ok_eq(name, trap.r.si, ROUNDS * want_);                                            \
    } while (0)

static void xsetbv(u32 v)
{
    asm volatile("xsetbv" ::"c"(0), "a"(v), "d"(0));
}

/* Bit 7 of the byte after the map is W, bit 6 VEX.vvvv[3]; of the map's byte, bit 5 is B. */
static void bmi(void)
{
    CHECK("ANDN", ~A & B, ".byte 0xc4,0xe2,0x70,0xf2,0xc2");
    CHECK("ANDN, W", ~A & B, ".byte 0xc4,0xe2,0xf0,0xf2,0xc2");
    CHECK("ANDN, vvvv[3]", ~A & B, ".byte 0xc4,0xe2,0x30,0xf2,0xc2");
    CHECK("ANDN, all of them", ~A & B, ".byte 0xc4,0xc2,0xb0,0xf2,0xc2");
    CHECK("BLSI into vvvv, vvvv[3]", 1, ".byte 0xc4,0xe2,0x38,0xf3,0xd9");
    CHECK("BEXTR, W and vvvv[3]", A >> 5 & 31, "mov $0x0505, %edx;"
          ".byte 0xc4,0xe2,0xa8,0xf7,0xc1");
    CHECK("SHLX takes its count modulo 32, W", A << 5, ".byte 0xc4,0xe2,0xe9,0xf7,0xc1");
    CHECK("SARX, W and vvvv[3]", 0xff878787, ".byte 0xc4,0xe2,0xaa,0xf7,0xc1");
    CHECK("RORX, W", 0x1f0f0f0f, ".byte 0xc4,0xe3,0xfb,0xf0,0xc1,4");
    CHECK("MULX, W", (u32)((u64)A * B >> 32), ".byte 0xc4,0xe2,0xb3,0xf6,0xc1");
    CHECK("MULX, W: low half in vvvv", A * B, ".byte 0xc4,0xe2,0xb3,0xf6,0xd9; mov %ecx, %eax");
    CHECK("PEXT, W and vvvv[3]", 0xf1, "mov $0x1ff, %edx; .byte 0xc4,0xe2,0xb2,0xf5,0xc2");
    FAULT("RORX with vvvv[3] clear", UD, NOERR, ".byte 0xc4,0xe3,0x3b,0xf0,0xc1,4");
    FAULT("RORX with vvvv[0] clear", UD, NOERR, ".byte 0xc4,0xe3,0x73,0xf0,0xc1,4");
    FAULT("VEX behind 66", UD, NOERR, ".byte 0x66,0xc4,0xe2,0x70,0xf2,0xc2");
}

static void general(void)
{
    CHECK("VMOVD both ways, W", A, ".byte 0xc4,0xe1,0xf9,0x6e,0xc9, 0xc4,0xe1,0xf9,0x7e,0xc8");
    CHECK("VMOVD to memory is 4 bytes, W", B,
          "mov %edx, 4(%edi); .byte 0xc4,0xe1,0xf9,0x6e,0xc9, 0xc4,0xe1,0xf9,0x7e,0x0f; mov 4(%edi), %eax");
    CHECK("VPINSRQ is VPINSRD, VPEXTRQ VPEXTRD", A,
          ".byte 0xc4,0xe3,0xf1,0x22,0xc9,3, 0xc4,0xe3,0xf9,0x16,0xc8,3");
    CHECK("VCVTSI2SD and back, W", A, ".byte 0xc4,0xe1,0xf3,0x2a,0xc9, 0xc4,0xe1,0xfb,0x2d,0xc1");
    CHECK("VCVTTSD2SI overflows at 2^31, W", 0x80000000,
          "vcvtsi2sd %ecx, %xmm1, %xmm1; vaddsd %xmm1, %xmm1, %xmm1; vmulsd %xmm1, %xmm1, %xmm1;"
          ".byte 0xc4,0xe1,0xfb,0x2c,0xc1");
    CHECK("VCVTSI2SS, W and vvvv[3]", 0xcd70f0f1, ".byte 0xc4,0xe1,0xb2,0x2a,0xc9; vmovd %xmm1, %eax");
    CHECK("VPMOVMSKB, W", 0xf, "vpxor %xmm0, %xmm0, %xmm0; vpinsrd $0, %ecx, %xmm0, %xmm1;"
          ".byte 0xc4,0xe1,0xf9,0xd7,0xc1");
    FAULT("VMOVD with vvvv[3] clear", UD, NOERR, ".byte 0xc4,0xe1,0x39,0x6e,0xc9");
}

/* ECX and EDX broadcast to XMM1, XMM2 (256 bits), which hold other things in vain else. */
#define SPLAT "vmovd %ecx, %xmm1; vpbroadcastd %xmm1, %ymm1; vmovd %edx, %xmm2; vpbroadcastd %xmm2, %ymm2;"
#define HIGH  "; vextracti128 $1, %ymm0, %xmm0; vpextrd $2, %xmm0, %eax"

static void vectors(void)
{
    CHECK("VPADDD", A + B, SPLAT ".byte 0xc4,0xe1,0x75,0xfe,0xc2" HIGH);
    CHECK("VPADDD, W, vvvv[3], B", A + B, SPLAT ".byte 0xc4,0xc1,0xb5,0xfe,0xc2" HIGH);
    CHECK("VPADDD of memory, vvvv[3]", A + A,
          SPLAT "vmovdqu %ymm1, (%edi); .byte 0xc4,0xc1,0x35,0xfe,0x07" HIGH);
    CHECK("VPBLENDVB", B, SPLAT ".byte 0xc4,0xe3,0x75,0x4c,0xc2,0x30" HIGH); /* by YMM3, below */
    CHECK("VPBLENDVB, bit 7 of the mask register", B, SPLAT ".byte 0xc4,0xe3,0x75,0x4c,0xc2,0xb0" HIGH);
    CHECK("VPBLENDVB, and its low bits", B, SPLAT ".byte 0xc4,0xe3,0x35,0x4c,0xc2,0xb5" HIGH);
    CHECK("VBLENDVPS, bit 7, vvvv[3]", B, SPLAT ".byte 0xc4,0xe3,0x35,0x4a,0xc2,0xb0" HIGH);
    CHECK("VPERMQ wants W, B ignored", B, SPLAT "vpblendd $0x0f, %ymm1, %ymm2, %ymm0;"
          ".byte 0xc4,0xc3,0xfd,0x00,0xc0,0x4e; vmovd %xmm0, %eax");
    FAULT("VPERMQ without W", UD, NOERR, ".byte 0xc4,0xe3,0x7d,0x00,0xc0,0x4e");
    FAULT("VPBLENDD with W", UD, NOERR, ".byte 0xc4,0xe3,0xf5,0x02,0xc2,0x0f");
    FAULT("VMOVDQA with vvvv[3] clear", UD, NOERR, ".byte 0xc4,0xe1,0x39,0x6f,0xc2");
}

#define THREE "mov $3, %ecx; vcvtsi2sd %ecx, %xmm1, %xmm1; vcvtsd2ss %xmm1, %xmm1, %xmm2;"

static void fma(void)
{
    CHECK("VFMADD213PD is chosen by W, vvvv[3]", 12,
          THREE "vmovapd %xmm1, %xmm0; .byte 0xc4,0xe2,0xb1,0xa8,0xc1; vcvtsd2si %xmm0, %eax");
    CHECK("VFMADD213PS without W, vvvv[3]", 12,
          THREE "vmovaps %xmm2, %xmm0; .byte 0xc4,0xe2,0x29,0xa8,0xc2; vcvtss2si %xmm0, %eax");
    CHECK("VCVTPS2PH and VCVTPH2PS", 3,
          THREE "vcvtps2ph $0, %xmm2, %xmm3; vcvtph2ps %xmm3, %xmm3; vcvtss2si %xmm3, %eax;"
          "vpcmpeqd %ymm3, %ymm3, %ymm3");
}

/* C4 and C5 with a memory operand are LES and LDS. */
static void far_loads(void)
{
    *(u32 *)area = 0x12345678;
    *(u16 *)(area + 4) = KDS;
    LAB("mov $0, %eax; .byte 0xc4,0x03", .bx = (ulong)area);
    ok_eq("LES EAX, [EBX]", trap.r.ax, 0x12345678);
    LAB("mov $0, %eax; .byte 0xc5,0x43,0x00", .bx = (ulong)area);
    ok_eq("LDS EAX, [EBX + 0]", trap.r.ax, 0x12345678);
}

/* SDM vol. 1, 14.3: #UD unless CR4.OSXSAVE and XCR0 bits 1 and 2; then #NM by CR0.TS. */
static void enabled(void)
{
    ulong cr0 = read_cr0(), cr4 = read_cr4();

    FAULT("VADDPS without OSXSAVE", UD, NOERR, "vaddps %ymm0, %ymm0, %ymm0");
    FAULT("VZEROUPPER without OSXSAVE", UD, NOERR, "vzeroupper");
    PASS("ANDN without it", ".byte 0xc4,0xe2,0x70,0xf2,0xc2");
    write_cr4(cr4 | CR4_OSXSAVE);
    FAULT("VADDPS with XCR0 1", UD, NOERR, "vaddps %xmm0, %xmm0, %xmm0");
    xsetbv(3);
    FAULT("VADDPS with XCR0 3", UD, NOERR, "vaddps %xmm0, %xmm0, %xmm0");
    FAULT("VLDMXCSR with XCR0 3", UD, NOERR, "vldmxcsr (%ebx)", .bx = (ulong)area);
    FAULT("XSETBV of AVX without SSE", GP, 0, "xsetbv", .ax = 5);
    xsetbv(7);
    PASS("VADDPS with XCR0 7", "vaddps %ymm0, %ymm0, %ymm0");
    write_cr0(cr0 | CR0_TS);
    FAULT("with TS", NM, NOERR, "vaddps %ymm0, %ymm0, %ymm0");
    PASS("ANDN with TS", ".byte 0xc4,0xe2,0x70,0xf2,0xc2");
    write_cr0(cr0 | CR0_EM);
    PASS("EM does not matter", "vaddps %ymm0, %ymm0, %ymm0");
    write_cr0(cr0);
    write_cr4(cr4);
    FAULT("OSXSAVE cleared, XCR0 still 7", UD, NOERR, "vaddps %ymm0, %ymm0, %ymm0");
    write_cr4(cr4 | CR4_OSXSAVE);
    PASS("and set again", "vaddps %ymm0, %ymm0, %ymm0");
}

void guest_main(void)
{
    write_cr0(read_cr0() & ~(ulong)(CR0_EM | CR0_TS));
    write_cr4((read_cr4() | CR4_OSFXSR | CR4_OSXMMEXCPT) & ~(ulong)CR4_OSXSAVE);
    enabled();
    bmi();
    general();
    asm volatile("vpcmpeqd %ymm3, %ymm3, %ymm3");
    vectors();
    fma();
    far_loads();
}
