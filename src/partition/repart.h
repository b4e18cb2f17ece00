// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * repart.h: repart.d files on their way to a table. For repart_*.c only.
 *
 * repart_read.c makes definitions of files, repart_place.c finds out which partitions there will be
 * and where. What a definition does not say is REPART_UNSET.
 */
#ifndef BERTH_PARTITION_REPART_H
#define BERTH_PARTITION_REPART_H

#include "partition/wanted.h"

#define REPART_UNSET UINT64_MAX

enum repart_flag { REPART_FLAG_DEFAULT = -1, REPART_FLAG_OFF, REPART_FLAG_ON };

/* A partition that is wanted, or there, or both. */
struct repart_partition {
    /* as its file says; sizes in bytes */
    char *file; /* NULL: no file means it, so it stays as it is ("foreign") */
    struct guid type, uuid;
    bool uuid_given;
    char *label;  /* or NULL */
    char *format; /* or NULL */
    int32_t priority;
    uint32_t weight, padding_weight;
    uint64_t size_min, size_max, padding_min, padding_max;
    uint64_t flags;
    enum repart_flag no_auto, read_only, grow_fs;

    /* as it is on the disk */
    const struct table_entry *there; /* NULL: it is new */
    uint64_t size_there;             /* bytes; of a new one REPART_UNSET */
    uint64_t padding_there;          /* free bytes behind it */

    /* the result */
    bool dropped;
    unsigned number;
    uint64_t start, size, padding;

    /* used while placing: indexes of areas, -1: none */
    int area_behind; /* the free area right behind it */
    int area;        /* the one it was put into */
};

struct repart_set {
    struct repart_partition *partitions; /* first those with files, in the files' order */
    size_t n;
    struct strings notes; /* what placing leaves out, in words */
};

void repart_set_clear(struct repart_set *set);

#define _cleanup_repart_set_ __attribute__((cleanup(repart_set_clear)))

/* Appends an empty partition with repart.d(5)'s defaults; NULL with the err filled. */
struct repart_partition *repart_set_add(struct repart_set *set, struct err *e);

/* repart_file.c: parses a file, or a drop-in to it, into the partition; name is for messages. */
int repart_file_parse(const char *text, const char *name, struct repart_partition *partition,
                      struct err *e);

/* repart_key.c: one assignment. */
int repart_key_set(struct repart_partition *partition, const char *key, const char *value,
                   struct err *e);

/* What has to hold between the keys, and defaults that follow from others. */
int repart_key_finish(struct repart_partition *partition, const char *name, struct err *e);

/* repart_type.c: types by repart.d(5)'s names. */
#define REPART_KNOWS_READ_ONLY 1u
#define REPART_KNOWS_GROW_FS   2u
#define REPART_KNOWS_NO_AUTO   4u

int repart_type_parse(const char *text, struct guid *type, struct err *e);
const char *repart_type_name(const struct guid *type); /* NULL when it has none */
unsigned repart_type_knows(const struct guid *type);   /* REPART_KNOWS_... */
bool repart_type_is_verity(const struct guid *type);

/* A GUID with or without dashes. Returns -1 when it is none. */
int repart_guid_parse(const char *text, struct guid *guid);

/*
 * repart_place.c: systemd-repart's allocation, pure. `usable` is where partitions may be (bytes),
 * grain what everything new is aligned to. Fills the results of all partitions, and the notes.
 * ERR_NO_SPACE names the file of a partition whose priority is 0 or less and that does not fit.
 */
int repart_place(struct repart_set *set, struct extent usable, uint64_t grain, struct err *e);

/* repart_identity.c: the GUIDs and labels of the new ones. */
int repart_identity_fill(struct repart_set *set, const struct guid *seed, struct err *e);

/* The GUID of a new table. */
void repart_disk_guid(const struct guid *seed, struct guid *guid);

#endif
