// SPDX-License-Identifier: GPL-3.0-or-later
/* left_parts.h: what the files of what berth left share. For left*.c only. */
#ifndef BERTH_LOG_LEFT_PARTS_H
#define BERTH_LOG_LEFT_PARTS_H

#include "log/left.h"

/* 1: it reads as berth left it. */
int left_is_same(struct blockdev *bd, const struct history_left *left, struct err *e);

/* Adds the range as it reads now. */
int left_keep(struct history *history, struct blockdev *bd, struct extent range, bool made,
              struct err *e);

/* left_split.c: pieces of which each step of the plan takes all or nothing become ranges of their
 * own, where the whole reads the same still. area: of the log. */
int left_split(struct history *history, struct blockdev *bd, const struct plan *plan,
               struct extent area, struct err *e);

#endif
