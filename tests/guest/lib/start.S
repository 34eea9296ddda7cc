/* SPDX-License-Identifier: MIT
 * Entry from multiboot (32-bit, flat, no paging), trap stubs, and the way in
 * and out of a lab. */
        .section .multiboot, "a"
        .align 4
mb:     .long 0x1badb002, 0x10000, -(0x1badb002 + 0x10000)
        .long mb, image_start, image_end, bss_end, start

        .text
        .code32
        .globl start
start:  cli
        mov $boot_stack_top, %esp
        push $0
        popf
#ifdef __x86_64__
        /* Tables at boot_pml4: identity for 4 GiB, in 2 MiB pages for the supervisor; virtual
         * 4..5 GiB shows physical 0..1 GiB to CPL 3 (USER_BASE). */
        mov $boot_pdpt + 3, %eax
        or $4, %eax
        mov %eax, boot_pml4
        mov $boot_pd + 7, %eax
        mov $boot_pdpt, %edi
        mov $5, %ecx
1:      mov %eax, (%edi)
        add $4096, %eax
        add $8, %edi
        loop 1b
        mov $boot_pd, %edi
        mov $0x83, %eax
        mov $2048, %ecx
1:      mov %eax, (%edi)
        add $0x200000, %eax
        add $8, %edi
        loop 1b
        mov $0x87, %eax
        mov $512, %ecx
1:      mov %eax, (%edi)
        add $0x200000, %eax
        add $8, %edi
        loop 1b
        mov %cr4, %eax
        or $0x20, %eax
        mov %eax, %cr4
        mov $boot_pml4, %eax
        mov %eax, %cr3
        mov $0xc0000080, %ecx
        rdmsr
        or $0x900, %eax
        wrmsr
        mov %cr0, %eax
        or $0x80010000, %eax
        mov %eax, %cr0
        lgdt start_gdtr
        ljmp $8, $start64
        .code64
start64:
        xor %eax, %eax
        mov %eax, %ds
        mov %eax, %es
        mov %eax, %fs
        mov %eax, %gs
        mov %eax, %ss
        mov $boot_stack_top, %esp
        call guest_start
#else
        lgdt start_gdtr
        ljmp $8, $1f
1:      mov $16, %eax
        mov %eax, %ds
        mov %eax, %es
        mov %eax, %ss
        call guest_start
#endif
        ud2

        .data
        .align 8
start_gdt:
        .quad 0
#ifdef __x86_64__
        .quad 0x00af9b000000ffff
#else
        .quad 0x00cf9b000000ffff
#endif
        .quad 0x00cf93000000ffff
start_gdtr:
        .word 23
        .long start_gdt, 0

        .bss
        .align 4096
#ifdef __x86_64__
        .globl boot_pml4, boot_pdpt, boot_pd
boot_pml4: .skip 4096
boot_pdpt: .skip 4096
boot_pd:   .skip 5 * 4096
#endif
        .skip 16384
boot_stack_top:
        .globl kernel_sp
kernel_sp: .skip 8

        .text
        .globl trap_stubs
        .align 16
trap_stubs:
        vec = 0
        .rept 256
        .align 16
        .if !(vec == 8 || (vec >= 10 && vec <= 14) || vec == 17)
        push $-1
        .endif
        .byte 0x68
        .long vec
        jmp trap_common
        vec = vec + 1
        .endr

#ifdef __x86_64__
trap_common:
        .irp r, ax, bx, cx, dx, si, di, bp
        push %r\r
        .endr
        .irp r, 8, 9, 10, 11, 12, 13, 14, 15
        push %r\r
        .endr
        cld
        mov %rsp, %rdi
        mov %rsp, %rbx
        and $-16, %rsp
        call trap_entry
        mov %rbx, %rsp
        .irp r, 15, 14, 13, 12, 11, 10, 9, 8
        pop %r\r
        .endr
        .irp r, bp, di, si, dx, cx, bx, ax
        pop %r\r
        .endr
        add $16, %rsp
        iretq

        .globl lab_enter, lab_leave
lab_enter:
        .irp r, bx, bp, 12, 13, 14, 15
        push %r\r
        .endr
        pushf
        mov %rsp, kernel_sp
        mov %rdi, %rsp
        .irp s, gs, fs, es, ds
        pop %rax
        mov %eax, %\s
        .endr
        .irp r, 15, 14, 13, 12, 11, 10, 9, 8
        pop %r\r
        .endr
        .irp r, bp, di, si, dx, cx, bx, ax
        pop %r\r
        .endr
        iretq
lab_leave:
        mov kernel_sp, %rsp
        mov $0x10, %eax
        mov %eax, %ds
        mov %eax, %es
        mov %eax, %ss
        popf
        .irp r, 15, 14, 13, 12, bp, bx
        pop %r\r
        .endr
        ret
#else
trap_common:
        pusha
        .irp s, ds, es, fs, gs
        push %\s
        .endr
        mov $0x10, %eax
        mov %eax, %ds
        mov %eax, %es
        cld
        mov %esp, %eax
        push %eax
        call trap_entry
        pop %eax
        .irp s, gs, fs, es, ds
        pop %\s
        .endr
        popa
        add $8, %esp
        iret

        .globl lab_enter, lab_leave, df_task
lab_enter:
        mov 4(%esp), %eax
        .irp r, bx, bp, si, di
        push %e\r
        .endr
        pushf
        mov %esp, kernel_sp
        mov %eax, %esp
        .irp s, gs, fs, es, ds
        pop %\s
        .endr
        popa
        iret
lab_leave:
        mov $0x10, %eax
        mov %eax, %ds
        mov %eax, %es
        mov %eax, %ss
        mov kernel_sp, %esp
        popf
        .irp r, di, si, bp, bx
        pop %e\r
        .endr
        ret
        /* #DF comes by task gate: the error code is on this task's stack. */
df_task:
        call df_entry
        ud2
#endif
        .section .note.GNU-stack, "", @progbits
