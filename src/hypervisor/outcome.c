// SPDX-License-Identifier: GPL-3.0-or-later
/* outcome.c: a word and an eventfd. */
#include "hypervisor/outcome.h"

#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

int outcome_make(struct outcome *outcome, struct err *e)
{
    outcome->ending = -1;
    outcome->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return outcome->wake < 0 ? err_errno(e, "an eventfd") : 0;
}

void outcome_set(struct outcome *outcome, enum ending ending, const char *why)
{
    const uint64_t one = 1;

    pthread_mutex_lock(&lock);
    if (outcome->ending < 0) {
        if (why != NULL)
            snprintf(outcome->why, sizeof(outcome->why), "%s", why);
        outcome->ending = ending;
    }
    pthread_mutex_unlock(&lock);
    (void)!write(outcome->wake, &one, sizeof(one));
}
