// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * step_ops.h: what each kind of step does. step.def is the table; done() looks at the disk, and
 * that alone makes apply repeatable and resumable.
 */
#ifndef BERTH_APPLY_STEP_OPS_H
#define BERTH_APPLY_STEP_OPS_H

#include "block/disk.h"
#include "core/ui.h"
#include "log/disk_log.h"
#include "plan/plan.h"

struct apply {
    const struct plan *plan;
    struct disk *disk; /* NULL until the file is there */
    const char *path;
    const char *key_file; /* for LUKS, or NULL */
    struct ui *ui;
    struct disk_log log;
};

struct step_ops {
    const char *name;
    /* 1: the disk shows that it is done, 0: it does not, -1: it cannot be told */
    int (*done)(struct apply *apply, const struct step *step, struct err *e);
    int (*apply)(struct apply *apply, const struct step *step, struct err *e);
};

#define STEP(kind, name, function)                                                                 \
    int function##_done(struct apply *apply, const struct step *step, struct err *e);              \
    int function##_apply(struct apply *apply, const struct step *step, struct err *e);
#include "apply/step.def"
#undef STEP

extern const struct step_ops step_kinds[];

/* step_table.c: tells the kernel what the table says, or asks whether that could be done. */
int step_teach_kernel(struct apply *apply, const struct table *table, struct err *e);
int step_check_kernel(struct apply *apply, const struct table *table, struct err *e);

/* step_table.c: makes the table on the disk this one, and tells the kernel. */
int step_write_table(struct apply *apply, const struct table *table, struct err *e);

/* step_resize.c: whether what a filesystem holds fits where that is not certain: its tool tries it
 * on a copy, which then goes. ERR_NO_SPACE. Writes nothing. */
int step_resize_try(struct apply *apply, const struct step *step, struct err *e);

/* step_hold.c: the work that a STEP_RELEASE follows failed and left nothing behind: the system
 * boots again, from its partition as it is now. */
int step_let_boot(struct apply *apply, const struct step *step, struct err *e);

/* The type that a partition gets when its content is complete: the commit of a fill. */
int step_commit_type(struct apply *apply, const struct plan_partition *partition, struct err *e);

#endif
