// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * trace.h: the format of a trace. Records follow each other: struct trace_record, then, behind a
 * write only, its bytes. Little-endian.
 */
#ifndef BERTH_BLOCK_TRACE_H
#define BERTH_BLOCK_TRACE_H

#include <stdint.h>

enum trace_op { TRACE_WRITE = 'W', TRACE_ZERO = 'Z', TRACE_DISCARD = 'D', TRACE_FLUSH = 'F' };

struct trace_record {
    uint8_t op;
    uint64_t offset; /* bytes; 0 for a flush */
    uint64_t bytes;  /* 0 for a flush */
} __attribute__((packed));

#endif
