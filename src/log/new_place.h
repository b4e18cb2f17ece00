// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * new_place.h: whether the place to which an interrupted move goes is still the move's. Somebody
 * may have made a filesystem there meanwhile, with a tool that does not know of the move.
 */
#ifndef BERTH_LOG_NEW_PLACE_H
#define BERTH_LOG_NEW_PLACE_H

#include "block/blockdev.h"
#include "model/history.h"
#include "partition/table.h"

/* Notes in the pending move, before it writes anything, what is recognised in both places. */
int new_place_note(struct blockdev *disk, struct pending *pending, struct err *e);

/* True when the entry is as the work, of either kind, leaves it in the end. */
bool new_place_reached(const struct table_entry *entry, const struct pending *pending);

/* ERR_REFUSED, with the way out, when something is recognised there that neither was there before
 * nor is the partition's own. Any other work, and a move that noted nothing, is let go on. file:
 * the one that has the journal, or NULL. Writes nothing. */
int new_place_check(struct blockdev *disk, const struct table *there, const struct pending *pending,
                    const char *file, struct err *e);

#endif
