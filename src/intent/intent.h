// SPDX-License-Identifier: GPL-3.0-or-later
/* intent.h: a machine file with everything that was found out about its disk and images. */
#ifndef BERTH_INTENT_INTENT_H
#define BERTH_INTENT_INTENT_H

#include "apply/apply.h"

struct intent {
    struct job job; /* first: plan_again finds the rest */
    struct machine *machine;
    struct image *images; /* one for each system */
    struct plan_options options;
};

/* Reads the file, the images and the disk, and plans. disk overrides the file's own. Writes
 * nothing. */
int intent_read(const char *file, const char *disk, const struct plan_options *options,
                struct intent *intent, struct err *e);
void intent_free(struct intent *intent);

#define _cleanup_intent_ __attribute__((cleanup(intent_free)))

#endif
