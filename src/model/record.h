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

#define RECORD_LEVEL 2 /* 2: a system may be pending, and there may be work */

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
    char *pending;   /* what is done to its partition, so that it must not boot ("being moved"), or
                        NULL */
    json_t *unknown; /* members of a later level, kept */
};

#define RECORD_WORK_TRIES 8 /* a boot that never gets anywhere is not tried for ever */

/* What the next boot shall do before anything else (flow/at_boot.h). */
struct record_work {
    char *text;            /* "shrink partition 3 (main) to 2GiB" */
    struct guid partition; /* that is worked on */
    unsigned tries;        /* boots that have begun it */
    char *result;          /* why it failed and is not tried again; NULL: it is still to be done */
    json_t *unknown;
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
    struct record_work *work; /* or NULL */
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

/* Sets why the system must not boot; NULL: it may. Only a berth that knows of it may change the
 * record then. */
int record_hold(struct record *record, struct record_system *system, const char *why,
                struct err *e);

/* Makes that the work of the next boot, in the place of any other; NULL, NULL: there is none. */
int record_set_work(struct record *record, const char *text, const struct guid *partition,
                    struct err *e);

/* True while the work is to be done and the system of its partition must not boot before that: it
 * is half done. */
bool record_work_is_urgent(const struct record *record);

/* The system that the partition belongs to, root or volume; NULL: none. */
struct record_system *record_owner(const struct record *record, const struct guid *partition);

/* Removes the system, from the menu's order too. */
void record_remove_system(struct record *record, const char *name);

/* True when both say the same, generations aside. */
bool record_equal(const struct record *a, const struct record *b);

#define _cleanup_record_ __attribute__((cleanup(record_cleanup)))
void record_cleanup(struct record **record);

#endif
