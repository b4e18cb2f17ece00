// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * plan.h: what has to change so that a disk becomes what a machine file says. Pure: no descriptors,
 * and no reading but of the machine, the survey and what is known of the images.
 */
#ifndef BERTH_FLOW_PLAN_H
#define BERTH_FLOW_PLAN_H

#include "images/image.h"
#include "model/machine.h"
#include "model/step.h"
#include "model/survey.h"
#include "partition/table.h"

#include <stdbool.h>

enum content {
    CONTENT_NONE,
    CONTENT_ESP,
    CONTENT_BIOS,
    CONTENT_EXT4,
    CONTENT_SWAP,
    CONTENT_SYSTEM
};

/* One partition that the machine file names. */
struct plan_partition {
    const struct machine_partition *wanted;
    const struct machine_system *system;  /* that owns it, or NULL */
    const struct image *image;            /* CONTENT_SYSTEM */
    const struct survey_partition *found; /* on the disk already, or NULL */
    enum content content;
    unsigned number;
    struct extent range;
    struct guid uuid, fs_uuid;
    bool fill;    /* its content has to be put there */
    bool restore; /* a prune that was cut short has marked it; its content is whole */
};

struct plan {
    const struct machine *machine;
    const struct survey *survey;
    struct plan_partition *partitions; /* in the order in which they are placed */
    size_t n_partitions;
    struct table *table;   /* as it shall be at the end of the table step, with final types */
    struct record *record; /* as it shall be */
    struct guid *removed;  /* partitions that --prune deletes */
    size_t n_removed;
    struct step *steps;
    size_t n_steps;
    struct strings notes; /* differences that are reported and not acted on */
};

struct plan_options {
    bool prune;
    const char *serial, *wwn; /* the device must say this of itself, or NULL */
};

/* images: one for each system of the machine, in its order. The plan borrows machine, survey and
 * images, which must outlive it. NULL with the err filled: what cannot be, and why. */
struct plan *plan_make(const struct machine *machine, const struct survey *survey,
                       const struct image *images, const struct plan_options *options,
                       struct err *e);

void plan_free(struct plan *plan);

#define _cleanup_plan_ __attribute__((cleanup(plan_cleanup)))
void plan_cleanup(struct plan **plan);

/* True when both plans do the same to the same bytes of the disk; making its file aside. */
bool plan_equal(const struct plan *a, const struct plan *b);

/* The partition of that name, or NULL. */
const struct plan_partition *plan_partition(const struct plan *plan, const char *name);

#endif
