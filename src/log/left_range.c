// SPDX-License-Identifier: GPL-3.0-or-later
/* left_range.c: one range that berth left. */
#include "log/left_parts.h"

#include <string.h>

int left_is_same(struct blockdev *bd, const struct history_left *left, struct err *e)
{
    const struct extent disk = {0, bd->bytes};
    char text[DIGEST_TEXT];

    if (!extent_contains(&disk, &left->range))
        return 0;
    return probe_digest(bd, left->range, text, e) < 0 ? -1 : strcmp(text, left->digest) == 0;
}

int left_keep(struct history *history, struct blockdev *bd, struct extent range, bool made,
              struct err *e)
{
    char text[DIGEST_TEXT];
    struct history_left left = {.range = range, .digest = text, .made = made};

    return probe_digest(bd, range, text, e) < 0 ? -1 : history_add_left(history, &left, e);
}
