// SPDX-License-Identifier: GPL-3.0-or-later
/* outcome.h: how a machine ends. The first to say so is heard; everybody else stops. */
#ifndef BERTH_HYPERVISOR_OUTCOME_H
#define BERTH_HYPERVISOR_OUTCOME_H

#include "core/err.h"

/* The values are the monitor's exit statuses. */
enum ending {
    ENDING_OFF = 0,    /* the guest powered off */
    ENDING_FAILED = 1, /* the machine could not be made, or the host failed it */
    ENDING_RESET = 10,
    ENDING_CRASH = 11, /* triple fault, a panic the guest reported, an error of KVM */
};

struct outcome {
    int wake;           /* eventfd: readable once there is an ending */
    _Atomic int ending; /* -1: still running */
    char why[160];      /* in words, for a crash; valid when the ending is read from the loop */
};

int outcome_make(struct outcome *outcome, struct err *e);

/* From any thread. why: NULL, or what happened, in words. */
void outcome_set(struct outcome *outcome, enum ending ending, const char *why);

#endif
