// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * apply.h: from a machine file to steps, and from steps to the disk. Printing, asking and applying
 * see the same steps.
 */
#ifndef BERTH_FLOW_APPLY_H
#define BERTH_FLOW_APPLY_H

#include "core/ui.h"
#include "flow/plan.h"

/* A machine file with everything that was found out about its disk and images. */
struct intent {
    struct machine *machine;
    char *path; /* of the disk */
    struct survey *survey;
    struct image *images; /* one for each system */
    struct plan *plan;
};

/* Reads the file, the images and the disk, and plans. disk overrides the file's own. Writes
 * nothing. */
int intent_read(const char *file, const char *disk, const struct plan_options *options,
                struct intent *intent, struct err *e);
void intent_free(struct intent *intent);

#define _cleanup_intent_ __attribute__((cleanup(intent_free)))

/*
 * Walks the steps. First everything is locked and the disk is surveyed and planned again: when that
 * gives other steps than the intent's, nothing is written (ERR_REFUSED). Steps that the disk shows
 * to be done are passed over. On failure the err says what state the disk is in.
 */
int apply(const struct intent *intent, const struct plan_options *options, struct ui *ui,
          struct err *e);

#endif
