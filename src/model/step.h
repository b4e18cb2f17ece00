// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * step.h: one change that berth will make, as plain data. Printing, asking and applying walk the
 * same steps; what each kind does, and whether it is done already, is in flow/step.def.
 */
#ifndef BERTH_MODEL_STEP_H
#define BERTH_MODEL_STEP_H

#include "core/guid.h"
#include "model/extent.h"

#include <stddef.h>

enum step_kind {
    STEP_CREATE, /* make the image file */
    STEP_TABLE,  /* make the partition table say what is wanted, new partitions "incomplete" */
    STEP_FILL,   /* put a partition's content there, flush, then give it its type */
    STEP_RETIRE, /* give what will be removed the type "incomplete" */
    STEP_MENU,   /* commit record and menu on the ESP */
    STEP_REMOVE, /* delete what is no longer wanted from the table */
};

enum step_durability {
    DURABILITY_ATOMIC,    /* after a power cut: not done, or done */
    DURABILITY_RESUMABLE, /* after a power cut: pending, and the same command completes it */
    DURABILITY_FOREIGN,   /* an external tool that promises neither */
};

#define STEP_TOUCHES 4

struct step {
    enum step_kind kind;
    char *target;                        /* "dev", "the partition table" */
    char *text;                          /* what it does, in words */
    struct extent touches[STEP_TOUCHES]; /* the bytes of the disk it may change */
    size_t n_touches;
    char **loses; /* what is lost by it, in words */
    size_t n_loses;
    uint64_t cost; /* bytes it will write, about */
    enum step_durability durability;
    struct guid partition; /* STEP_FILL: which */
};

const char *step_durability_name(enum step_durability how); /* "resumable" */

#endif
