// SPDX-License-Identifier: GPL-3.0-or-later
/* table_window.c: a disk's head and tail in memory. */
#include "partition/table_window.h"
#include "core/size.h"

#include <string.h>

int table_window_open(struct table_window *window, struct blockdev *bd, struct err *e)
{
    uint64_t end = round_down(bd->bytes, bd->sector);
    uint64_t head = end < TABLE_WINDOW_HEAD ? end : TABLE_WINDOW_HEAD;
    uint64_t tail = end - head < TABLE_WINDOW_TAIL ? end - head : TABLE_WINDOW_TAIL;

    window->bd = bd;
    window->lbas = bd->bytes / bd->sector;
    window->head = (struct extent){0, head};
    window->tail = (struct extent){end - tail, tail};
    if (blockdev_pread(bd, window->head_bytes, (size_t)head, 0, e) < 0)
        return -1;
    return blockdev_pread(bd, window->tail_bytes, (size_t)tail, window->tail.start, e);
}

int table_window_read(struct table_window *window, void *buf, size_t n, uint64_t offset,
                      struct err *e)
{
    struct extent range = {offset, n};

    if (extent_contains(&window->head, &range)) {
        memcpy(buf, window->head_bytes + offset, n);
        return 0;
    }
    if (extent_contains(&window->tail, &range)) {
        memcpy(buf, window->tail_bytes + (offset - window->tail.start), n);
        return 0;
    }
    return blockdev_pread(window->bd, buf, n, offset, e);
}
