// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * record.h: what berth keeps on the disk itself, on the ESP: names mapped to partition GUIDs and
 * image digests, resolved sizes, run defaults, the menu. JSON. No secret, no path.
 *
 * "berth-record" is the format's level, "needs" the lowest level that may change the record. A
 * reader of a lower level than "needs" may show it and must not change it; members that it does not
 * know it keeps.
 */
#ifndef BERTH_MODEL_RECORD_H
#define BERTH_MODEL_RECORD_H

#include "core/err.h"
#include "core/guid.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RECORD_LEVEL 1

struct record_volume {
    char *name;
    struct guid partition;
};

struct record_system {
    char *name;
    bool host;
    char *family;        /* "linux" */
    char *os;            /* "Debian GNU/Linux 12 (bookworm)" */
    char *image;         /* the image's name when it was installed */
    char *digest;        /* "sha256:..." */
    struct guid root;    /* PARTUUID */
    uint64_t bytes;      /* resolved size of the root */
    struct guid fs_uuid; /* of the root filesystem, in text order: print with guid_print */
    struct record_volume *volumes;
    size_t n_volumes;
    char *settings; /* what it was made with: "hostname=<hash> users=<hash>", or NULL */
    char *kernel_options;
    uint64_t memory; /* run defaults; 0 and NULL: not said */
    unsigned cpus;
    char *net, *engine;
    json_t *unknown; /* members of a later level, kept */
};

struct record {
    uint64_t generation; /* grows with every change */
    int level, needs;
    char *machine;    /* the machine's name */
    struct guid disk; /* GUID of the disk's table */
    struct record_system *systems;
    size_t n_systems;
    char *menu_default;
    int menu_timeout;
    char **menu_order;
    size_t n_menu_order;
    bool vga, serial;
    json_t *unknown;
};

/* Parses JSON. ERR_SYNTAX names the member. Freed with record_free. */
struct record *record_parse(const char *text, size_t len, struct err *e);

/* The record as JSON, a new string that the caller frees. */
char *record_print(const struct record *record, struct err *e);

struct record *record_new(struct err *e);
struct record *record_copy(const struct record *record, struct err *e);
void record_free(struct record *record);

/* NULL when there is none. */
struct record_system *record_system(const struct record *record, const char *name);

/* Appends an empty system with that name; NULL with the err filled. */
struct record_system *record_add_system(struct record *record, const char *name, struct err *e);

/* Removes the system, from the menu's order too. */
void record_remove_system(struct record *record, const char *name);

/* True when both say the same, generations aside. */
bool record_equal(const struct record *a, const struct record *b);

#define _cleanup_record_ __attribute__((cleanup(record_cleanup)))
void record_cleanup(struct record **record);

#endif
