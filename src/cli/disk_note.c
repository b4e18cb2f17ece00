// SPDX-License-Identifier: GPL-3.0-or-later
/* disk_note.c: lines about a disk. */
#include "cli/disk_note.h"
#include "cli/text.h"
#include "core/shell.h"
#include "core/size.h"
#include "partition/table.h"

#include <stdarg.h>

#define LINE_MOST 2048 /* what is longer loses its end */

void disk_say(const char *lead, const char *fmt, ...)
{
    char text[LINE_MOST];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    text_print(stdout, lead, text);
}

uint64_t disk_unreachable(const struct survey *survey)
{
    return survey->bytes - table_reach(survey->table, survey->sector, survey->bytes);
}

void disk_note_unreachable(const struct survey *survey)
{
    uint64_t lost = disk_unreachable(survey);
    char reach[SIZE_TEXT], size[SIZE_TEXT];

    if (lost == 0)
        return;
    disk_say("note: ",
             "an MBR describes the first %s of a disk only: the last %s of this one cannot be "
             "used; `berth part table %s gpt --convert` makes it a GPT, which can",
             size_exact(survey->bytes - lost, reach, sizeof(reach)),
             size_human(lost, size, sizeof(size)), shell_quote(survey->path).text);
}
