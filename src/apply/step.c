// SPDX-License-Identifier: GPL-3.0-or-later
/* step.c: the kinds of steps. */
#include "apply/step_ops.h"

const struct step_ops step_kinds[] = {
#define STEP(kind, name, function) [kind] = {name, function##_done, function##_apply},
#include "apply/step.def"
#undef STEP
};
