// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * overlay.c: copy on write. Reads come from below until something was written; writes go to an
 * unnamed file (overlay_store.c), which is gone with its last descriptor.
 *
 * File and map are shared memory and descriptors, so that after a fork parent and child see one
 * device, and a tool that is handed their paths (overlay_tool.c) sees it too.
 */
#include "block/overlay.h"
#include "block/overlay_parts.h"
#include "core/cleanup.h"
#include "core/io.h"
#include "core/size.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

/* One call's reading of what is below: the device's own words are kept. */
struct reading {
    struct blockdev *below;
    struct err *e;
    bool failed;
};

static struct overlay *overlay_of(struct blockdev *bd)
{
    return (struct overlay *)bd;
}

static int read_below(void *arg, void *buf, size_t n, uint64_t offset)
{
    struct reading *reading = arg;

    if (blockdev_pread(reading->below, buf, n, offset, reading->e) == 0)
        return 0;
    reading->failed = true;
    return -1;
}

static int failure(struct overlay *o, const struct reading *reading)
{
    return reading->failed ? -1 : err_errno(reading->e, "the overlay of %s", o->bd.name);
}

static int overlay_pread(struct blockdev *bd, void *buf, size_t n, uint64_t offset, struct err *e)
{
    struct overlay *o = overlay_of(bd);
    struct reading reading = {o->below, e, false};

    return overlay_store_read(&o->store, &reading, buf, n, offset) == 0 ? 0 : failure(o, &reading);
}

static int overlay_pwrite(struct blockdev *bd, const void *buf, size_t n, uint64_t offset,
                          struct err *e)
{
    struct overlay *o = overlay_of(bd);
    struct reading reading = {o->below, e, false};

    return overlay_store_write(&o->store, &reading, buf, n, offset) == 0 ? 0 : failure(o, &reading);
}

static int overlay_zero(struct blockdev *bd, uint64_t offset, uint64_t bytes, struct err *e)
{
    struct overlay *o = overlay_of(bd);
    struct reading reading = {o->below, e, false};

    return overlay_store_zero(&o->store, &reading, offset, bytes) == 0 ? 0 : failure(o, &reading);
}

/* Nothing here is meant to survive. */
static int overlay_flush(struct blockdev *bd, struct err *e)
{
    (void)bd;
    (void)e;
    return 0;
}

/* The next data of the device below, as far as the overlay shows it. */
static int next_data_below(struct overlay *o, uint64_t offset, struct extent *data, struct err *e)
{
    uint64_t end = o->store.map->below_bytes;

    *data = (struct extent){offset, 0};
    if (offset >= end)
        return 0;
    if (blockdev_next_data(o->below, offset, data, e) < 0)
        return -1;
    if (data->start >= end)
        data->bytes = 0;
    else if (extent_end(data) > end)
        data->bytes = end - data->start;
    return 0;
}

static int overlay_next_data(struct blockdev *bd, uint64_t offset, struct extent *data,
                             struct err *e)
{
    struct extent changed;

    if (next_data_below(overlay_of(bd), offset, data, e) < 0)
        return -1;
    overlay_changed(bd, offset, &changed);
    if (changed.bytes == 0)
        return 0;
    if (data->bytes == 0 || data->start >= changed.start)
        *data = changed;
    else if (extent_end(data) > changed.start)
        data->bytes = changed.start - data->start;
    return 0;
}

static void overlay_close(struct blockdev *bd)
{
    struct overlay *o = overlay_of(bd);

    if (o->store.map != MAP_FAILED)
        munmap(o->store.map, o->map_bytes);
    cleanup_close(&o->store.fd);
    cleanup_close(&o->map_fd);
    pthread_mutex_destroy(&o->store.filling);
    free(o);
}

static const struct blockdev_ops overlay_ops = {
    .kind = "overlay",
    .pread = overlay_pread,
    .pwrite = overlay_pwrite,
    .zero = overlay_zero,
    .flush = overlay_flush,
    .next_data = overlay_next_data,
    .close = overlay_close,
};

bool overlay_is(const struct blockdev *bd)
{
    return bd->ops == &overlay_ops;
}

void overlay_files(struct blockdev *bd, int *file, int *map)
{
    struct overlay *o = overlay_of(bd);

    *file = o->store.fd;
    *map = o->map_fd;
}

void overlay_changed(struct blockdev *bd, uint64_t offset, struct extent *changed)
{
    struct overlay *o = overlay_of(bd);
    uint64_t blocks = round_up(bd->bytes, OVERLAY_BLOCK) / OVERLAY_BLOCK;
    uint64_t start = overlay_map_find(o->store.map, offset / OVERLAY_BLOCK, blocks, true);
    uint64_t end = overlay_map_find(o->store.map, start, blocks, false) * OVERLAY_BLOCK;

    *changed = (struct extent){offset, 0};
    if (start == blocks)
        return;
    start *= OVERLAY_BLOCK;
    changed->start = start < offset ? offset : start;
    changed->bytes = (end < bd->bytes ? end : bd->bytes) - changed->start;
}

static int open_memory(const char *name, uint64_t bytes, struct err *e)
{
    _cleanup_close_ int fd = memfd_create(name, MFD_CLOEXEC);

    if (fd < 0 || ftruncate(fd, (off_t)bytes) < 0)
        return err_errno(e, "%llu bytes of memory", (unsigned long long)bytes);
    return steal_fd(&fd);
}

static int show_map(struct overlay *o, struct err *e)
{
    o->store.map =
        mmap(NULL, o->map_bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, o->map_fd, 0);
    return o->store.map == MAP_FAILED ? err_errno(e, "%s: the map of its changes", o->bd.name) : 0;
}

static int open_files(struct overlay *o, const char *folder, struct err *e)
{
    o->map_bytes = overlay_map_bytes(o->bd.bytes);
    o->store.fd = folder != NULL ? io_temporary_file(folder, o->bd.bytes, e)
                                 : open_memory("berth overlay", o->bd.bytes, e);
    if (o->store.fd < 0)
        return -1;
    o->map_fd = open_memory("berth overlay map", o->map_bytes, e);
    if (o->map_fd < 0 || show_map(o, e) < 0)
        return -1;
    o->store.map->bytes = o->bd.bytes;
    o->store.map->below_bytes = o->below->bytes < o->bd.bytes ? o->below->bytes : o->bd.bytes;
    return 0;
}

/* Without files. */
static struct blockdev *overlay_new(struct blockdev *below, uint64_t bytes, struct err *e)
{
    struct overlay *o = calloc(1, sizeof(*o));

    if (o == NULL) {
        err_no_memory(e);
        return NULL;
    }
    o->bd = (struct blockdev){&overlay_ops, bytes, below->sector, below->name};
    o->below = below;
    o->store = (struct overlay_store){.map = MAP_FAILED, .fd = -1, .read_below = read_below};
    o->map_fd = -1;
    pthread_mutex_init(&o->store.filling, NULL);
    return &o->bd;
}

struct blockdev *overlay_open_sized(struct blockdev *below, uint64_t bytes, const char *folder,
                                    struct err *e)
{
    _cleanup_blockdev_ struct blockdev *bd = overlay_new(below, bytes, e);

    return bd != NULL && open_files(overlay_of(bd), folder, e) == 0 ? steal(bd) : NULL;
}

struct blockdev *overlay_adopt(struct blockdev *below, int file, int map, struct err *e)
{
    _cleanup_close_ int own_file = file, own_map = map;
    _cleanup_blockdev_ struct blockdev *bd = overlay_new(below, below->bytes, e);
    struct overlay *o = bd != NULL ? overlay_of(bd) : NULL;

    if (o == NULL)
        return NULL;
    o->store.fd = steal_fd(&own_file);
    o->map_fd = steal_fd(&own_map);
    o->map_bytes = overlay_map_bytes(o->bd.bytes);
    return show_map(o, e) == 0 ? steal(bd) : NULL;
}

struct blockdev *overlay_open(struct blockdev *below, const char *folder, struct err *e)
{
    return overlay_open_sized(below, below->bytes, folder, e);
}

int overlay_cut(struct blockdev *bd, uint64_t bytes, struct err *e)
{
    struct overlay *o = overlay_of(bd);

    if (bytes > bd->bytes)
        return err_set(e, ERR_FAILED, "%s: an overlay cannot be cut to more than it has", bd->name);
    if (ftruncate(o->store.fd, (off_t)bytes) < 0)
        return err_errno(e, "the overlay of %s", bd->name);
    overlay_map_forget(o->store.map, bytes);
    bd->bytes = o->store.map->bytes = bytes;
    if (o->store.map->below_bytes > bytes)
        o->store.map->below_bytes = bytes;
    return 0;
}
