// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * fs_luks_resize.c: changes the size of the filesystem in a LUKS2 container.
 *
 * The filesystem's own row works on an overlay, in memory, of what the opened container shows. What
 * it changed is encrypted by writing it to the same place of a second container with the same
 * header, that is in memory too; from there it goes, encrypted, to the overlay of the partition. So
 * it is brought to the disk as every other resize is, and no plain text gets into a journal.
 */
#include "block/overlay.h"
#include "core/cleanup.h"
#include "core/size.h"
#include "fs/fs_luks.h"
#include "fs/probe.h"

#include <string.h>

#define CHUNK (4 * MIB)

/* The kind of filesystem in it; NULL when it is none that changes its size unmounted. */
static int inner_kind(struct fs_luks *luks, const struct fs_ops **inner, struct err *e)
{
    struct extent all = {0, luks->bd->bytes};
    struct probe probe;

    if (probe_range(luks->bd, all, &probe, e) < 0)
        return -1;
    *inner = probe.fs != NULL ? fs_by_blkid(probe.fs) : NULL;
    if (*inner != NULL && (*inner)->resize == NULL)
        *inner = NULL;
    probe_clear(&probe);
    return 0;
}

/* What is nothing that we know leaves the container as large as it is. */
static int locked_bounds(struct blockdev *bd, const char *key_file, struct fs_bounds *bounds,
                         struct err *e)
{
    _cleanup_luks_ struct fs_luks luks = {.loop = -1};
    const struct fs_ops *inner;
    struct fs_bounds in;

    if (fs_luks_open(&luks, bd, false, key_file, e) < 0 || inner_kind(&luks, &inner, e) < 0)
        return -1;
    *bounds = (struct fs_bounds){
        .now = bd->bytes, .least = bd->bytes, .most = bd->bytes, .unit = bd->sector};
    if (inner == NULL)
        return 0;
    if (inner->ready(luks.bd, e) < 0 || inner->bounds(luks.bd, &in, e) < 0)
        return err_wrap(e, "in %s", bd->name);
    bounds->now = in.now + luks.data;
    bounds->least = in.least + luks.data;
    bounds->floor = in.floor > 0 ? in.floor + luks.data : 0;
    bounds->most = in.most < UINT64_MAX - luks.data ? in.most + luks.data : in.most;
    bounds->unit = in.unit > 0 && luks.data % in.unit == 0 ? in.unit : bd->sector;
    return 0;
}

static int resize_inner(struct fs_luks *luks, struct blockdev *inside, uint64_t bytes,
                        struct err *e)
{
    const struct fs_ops *inner;

    if (inner_kind(luks, &inner, e) < 0)
        return -1;
    if (inner == NULL)
        return err_set(e, ERR_UNSUPPORTED, "%s holds nothing that changes its size unmounted",
                       luks->bd->name);
    return inner->ready(luks->bd, e) < 0 ? -1 : inner->resize(inside, bytes, e);
}

/* ---- back into the partition, encrypted ---- */

struct sealing {
    struct blockdev *inside;  /* the plain overlay */
    struct blockdev *scratch; /* the second container, in memory */
    struct fs_luks *seal;     /* it, opened */
    struct blockdev *overlay; /* of the partition */
    char *buf;
};

static int seal_chunk(struct sealing *s, uint64_t at, size_t n, struct err *e)
{
    uint64_t there = s->seal->data + at;

    if (blockdev_pread(s->inside, s->buf, n, at, e) < 0 ||
        blockdev_pwrite(s->seal->bd, s->buf, n, at, e) < 0 || blockdev_flush(s->seal->bd, e) < 0 ||
        blockdev_pread(s->scratch, s->buf, n, there, e) < 0 ||
        blockdev_pwrite(s->overlay, s->buf, n, there, e) < 0)
        return -1;
    return blockdev_discard(s->scratch, there, n, e);
}

static int seal_changes(struct sealing *s, struct err *e)
{
    struct extent run = {0};

    for (;;) {
        overlay_changed(s->inside, extent_end(&run), &run);
        if (run.bytes == 0)
            return 0;
        for (uint64_t done = 0, n; done < run.bytes; done += n) {
            n = run.bytes - done < CHUNK ? run.bytes - done : CHUNK;
            if (seal_chunk(s, run.start + done, (size_t)n, e) < 0)
                return -1;
        }
    }
}

static int copy_header(struct blockdev *from, struct blockdev *to, uint64_t bytes, struct err *e)
{
    _cleanup_blockdev_ struct blockdev *header = slice_open(from, (struct extent){0, bytes}, e);

    return header != NULL ? blockdev_copy_data(header, to, e) : -1;
}

static int seal(struct blockdev *bd, struct blockdev *inside, struct blockdev *overlay,
                uint64_t data, const char *key_file, struct err *e)
{
    _cleanup_blockdev_ struct blockdev *scratch = mem_open(bd->bytes, bd->sector, e);
    _cleanup_luks_ struct fs_luks luks = {.loop = -1};
    _cleanup_free_ void *buf = NULL;
    struct sealing sealing = {inside, scratch, &luks, overlay, NULL};

    if (posix_memalign(&buf, 4096, CHUNK) != 0)
        return err_no_memory(e);
    sealing.buf = buf;
    if (scratch == NULL || copy_header(bd, scratch, data, e) < 0 ||
        fs_luks_open(&luks, scratch, true, key_file, e) < 0)
        return -1;
    return seal_changes(&sealing, e);
}

static int locked_resize(struct blockdev *bd, struct blockdev *overlay, uint64_t bytes,
                         const char *key_file, struct err *e)
{
    _cleanup_luks_ struct fs_luks luks = {.loop = -1};
    _cleanup_blockdev_ struct blockdev *inside = NULL;

    if (fs_luks_open(&luks, bd, false, key_file, e) < 0)
        return -1;
    if (bytes <= luks.data)
        return err_set(e, ERR_NO_SPACE, "%s: its header does not fit into %llu bytes", bd->name,
                       (unsigned long long)bytes);
    inside = overlay_open(luks.bd, NULL, e); /* in memory: it is plain text */
    if (inside == NULL || resize_inner(&luks, inside, bytes - luks.data, e) < 0 ||
        seal(bd, inside, overlay, luks.data, key_file, e) < 0)
        return err_wrap(e, "in %s", bd->name);
    return overlay_cut(overlay, bytes, e);
}

/* ---- what is free in it ---- */

static int shift_free(const struct fs_free *in, uint64_t data, struct fs_free *out, struct err *e)
{
    uint64_t skip = data / in->block;

    *out = (struct fs_free){in->block, skip + in->blocks, NULL};
    out->bits = calloc(1, out->blocks / 8 + 1);
    if (out->bits == NULL)
        return err_no_memory(e);
    for (uint64_t i = 0; i < in->blocks; i++)
        if ((in->bits[i / 8] >> (i % 8) & 1) != 0)
            out->bits[(skip + i) / 8] |= (uint8_t)(1U << ((skip + i) % 8));
    return 0;
}

static int locked_free_blocks(struct blockdev *bd, const char *key_file, struct fs_free *out,
                              struct err *e)
{
    _cleanup_luks_ struct fs_luks luks = {.loop = -1};
    const struct fs_ops *inner;
    struct fs_free in = {0};
    int result = 0;

    if (fs_luks_open(&luks, bd, false, key_file, e) < 0 || inner_kind(&luks, &inner, e) < 0)
        return -1;
    if (inner == NULL || inner->free_blocks == NULL)
        return 0;
    if (inner->free_blocks(luks.bd, &in, e) < 0)
        return -1;
    if (in.block > 0 && luks.data % in.block == 0)
        result = shift_free(&in, luks.data, out, e);
    free(in.bits);
    return result;
}

const struct fs_locked_ops fs_luks_locked = {
    .bounds = locked_bounds,
    .resize = locked_resize,
    .free_blocks = locked_free_blocks,
    .written = fs_luks_written,
};
