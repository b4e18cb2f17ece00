// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * plan.h: what has to change so that a disk becomes what is wanted: by a machine file (plan_make),
 * or by a partition table that somebody wants (change_plan). Pure: no descriptors, and no reading
 * but of what is wanted and of the survey.
 */
#ifndef BERTH_PLAN_PLAN_H
#define BERTH_PLAN_PLAN_H

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
    bool grow;    /* it is there with fewer bytes than range.bytes, and becomes that large */
    bool restore; /* a prune that was cut short has marked it; its content is whole */
};

/* What is taken for the plan alone before its first write. */
struct plan_claim {
    struct extent range;
    char *what; /* for messages: "partition 3 (home)" */
};

struct plan {
    const struct survey *survey;
    struct step *steps;
    size_t n_steps;
    struct strings notes; /* what is reported and not acted on */
    struct plan_claim *claims;
    size_t n_claims;
    bool finishes;     /* work that was interrupted, and nothing else */
    bool takes_back;   /* the last change */
    bool gives_up;     /* such work: nothing leads back to it, so this is not undone */
    struct extent log; /* where the disk will remember it; bytes 0: nowhere, or not known yet */

    /* ---- of a wanted table only: the tables that the layout steps write ---- */
    struct table **layouts;
    size_t n_layouts;

    /* ---- of a machine file only ---- */
    struct table *table; /* as it shall be at the end of the table step, with final types */
    const struct machine *machine;
    struct plan_partition *partitions; /* in the order in which they are placed */
    size_t n_partitions;
    struct record *record; /* as it shall be */
    struct guid *removed;  /* partitions that --prune deletes */
    size_t n_removed;
};

struct plan_options {
    bool prune;
    const char *serial, *wwn; /* the device must say this of itself, or NULL */
    const char *const *lose;  /* partitions into whose place data of others may be lost */
    size_t n_lose;
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

/* The disk is the one that serial and WWN name (NULL: not asked). ERR_REFUSED. */
int plan_check_identity(const struct survey *survey, const char *serial, const char *wwn,
                        struct err *e);

/* ---- for what makes plans ---- */

/* Appends an empty step; NULL with the err filled. It stays the plan's. */
struct step *plan_add_step(struct plan *plan, enum step_kind kind, const char *target,
                           struct err *e);

/* The step that makes the disk's file, where it does not exist yet. */
int plan_add_create(struct plan *plan, struct err *e);

/* The step may change the range. */
void plan_touch(struct step *step, struct extent range);

/* A line that says more of what the step does; text becomes the step's, NULL is out of memory. */
int plan_detail(struct step *step, char *text, struct err *e);

/* The step loses that, in words; text becomes the step's, NULL is out of memory. */
int plan_lose(struct step *step, char *text, struct err *e);

int plan_add_claim(struct plan *plan, struct extent range, char *what, struct err *e);

int plan_note(struct plan *plan, struct err *e, const char *fmt, ...) ERR_PRINTF(3, 4);

/* The partition of that name, or NULL. */
const struct plan_partition *plan_partition(const struct plan *plan, const char *name);

#endif
