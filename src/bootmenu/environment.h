// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * environment.h: GRUB's environment block (GRUB manual, "Environment block"): NAME=VALUE lines in a
 * file of fixed size, which GRUB itself writes back in place. berth's are one sector of the disk
 * each, so that a write of one happens as a whole or not at all.
 */
#ifndef BERTH_BOOTMENU_ENVIRONMENT_H
#define BERTH_BOOTMENU_ENVIRONMENT_H

#include "core/err.h"
#include "tree/tree.h"

#include <stdbool.h>
#include <stddef.h>

#define ENVIRONMENT_MIN 512
#define ENVIRONMENT_MAX 4096

struct environment {
    char block[ENVIRONMENT_MAX];
    size_t bytes; /* 512 to 4096, as the file has */
};

/* An empty block. */
void environment_init(struct environment *env, size_t bytes);

/* Takes a block's bytes over; false when they are none, and env is empty then. */
bool environment_parse(struct environment *env, const char *data, size_t bytes);

/* The value, a new string that the caller frees; NULL when the name is not there or without memory.
 */
char *environment_get(const struct environment *env, const char *name);

/* Sets the name's value (printable ASCII), or takes the name out where value is NULL; other names
 * stay. ERR_NO_SPACE when it does not fit. */
int environment_set(struct environment *env, const char *name, const char *value, struct err *e);

/* Reads the block of a file. A file that is none gives an empty block of its size. ERR_NOT_FOUND.
 */
int environment_read(struct tree *tree, const char *path, struct environment *env, struct err *e);

/* Writes it in place. The caller syncs. */
int environment_write(struct tree *tree, const char *path, const struct environment *env,
                      struct err *e);

#endif
