// SPDX-License-Identifier: GPL-3.0-or-later
/* overlay_parts.h: what an overlay is made of. For overlay*.c only. */
#ifndef BERTH_BLOCK_OVERLAY_PARTS_H
#define BERTH_BLOCK_OVERLAY_PARTS_H

#include "block/blockdev.h"
#include "core/overlay_store.h"

struct overlay {
    struct blockdev bd;
    struct blockdev *below;
    struct overlay_store store;
    int map_fd;       /* of store.map */
    size_t map_bytes; /* what is mapped of it */
};

#endif
