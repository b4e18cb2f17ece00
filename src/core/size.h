// SPDX-License-Identifier: GPL-3.0-or-later
/* size.h: amounts of bytes as people write them (util-linux's suffixes: 512M and 512MiB are binary,
 * 512MB is decimal), plus "30%" and "rest". */
#ifndef BERTH_CORE_SIZE_H
#define BERTH_CORE_SIZE_H

#include "core/err.h"

#include <stddef.h>
#include <stdint.h>

#define KIB (UINT64_C(1) << 10)
#define MIB (UINT64_C(1) << 20)
#define GIB (UINT64_C(1) << 30)

enum size_kind { SIZE_NONE, SIZE_BYTES, SIZE_PERCENT, SIZE_REST };

struct size {
    enum size_kind kind;
    uint64_t value; /* bytes, or hundredths of a percent (30% is 3000); 0 for the others */
};

/* Parses text. ERR_SYNTAX says what is wrong with it; 0 bytes is refused. */
int size_parse(const char *text, struct size *size, struct err *e);

/* Parses text that must be a plain number of bytes with an optional suffix. */
int size_parse_bytes(const char *text, uint64_t *bytes, struct err *e);

/* The same, and 0 bytes is an amount, too: of what is added or taken away. */
int size_parse_amount(const char *text, uint64_t *bytes, struct err *e);

/* Writes bytes exactly, in the largest binary unit that divides it ("512MiB", "1000B"); for files
 * that are read back. Returns buf. */
char *size_exact(uint64_t bytes, char *buf, size_t len);

/* Writes bytes for people, rounded to one decimal ("1.5 GiB"). Returns buf. */
char *size_human(uint64_t bytes, char *buf, size_t len);

/* Writes a struct size as the machine file has it. Returns buf. */
char *size_print(const struct size *size, char *buf, size_t len);

#define SIZE_TEXT 32 /* room for any of these */

/* A number as it is printed, such as a partition's: digits without a leading zero, blanks or a
 * sign. 0 for any other text, and for more than 32 bits hold. */
unsigned number_parse(const char *text);

uint64_t round_up(uint64_t value, uint64_t unit);
uint64_t round_down(uint64_t value, uint64_t unit);

#endif
