// SPDX-License-Identifier: GPL-3.0-or-later
/* attribute.h: the attribute bits of a GPT's partition (UEFI 2.10 table 5.8; from bit 48 on those
 * of Microsoft and of the Discoverable Partitions Specification), in words. */
#ifndef BERTH_PARTITION_ATTRIBUTE_H
#define BERTH_PARTITION_ATTRIBUTE_H

#include "core/err.h"

#include <stddef.h>
#include <stdint.h>

/* "legacy-boot,required,63": by name or bit. ERR_USAGE lists the names. */
int attributes_parse(const char *text, uint64_t *attributes, struct err *e);

/* The name of one, by index from 0; NULL behind the last. */
const char *attribute_name_at(size_t i);

/* "required, bit 50"; "none" for 0. Returns buf, in which ATTRIBUTES_TEXT has room for all. */
#define ATTRIBUTES_TEXT 640
char *attributes_print(uint64_t attributes, char *buf, size_t len);

#endif
