// SPDX-License-Identifier: GPL-3.0-or-later
/* type.h: partition types by name. The one table is type.def. */
#ifndef BERTH_PARTITION_TYPE_H
#define BERTH_PARTITION_TYPE_H

#include "core/guid.h"

#include <stdbool.h>
#include <stdint.h>

#define PARTITION_NO_AUTO (UINT64_C(1) << 63) /* Discoverable Partitions Specification */

struct partition_type {
    const char *name; /* "bios-boot" */
    struct guid guid;
    uint64_t attributes;   /* of a new partition */
    const char *long_name; /* "BIOS boot" */
};

/* NULL when there is no such type. */
const struct partition_type *partition_type(const char *name);
const struct partition_type *partition_type_of(const struct guid *guid);

bool partition_type_is(const struct guid *guid, const char *name);

#endif
