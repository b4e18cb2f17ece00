// SPDX-License-Identifier: GPL-3.0-or-later
/* step.c: names of what steps are. */
#include "model/step.h"

const char *step_durability_name(enum step_durability how)
{
    switch (how) {
    case DURABILITY_ATOMIC:
        return "atomic";
    case DURABILITY_RESUMABLE:
        return "resumable";
    case DURABILITY_FOREIGN:
        break;
    }
    return "foreign";
}
