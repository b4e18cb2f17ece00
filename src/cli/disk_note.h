// SPDX-License-Identifier: GPL-3.0-or-later
/* disk_note.h: what is no damage of a disk, yet better known. */
#ifndef BERTH_CLI_DISK_NOTE_H
#define BERTH_CLI_DISK_NOTE_H

#include "model/survey.h"

/* Prints a line, made safe for a terminal; on one, as many as it takes. lead is as in text_print.
 */
void disk_say(const char *lead, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* How many bytes at the disk's end its table cannot describe: of an MBR those behind 2^32 sectors.
 */
uint64_t disk_unreachable(const struct survey *survey);

/* Says so, and the way out; nothing where there are none. */
void disk_note_unreachable(const struct survey *survey);

#endif
