// SPDX-License-Identifier: GPL-3.0-or-later
/* guid.h: GUIDs in their on-disk form (GPT's mixed endianness, UEFI 2.10 appendix A). */
#ifndef BERTH_CORE_GUID_H
#define BERTH_CORE_GUID_H

#include "core/err.h"

#include <stdbool.h>
#include <stdint.h>

struct guid {
    uint8_t bytes[16]; /* as on a GPT disk: first three fields little-endian */
};

#define GUID_TEXT 37 /* room for the text and its NUL */

/* Parses "c12a7328-f81f-11d2-ba4b-00a0c93ec93b", either case. */
int guid_parse(const char *text, struct guid *guid, struct err *e);

/* Writes the lower-case text. Returns buf. */
char *guid_print(const struct guid *guid, char buf[GUID_TEXT]);

bool guid_equal(const struct guid *a, const struct guid *b);
bool guid_is_zero(const struct guid *guid);

/* A new random GUID (version 4, RFC 9562 section 5.4). With the environment's BERTH_SEED set, the
 * n-th call of a program gives the n-th GUID of that seed instead: reproducible, and not unique. */
int guid_new(struct guid *guid, struct err *e);

/* The GUID that stands for `purpose` beneath `parent`, always the same one (the idea of version 5,
 * RFC 9562 section 5.5, with SHA-256 as in version 8). */
void guid_derive(const struct guid *parent, const char *purpose, struct guid *guid);

#endif
