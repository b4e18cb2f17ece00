// SPDX-License-Identifier: GPL-3.0-or-later
/* record_member.h: structs as JSON objects, by a table of members. Only for record*.c and
 * history*.c. */
#ifndef BERTH_MODEL_RECORD_MEMBER_H
#define BERTH_MODEL_RECORD_MEMBER_H

#include "core/cleanup.h"
#include "core/err.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

enum member_kind {
    MEMBER_TEXT,     /* char *: one line; NULL is left out */
    MEMBER_NAME,     /* char *: a name */
    MEMBER_WORD,     /* char *: a name or such: no space, no slash */
    MEMBER_DIGEST,   /* char *: "sha256:" and 64 lower-case hexadecimal digits */
    MEMBER_GUID,     /* struct guid; zero is left out */
    MEMBER_BYTES,    /* uint64_t, at most INT64_MAX; 0 is left out */
    MEMBER_UNSIGNED, /* unsigned; 0 is left out */
    MEMBER_BITS,     /* uint64_t, all of it, as "0x" and hexadecimal digits; 0 is left out */
    MEMBER_INT,      /* int */
    MEMBER_FLAG,     /* bool */
    MEMBER_MARK,     /* bool; false is left out */
};

struct member {
    const char *name;
    enum member_kind kind;
    bool required;
    size_t offset;
    json_int_t min, max; /* of the numbers */
};

/* Reads the members into the struct at base; text is new strings. ERR_SYNTAX names the member. */
int members_read(const struct member *members, size_t n, const json_t *object, void *base,
                 struct err *e);

/* Adds the members of the struct at base to the object, in the table's order. A value that
 * members_read would not take is an error: nothing is written that cannot be read. */
int members_write(const struct member *members, size_t n, const void *base, json_t *object,
                  struct err *e);

/* What is left of the object without the members of the table and the listed ones, which end with
 * NULL: members of a later level, to be kept. NULL when nothing is left. */
int members_unknown(const struct member *members, size_t n, const char *const *lists,
                    json_t *object, json_t **unknown, struct err *e);

/* Appends a member to the object, taking over `value` (NULL: it could not be made). */
int member_add(json_t *object, const char *name, json_t *value, struct err *e);

/* For json_t *, in _cleanup_. */
void json_cleanup(json_t **json);

#define _cleanup_json_ _cleanup_(json_cleanup)

#endif
