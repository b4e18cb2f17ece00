// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * step.h: one change that berth will make, as plain data. Printing, asking and applying walk the
 * same steps; what each kind does, and whether it is done already, is in apply/step.def.
 */
#ifndef BERTH_MODEL_STEP_H
#define BERTH_MODEL_STEP_H

#include "core/guid.h"
#include "model/extent.h"

#include <stdbool.h>
#include <stddef.h>

enum step_kind {
    STEP_CREATE,  /* make the image file */
    STEP_TABLE,   /* make the partition table say what is wanted, new partitions "incomplete" */
    STEP_FILL,    /* put a partition's content there, flush, then give it its type */
    STEP_RETIRE,  /* give what will be removed the type "incomplete" */
    STEP_MENU,    /* commit record and menu on the ESP */
    STEP_REMOVE,  /* delete what is no longer wanted from the table */
    STEP_HOLD,    /* keep a system from booting while its partition is worked on */
    STEP_RESIZE,  /* shrink or grow a partition with its filesystem */
    STEP_MOVE,    /* copy a partition to another place */
    STEP_WIPE,    /* overwrite signatures */
    STEP_UNWIPE,  /* put them back */
    STEP_LAYOUT,  /* make the partition table another one */
    STEP_RESTORE, /* put the bytes back that were where the table is */
    STEP_FORMAT,  /* make a filesystem in a partition */
    STEP_RELEASE, /* let the system boot again */
};

enum step_durability {
    DURABILITY_ATOMIC,    /* after a power cut: not done, or done */
    DURABILITY_RESUMABLE, /* after a power cut: pending, and the same command completes it */
    DURABILITY_FOREIGN,   /* an external tool that promises neither */
};

#define STEP_TOUCHES 8

struct step {
    enum step_kind kind;
    char *target;                        /* "dev", "the partition table" */
    char *text;                          /* what it does, in words */
    struct extent touches[STEP_TOUCHES]; /* the bytes of the disk it may change */
    size_t n_touches;
    char **details; /* more of it, a line each */
    size_t n_details;
    size_t n_changes; /* so many of the details, in front, say what is changed */
    char **loses;     /* what is lost by it, in words */
    size_t n_loses;
    uint64_t cost; /* bytes it will write, about */
    enum step_durability durability;
    struct guid partition;  /* FILL, HOLD, RESIZE, MOVE, FORMAT, RELEASE: which */
    unsigned number;        /* RESIZE, MOVE, FORMAT, WIPE, UNWIPE: its number */
    size_t layout;          /* LAYOUT: which of the plan's tables */
    bool mends;             /* LAYOUT: the disk has that table, and damage beside it goes */
    bool exact;             /* LAYOUT: an undo, whose bytes come back behind it */
    struct extent from, to; /* RESIZE, MOVE: the partition before and after */
    char *fs, *label;       /* RESIZE, MOVE, FORMAT: by its name in fs/fs.def, or NULL */
    char *mountpoint;       /* RESIZE: where it is mounted and stays so, or NULL */
    struct guid type;       /* FORMAT: the type that the partition has in the end */
    uint8_t code;           /* FORMAT: the same on an MBR */
    uint64_t attributes;    /* FORMAT: */
};

const char *step_durability_name(enum step_durability how); /* "resumable" */

/* Frees what the step owns, not the step. */
void step_clear(struct step *step);

#endif
