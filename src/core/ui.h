// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * ui.h: how long work talks to whoever started it. The library calls, the program decides what a
 * person sees. A NULL struct ui * is allowed everywhere and means silence.
 */
#ifndef BERTH_CORE_UI_H
#define BERTH_CORE_UI_H

#include "core/err.h"

#include <stdbool.h>
#include <stdint.h>

struct ui {
    /* Work called `what` has done `done` of `total` bytes (total 0: unknown). Non-zero cancels. */
    int (*progress)(struct ui *ui, const char *what, uint64_t done, uint64_t total);
    /* A line for the person. */
    void (*note)(struct ui *ui, const char *text);
    /* True when the person agrees. */
    bool (*ask)(struct ui *ui, const char *question);
};

/* Reports progress. Returns -1 with ERR_INTERRUPTED when the person cancelled. */
int ui_progress(struct ui *ui, const char *what, uint64_t done, uint64_t total, struct err *e);

void ui_note(struct ui *ui, const char *fmt, ...) ERR_PRINTF(2, 3);

#endif
