// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * backup.h: a disk's partition table as a file: the very sectors, and the same as an sfdisk script
 * that any rescue system can read.
 */
#ifndef BERTH_FLOW_BACKUP_H
#define BERTH_FLOW_BACKUP_H

#include "flow/change.h"

/* The table of the disk as the text of such a file, new. ERR_NOT_FOUND when it has none. */
char *backup_print(struct blockdev *bd, const struct table *table, const char *path, struct err *e);

/* A change_edit_fn: the table that the backup has. arg: the file's path. ERR_SYNTAX names what is
 * wrong with it, ERR_REFUSED a disk of another size. */
int edit_restore(void *arg, struct blockdev *bd, const struct table *there, struct wanted *wanted,
                 struct err *e);

/* 1: the table that edit_restore gave overwrites nothing but zeros and the same bytes, so that
 * nothing is lost by it; 0: something else lies there. */
int backup_fits(const struct wanted *wanted, struct blockdev *bd, struct err *e);

#endif
