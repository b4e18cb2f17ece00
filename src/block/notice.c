// SPDX-License-Identifier: GPL-3.0-or-later
/* notice.c: passes everything through, and notices whether anything is changed. */
#include "block/blockdev.h"

#include <stdlib.h>

struct notice {
    struct blockdev bd;
    struct blockdev *below;
    bool *changed;
};

static int notice_pread(struct blockdev *bd, void *buf, size_t n, uint64_t offset, struct err *e)
{
    return blockdev_pread(((struct notice *)bd)->below, buf, n, offset, e);
}

/* What is below, noticed to be changed: before it is, so that no change goes unnoticed. */
static struct blockdev *changing(struct blockdev *bd)
{
    struct notice *notice = (struct notice *)bd;

    __atomic_store_n(notice->changed, true, __ATOMIC_RELEASE);
    return notice->below;
}

static int notice_pwrite(struct blockdev *bd, const void *buf, size_t n, uint64_t offset,
                         struct err *e)
{
    return blockdev_pwrite(changing(bd), buf, n, offset, e);
}

static int notice_zero(struct blockdev *bd, uint64_t offset, uint64_t bytes, struct err *e)
{
    return blockdev_zero(changing(bd), offset, bytes, e);
}

static int notice_discard(struct blockdev *bd, uint64_t offset, uint64_t bytes, struct err *e)
{
    return blockdev_discard(changing(bd), offset, bytes, e);
}

static int notice_flush(struct blockdev *bd, struct err *e)
{
    return blockdev_flush(((struct notice *)bd)->below, e);
}

static void notice_close(struct blockdev *bd)
{
    free(bd);
}

static const struct blockdev_ops notice_ops = {
    .kind = "notice",
    .pread = notice_pread,
    .pwrite = notice_pwrite,
    .zero = notice_zero,
    .discard = notice_discard,
    .flush = notice_flush,
    .close = notice_close,
};

struct blockdev *notice_open(struct blockdev *below, bool *changed, struct err *e)
{
    struct notice *notice = malloc(sizeof(*notice));

    if (notice == NULL) {
        err_no_memory(e);
        return NULL;
    }
    *notice =
        (struct notice){{&notice_ops, below->bytes, below->sector, below->name}, below, changed};
    return &notice->bd;
}
