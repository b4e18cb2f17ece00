// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * customize.h: makes an image's files into one particular system, on their way from the image's
 * tree to the partition's. What it will change it takes out of the stream, and puts the final
 * versions at the end; nothing is written twice.
 */
#ifndef BERTH_IMAGES_CUSTOMIZE_H
#define BERTH_IMAGES_CUSTOMIZE_H

#include "core/ui.h"
#include "images/image.h"
#include "model/machine.h"
#include "tree/tree.h"

/* A filesystem that the system mounts beside its root. */
struct customize_mount {
    const char *uuid; /* of the filesystem, as text */
    const char *path; /* absolute */
    const char *fs;   /* "ext4" */
    bool own;         /* one of its own volumes: there in both lives; others are nofail */
};

/* A file of the machine file's `files`, read already. */
struct customize_file {
    const char *to; /* absolute */
    unsigned mode;
    const void *data;
    size_t len;
};

/* Everything that makes the system what it is. The caller keeps what it points to. */
struct customize_input {
    const struct machine_system *system;
    const char *root_uuid; /* of the root filesystem, as text */
    const char *swap_uuid; /* of a swap volume of its own, as text, or NULL */
    const struct customize_mount *mounts;
    size_t n_mounts;
    const struct customize_file *files;
    size_t n_files;
};

/* Checks what can be known before anything is written: that the image is a Linux for amd64 that has
 * the time zone and the users' groups, and none of the users yet; that no text of the machine file
 * would break the files it goes into. The err says which and what would do. Pure. */
int customize_check(const struct image *image, const struct machine_system *system, struct err *e);

struct customize;

/* NULL with the err filled. The input must outlive it. */
struct customize *customize_new(const struct customize_input *input, struct err *e);

/* Shows it one entry of the image, with its content where it is a file. Returns 1 when it has taken
 * the entry, which then must not be put by the caller, and 0 when the entry goes on as it is. */
int customize_take(struct customize *customize, const struct tree_entry *entry,
                   struct tree_source *content, struct err *e);

/* Puts the final versions. What the image gives no way to do (it has no systemd, no sudo) is told
 * through ui. */
int customize_finish(struct customize *customize, struct tree *to, struct ui *ui, struct err *e);

void customize_free(struct customize *customize); /* NULL is allowed */

#define _cleanup_customize_ __attribute__((cleanup(customize_cleanup)))
void customize_cleanup(struct customize **customize);

#endif
