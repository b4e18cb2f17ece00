// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * edit.h: what one `berth part` command wants of a table: a copy of the table that is there, with
 * one thing changed. Pure; each is a change_edit_fn (flow/change.h) whose argument is a struct
 * edit.
 */
#ifndef BERTH_FLOW_EDIT_H
#define BERTH_FLOW_EDIT_H

#include "flow/change.h"

/* What a person said; NULL where nothing. */
struct edit {
    const char *part; /* number or name */
    const char *name, *type, *fs, *label, *uuid, *attributes;
    const char *size;  /* "10G", "30%", "rest"; for a resize also "+1G", "-1G" */
    const char *start; /* bytes, "10GiB"; for a move also "+1G", "-1G" */
    const char *align; /* a size; 1 MiB when NULL */
    const char *gap;   /* "largest", or a gap's number in `disk show`, from 1 */
    const char *number;
    const char *kind; /* of a new table: "gpt" or "mbr" */
    bool logical, active, inactive, convert;
    struct guid fresh[2]; /* GUIDs for what is new, the same ones each time it is planned */
};

/* Fills `fresh`. */
int edit_start(struct edit *edit, struct err *e);

int edit_add(void *edit, struct blockdev *bd, const struct table *there, struct wanted *wanted,
             struct err *e);
int edit_rm(void *edit, struct blockdev *bd, const struct table *there, struct wanted *wanted,
            struct err *e);
int edit_set(void *edit, struct blockdev *bd, const struct table *there, struct wanted *wanted,
             struct err *e);
int edit_resize(void *edit, struct blockdev *bd, const struct table *there, struct wanted *wanted,
                struct err *e);
int edit_move(void *edit, struct blockdev *bd, const struct table *there, struct wanted *wanted,
              struct err *e);
int edit_format(void *edit, struct blockdev *bd, const struct table *there, struct wanted *wanted,
                struct err *e);
int edit_table(void *edit, struct blockdev *bd, const struct table *there, struct wanted *wanted,
               struct err *e);

/* The table as it is, which has the partition that is to be wiped. */
int edit_wipe(void *edit, struct blockdev *bd, const struct table *there, struct wanted *wanted,
              struct err *e);

/* The table as it is: to finish what was begun, or to mend it. */
int edit_none(void *edit, struct blockdev *bd, const struct table *there, struct wanted *wanted,
              struct err *e);

#endif
