// SPDX-License-Identifier: GPL-3.0-or-later
/* type.h: partition types by name, GUID and MBR code. The one table is type.def. */
#ifndef BERTH_PARTITION_TYPE_H
#define BERTH_PARTITION_TYPE_H

#include "core/guid.h"
#include "model/survey.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PARTITION_NO_AUTO (UINT64_C(1) << 63) /* Discoverable Partitions Specification */

struct partition_type {
    const char *name;      /* "bios-boot" */
    struct guid guid;      /* zeros: it has none */
    uint8_t code;          /* on an MBR; 0: it has none */
    uint64_t attributes;   /* of a new partition */
    const char *long_name; /* "BIOS boot" */
};

/* By its name or an alias; NULL when there is no such type. */
const struct partition_type *partition_type(const char *name);

/* The first one of that GUID or code, or NULL; zeros are no type's. */
const struct partition_type *partition_type_of(const struct guid *guid);
const struct partition_type *partition_type_of_code(uint8_t code);

/* The type that a GPT has for an MBR's code, "82" or "0x82", as gdisk has it; NULL for text that is
 * none, and for codes that say too little. */
const struct partition_type *partition_type_for_code(const char *text);

/* What other tools call it: of an MBR by its code ("W95 FAT32 (LBA)"), else (code 0) by its GUID;
 * NULL when berth knows no name. */
const char *partition_type_title(const struct guid *guid, uint8_t code);

bool partition_type_is(const struct guid *guid, const char *name);

/* All of them, in order; NULL behind the last. */
const struct partition_type *partition_type_at(size_t i);

/*
 * A type as people write it, for a table of that kind: a name or alias in any case ("esp", "L",
 * "root-x86-64", "8300"), a GUID, or on an MBR a code in hexadecimal ("83", "0x83"). *type is
 * filled as far as the type has a GUID, *code on an MBR only; one that is no row of the table is as
 * good. ERR_USAGE when it is no type, or has none in a table of that kind.
 */
int partition_type_parse(const char *text, enum table_kind kind, struct guid *type, uint8_t *code,
                         struct err *e);

#endif
