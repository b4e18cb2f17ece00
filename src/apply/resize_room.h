// SPDX-License-Identifier: GPL-3.0-or-later
/* resize_room.h: where the journal of a resize can lie, and which bytes of a filesystem hold
 * nothing and may so be written without one. */
#ifndef BERTH_APPLY_RESIZE_ROOM_H
#define BERTH_APPLY_RESIZE_ROOM_H

#include "core/err.h"
#include "fs/fs.h"
#include "model/extent.h"

#include <stdbool.h>
#include <stdint.h>

/* Whether no byte of the range (of the filesystem) is live. Behind the filesystem's end nothing is;
 * where it is not known which blocks are free, none is. */
bool resize_is_free(const struct fs_free *free, struct extent range);

/* The filesystem on its disk. */
struct resize_place {
    const struct fs_free *free;
    struct blockdev *overlay; /* as it shall become */
    uint64_t at;              /* where it begins on the disk, bytes */
};

/* Ranges of the disk; their list is the caller's to free, also after a failure. */
struct resize_room {
    struct extents ranges;
    uint64_t bytes; /* of all of them */
};

/* Room for the journal of what the overlay has changed: `journal`, where that has bytes, and with
 * `own` runs of blocks of the filesystem that hold nothing before and after, until there is
 * enough. What there is may be too little: that shows when the journal is written. */
int resize_room_find(const struct resize_place *place, struct extent journal, bool own,
                     struct resize_room *room, struct err *e);

#endif
