/* SPDX-License-Identifier: GPL-3.0-or-later */
/* trampoline.h: where a processor begins: it starts in real mode, on a page below 1 MiB. */
#ifndef BERTH_TESTS_TRAMPOLINE_H
#define BERTH_TESTS_TRAMPOLINE_H

#define TRAMPOLINE 0x1000 /* where the code is copied to; nothing else is there */

#ifndef __ASSEMBLER__
#include <stdint.h>

extern const uint8_t trampoline[], trampoline_end[];
#endif

#endif
