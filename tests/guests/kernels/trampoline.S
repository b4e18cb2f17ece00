/* SPDX-License-Identifier: GPL-3.0-or-later */
/* trampoline.S: from real mode straight to long mode, with the tables of the first processor; then
 * onto its own stack and to processor_main. */
#include "hypervisor/machine.h"
#include "trampoline.h"

#define CODE          0x10 /* as the monitor lays out the descriptor table */
#define DATA          0x18
#define GDT_LIMIT     31
#define CR4_PAE       0x20
#define MSR_EFER      0xc0000080
#define EFER_LME      0x100
#define CR0_PE_PG     0x80000001

    .section .text
    .globl trampoline, trampoline_end
    .code16
trampoline:
    cli
    xorw %ax, %ax
    movw %ax, %ds
    lgdtl TRAMPOLINE + table - trampoline
    movl %cr4, %eax
    orl $CR4_PAE, %eax
    movl %eax, %cr4
    movl $BOOT_PAGE_TABLES, %eax
    movl %eax, %cr3
    movl $MSR_EFER, %ecx
    rdmsr
    orl $EFER_LME, %eax
    wrmsr
    movl %cr0, %eax
    orl $CR0_PE_PG, %eax
    movl %eax, %cr0
    ljmpl $CODE, $long_mode
table:
    .word GDT_LIMIT
    .long BOOT_GDT
trampoline_end:

    .code64
long_mode:
    movl $DATA, %eax
    movl %eax, %ds
    movl %eax, %es
    movl %eax, %ss
    movq processor_stack, %rsp
    call processor_main
halt:
    hlt
    jmp halt

    .section .note.GNU-stack, "", @progbits
