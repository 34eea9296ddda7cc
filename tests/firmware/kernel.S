/* SPDX-License-Identifier: MIT
 * A file in the form of a bzImage. Its real-mode code prints to COM1 what it was given (state,
 * command line, 16 bytes of the kernel proper, the last 16 of the initrd) and ends the run. */
.code16
.org 0x1f1
    .byte 1 /* sectors of setup code */
.org 0x1fe
    .word 0xaa55
    jmp start
    .ascii "HdrS"
    .word 0x20a
.org 0x210
loader:
    .byte 0
loadflags:
    .byte 1 /* loaded high */
.org 0x214
    .long 0x100000
ramdisk:
    .long 0
ramdisk_size:
    .long 0
.org 0x228
cmdline:
    .long 0
    .long 0x1ffffff /* the initrd ends there or before */
    .long 0x1000
    .byte 1
.org 0x238
    .long 2047
.org 0x258
    .quad 0x100000, 0x200000

start:
    cld
    movw $bad, %si
    cmpb $0, loader
    je 1f
    testb $0x80, loadflags
    jz 1f
    movw %ss, %ax
    movw %ds, %bx
    cmpw %ax, %bx
    jne 1f
    movw %cs, %ax
    subw $0x20, %ax
    cmpw %ax, %bx
    jne 1f
    movw $good, %si
1:  call print
    movl cmdline, %eax
    shrl $4, %eax
    movw %ax, %fs
    movw cmdline, %si
    andw $0xf, %si
2:  movb %fs:(%si), %al
    incw %si
    testb %al, %al
    jz 3f
    call print_al
    jmp 2b
3:  movl $0x100000, %eax
    call print_16
    movl ramdisk, %eax
    addl ramdisk_size, %eax
    cmpl $0x2000000, %eax
    ja 4f
    subl $16, %eax
    call print_16
4:  movw $newline, %si
    call print
    movw $0x501, %dx
    outb %al, %dx
5:  hlt
    jmp 5b

/* the 16 characters at linear address EAX, by INT 15h AH=87h */
print_16:
    movl %eax, gdt + 0x12
    movb $0x93, gdt + 0x15
    roll $8, %eax
    movb %al, gdt + 0x17
    xorl %eax, %eax
    movw %ds, %ax
    shll $4, %eax
    addl $buffer, %eax
    movl %eax, gdt + 0x1a
    movb $0x93, gdt + 0x1d
    movb $0, gdt + 0x1f
    movw %ds, %ax
    movw %ax, %es
    movw $gdt, %si
    movw $8, %cx
    movb $0x87, %ah
    int $0x15
    movw $newline, %si
    call print
    movw $buffer, %si
print:
    lodsb
    testb %al, %al
    jz 6f
    call print_al
    jmp print
6:  ret

print_al:
    movb %al, %ah
    movw $0x3fd, %dx
7:  inb %dx, %al
    testb $0x20, %al
    jz 7b
    movw $0x3f8, %dx
    movb %ah, %al
    outb %al, %dx
    ret

good:
    .asciz "entered well\n"
bad:
    .asciz "entered badly\n"
newline:
    .asciz "\n"
buffer:
    .fill 17, 1, 0
.balign 8
gdt:
    .fill 16, 1, 0
    .word 0xffff, 0, 0x9300, 0
    .word 0xffff, 0, 0x9300, 0
    .fill 16, 1, 0
.org 1024
    .ascii "the kernel's own"
