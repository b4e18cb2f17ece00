// SPDX-License-Identifier: GPL-3.0-or-later
/* intent_lose.h: what a machine file's plan would put over what is in free space. */
#ifndef BERTH_INTENT_INTENT_LOSE_H
#define BERTH_INTENT_INTENT_LOSE_H

#include "plan/plan.h"

/* Looks where the plan makes or grows partitions. ERR_REFUSED names what is there and is not
 * berth's, and the words that say that it may be lost (options->lose); what may, the steps say.
 * Writes nothing. */
int intent_check_losses(struct plan *plan, struct blockdev *bd, const struct plan_options *options,
                        struct err *e);

#endif
