// SPDX-License-Identifier: GPL-3.0-or-later
/* step.c: names of what steps are, and freeing them. */
#include "model/step.h"

#include <stdlib.h>

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

void step_clear(struct step *step)
{
    for (size_t i = 0; i < step->n_details; i++)
        free(step->details[i]);
    free(step->details);
    for (size_t i = 0; i < step->n_loses; i++)
        free(step->loses[i]);
    free(step->loses);
    free(step->target);
    free(step->text);
    free(step->fs);
    free(step->label);
    free(step->mountpoint);
}
