// SPDX-License-Identifier: GPL-3.0-or-later
/* kernel_payload.h: the ELF that is packed in a bzImage. Unpacked once on the host, it need not
 * unpack itself at every start of a guest. */
#ifndef BERTH_OS_KERNEL_PAYLOAD_H
#define BERTH_OS_KERNEL_PAYLOAD_H

#include "core/err.h"

#include <stdint.h>

#define KERNEL_PAYLOAD_MAX ((uint64_t)1 << 30)

/* Writes what is packed in the bzImage `kernel` (gzip, XZ, LZ4, Zstandard and what else libarchive
 * reads) to the end of `out`. Returns 1; 0 with nothing written when it is no bzImage or holds no
 * packed ELF. libarchive_load has been called; works in a jail. ERR_VERIFY when it is damaged.
 * Source: Linux Documentation/x86/boot.rst, payload_offset and payload_length. */
int kernel_payload_unpack(int kernel, int out, struct err *e);

#endif
