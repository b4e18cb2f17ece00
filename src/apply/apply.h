// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * apply.h: from steps to the disk. Whatever says what is wanted - a machine file (intent.h), a
 * command's edit or a script (change.h) - becomes a job: printing, asking and applying see the same
 * steps.
 */
#ifndef BERTH_APPLY_APPLY_H
#define BERTH_APPLY_APPLY_H

#include "block/disk.h"
#include "core/ui.h"
#include "plan/plan.h"

/* A disk, what is on it, and what shall be done. */
struct job {
    char *path;           /* of the disk */
    unsigned sector;      /* of a file, as the person says; 0: found out */
    const char *journal;  /* a file for the journal instead of the disk's own area, or NULL */
    const char *key_file; /* for LUKS, or NULL */
    struct survey *survey;
    struct plan *plan;
    /* Plans anew from another survey of the disk, open now: nobody shall have changed it. */
    struct plan *(*plan_again)(struct job *job, struct disk *disk, const struct survey *survey,
                               struct err *e);
};

/* Notes who uses the disk in a way that would have `apply` refuse the plan. Planning is reading,
 * and goes on. */
int plan_note_users(struct plan *plan, struct disk *disk, struct err *e);

/* Before anything is shown: whether what the steps need beside the disk is there. ERR_REFUSED. */
int apply_check(const struct job *job, struct err *e);

/*
 * Walks the steps. First everything is locked and the disk is surveyed and planned again: when that
 * gives other steps than the job's, nothing is written (ERR_REFUSED). Steps that the disk shows
 * to be done are passed over. What was done goes into the disk's own log (log/disk_log.h). On
 * failure the err says what state the disk is in.
 */
int apply(struct job *job, struct ui *ui, struct err *e);

#endif
