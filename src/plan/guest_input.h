// SPDX-License-Identifier: GPL-3.0-or-later
/* guest_input.h: what turns an image into one system of the plan: names become UUIDs, files are
 * read. */
#ifndef BERTH_PLAN_GUEST_INPUT_H
#define BERTH_PLAN_GUEST_INPUT_H

#include "images/customize.h"
#include "plan/plan.h"

struct guest_input;

/* For the system whose root that is. Reads the machine file's files. The plan must outlive it. */
struct guest_input *guest_input_new(const struct plan *plan, const struct plan_partition *root,
                                    struct err *e);
const struct customize_input *guest_input_customize(const struct guest_input *input);
void guest_input_free(struct guest_input *input);

#define _cleanup_guest_input_ __attribute__((cleanup(guest_input_cleanup)))
void guest_input_cleanup(struct guest_input **input);

/* Checks what the systems to be installed need, before any write: their files are read, their
 * settings suit their images. */
int guest_input_check(const struct plan *plan, struct err *e);

#endif
