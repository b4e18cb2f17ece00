// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * machine_key.h: the table of keys (machine_key.def), which reading, printing and planning share.
 * Only for the machine_*.c files; others ask machine_key_class.
 */
#ifndef BERTH_MODEL_MACHINE_KEY_H
#define BERTH_MODEL_MACHINE_KEY_H

#include "model/machine.h"
#include "model/machine_value.h"

enum machine_section_id {
    SECTION_MACHINE,
    SECTION_DISK,
    SECTION_PARTITION,
    SECTION_SYSTEM,
    SECTION_ROOT,
    SECTION_USER,
    SECTION_FILE,
    SECTION_RUN,
    SECTION_MENU,
    SECTION_COUNT,
};

#define NOWHERE ((size_t)-1) /* an offset that is none */

/* A kind of mapping, and the struct that holds it. */
struct machine_section {
    const char *expected; /* completes "expected ..." */
    size_t bytes;         /* of the struct */
    size_t at;            /* offset of its struct position, or NOWHERE */
    bool one_line;        /* printed as {key: value, ...} */
};

enum key_shape {
    SHAPE_VALUE,
    SHAPE_LIST,
    SHAPE_PART,
    SHAPE_PARTS,
    SHAPE_HOST,
    SHAPE_MOUNTS,
    SHAPE_CONSOLES,
    SHAPE_LATER,
};

/* One row of machine_key.def. The offsets are into the struct of the key's section. */
struct machine_key {
    enum machine_section_id section;
    const char *name;
    bool required;
    enum key_class class;
    enum key_shape shape;
    const struct machine_value *value; /* VALUE, LIST, MOUNTS, CONSOLES */
    enum machine_section_id content;   /* PART, PARTS, HOST */
    size_t member;
    size_t count;   /* PARTS, HOST: the size_t with the number of elements */
    size_t present; /* PART: the bool that says that it is there, or NOWHERE */
    size_t at;      /* the struct position to fill in, or NOWHERE */
};

extern const struct machine_section machine_sections[SECTION_COUNT];

/* The next key of the section behind `key` (NULL: the first), or NULL behind the last. */
const struct machine_key *machine_key_next(enum machine_section_id section,
                                           const struct machine_key *key);

/* NULL when the section has no such key. */
const struct machine_key *machine_key_find(enum machine_section_id section, const char *name);

/* The key that somebody who wrote `name` may have meant, or NULL. */
const struct machine_key *machine_key_near(enum machine_section_id section, const char *name);

/* The elements of a HOST or PARTS key in `base`, the struct of its section: *n of them. `host` and
 * `guests` share an array, of which each gets its own part. */
void *machine_key_elements(const struct machine_key *key, const void *base, size_t *n);

#endif
