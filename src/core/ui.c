// SPDX-License-Identifier: GPL-3.0-or-later
/* ui.c: calls the program's callbacks, where there are any. */
#include "core/ui.h"

#include <stdio.h>

int ui_progress(struct ui *ui, const char *what, uint64_t done, uint64_t total, struct err *e)
{
    if (ui == NULL || ui->progress == NULL || ui->progress(ui, what, done, total) == 0)
        return 0;
    return err_set(e, ERR_INTERRUPTED, "%s: interrupted", what);
}

void ui_note(struct ui *ui, const char *fmt, ...)
{
    char text[1024];
    va_list ap;

    if (ui == NULL || ui->note == NULL)
        return;
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    ui->note(ui, text);
}
