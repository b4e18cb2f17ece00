// SPDX-License-Identifier: GPL-3.0-or-later
/* undo_parts.h: what remembering before a change and behind it share. For undo_*.c only. */
#ifndef BERTH_LOG_UNDO_PARTS_H
#define BERTH_LOG_UNDO_PARTS_H

#include "fs/fs.h"
#include "log/undo.h"

bool undo_moves_content(const struct step *step);

/* The one thing that the plan does, the menu aside, or NULL. */
const struct step *undo_only_step(const struct plan *plan);

/* The same, when it is one that a power cut leaves half done and no pending work completes. */
const struct step *undo_plain_step(const struct plan *plan);

/* With room for that many regions. step: the plan's only one, or NULL. NULL with the err filled. */
struct history_undo *undo_new(const struct step *step, const char *text, size_t n_regions,
                              struct err *e);

/* The table that a change would have made that was cut short; NULL with the err filled. */
struct table *undo_planned_table(struct blockdev *bd, const struct history_undo *undo,
                                 struct err *e);

/* Adds a region as it is now. before: what was there, or NULL where that is not needed. */
int undo_add_region(struct blockdev *bd, struct extent range, const void *before,
                    struct history_undo *undo, struct err *e);

/* Where what is in the range has its superblock. fs: NULL where it is none. */
int undo_find_head(struct blockdev *bd, const struct fs_ops *fs, struct extent range,
                   struct extent *head, struct err *e);

/* ---- undo_cut.c: filesystems that were longer than their partitions ---- */

/* Adds how each begins whose partition gets its size by the plan, and that stays as it is. now: the
 * table behind the plan. */
int undo_add_cuts(struct blockdev *bd, const struct table *before, const struct table *now,
                  const struct plan *plan, struct history_undo *undo, struct err *e);

/* True when the change gave the partition in that range the size of its filesystem. */
bool undo_was_cut(const struct history_undo *undo, const struct extent *range);

/* ERR_REFUSED, with the way out, since the filesystem whose head is there was written to. */
int undo_refuse_cut(struct blockdev *bd, const struct table *there, const struct history_undo *undo,
                    const struct extent *head, struct err *e);

/* A device of the disk's size, with the bytes that were there before; NULL with the err filled. */
struct blockdev *undo_stage(const struct blockdev *bd, const struct history_region *regions,
                            size_t n, struct err *e);

bool undo_lies_on(const struct blockdev *bd, const struct extent *range);

/* *to is a new copy. */
int undo_copy(void **to, const void *from, uint64_t bytes, struct err *e);

#endif
