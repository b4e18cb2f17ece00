// SPDX-License-Identifier: GPL-3.0-or-later
/* undo_region.c: the regions that an undo remembers: what is there now, and what was there. */
#include "core/cleanup.h"
#include "log/undo_parts.h"

#include <string.h>

void *undo_read(struct blockdev *bd, struct extent range, struct err *e)
{
    void *buf = malloc((size_t)range.bytes);

    if (buf == NULL) {
        err_no_memory(e);
        return NULL;
    }
    if (blockdev_pread(bd, buf, (size_t)range.bytes, range.start, e) == 0)
        return buf;
    free(buf);
    return NULL;
}

int undo_hash(struct blockdev *bd, struct extent range, char text[DIGEST_TEXT], struct err *e)
{
    _cleanup_free_ void *buf = undo_read(bd, range, e);

    if (buf == NULL)
        return -1;
    strcpy(text, "sha256:");
    digest_hex_of(buf, (size_t)range.bytes, text + strlen("sha256:"));
    return 0;
}

int undo_written(struct blockdev *bd, const struct step *step, uint64_t *seconds, struct err *e)
{
    const struct fs_ops *fs = step->fs != NULL ? fs_by_name(step->fs) : NULL;
    _cleanup_blockdev_ struct blockdev *slice = NULL;
    struct err unknown;

    *seconds = 0;
    if (fs == NULL || (fs->written == NULL && fs->locked == NULL))
        return 0;
    slice = slice_open(bd, step->to, e);
    if (slice == NULL)
        return -1;
    if (fs->locked == NULL) {
        /* something else may have been put there while the work was pending */
        if (fs->written(slice, seconds, &unknown) < 0)
            *seconds = 0;
        return 0;
    }
    if (fs->locked->written(slice, seconds, &unknown) < 0)
        *seconds = 0; /* a LUKS1, of which nothing but its place changes */
    return 0;
}

int undo_is_back(struct blockdev *bd, const struct history_region *region, struct err *e)
{
    _cleanup_free_ void *buf = NULL;

    if (region->before == NULL)
        return 0;
    buf = undo_read(bd, region->range, e);
    return buf == NULL ? -1 : memcmp(buf, region->before, (size_t)region->range.bytes) == 0;
}

bool undo_lies_on(const struct blockdev *bd, const struct extent *range)
{
    struct extent disk = {0, bd->bytes};

    return extent_contains(&disk, range);
}

struct blockdev *undo_stage(const struct blockdev *bd, const struct history_region *regions,
                            size_t n, struct err *e)
{
    _cleanup_blockdev_ struct blockdev *stage = mem_open(bd->bytes, bd->sector, e);

    for (size_t i = 0; stage != NULL && i < n; i++)
        if (regions[i].before != NULL &&
            blockdev_pwrite(stage, regions[i].before, (size_t)regions[i].range.bytes,
                            regions[i].range.start, e) < 0)
            return NULL;
    return steal(stage);
}

struct table *undo_table(struct blockdev *bd, const struct history_region *regions, size_t n,
                         struct err *e)
{
    _cleanup_blockdev_ struct blockdev *stage = undo_stage(bd, regions, n, e);

    return stage == NULL ? NULL : table_read(stage, e);
}

int undo_copy(void **to, const void *from, uint64_t bytes, struct err *e)
{
    *to = malloc((size_t)bytes);
    if (*to == NULL)
        return err_no_memory(e);
    memcpy(*to, from, (size_t)bytes);
    return 0;
}

int undo_add_region(struct blockdev *bd, struct extent range, const void *before,
                    struct history_undo *undo, struct err *e)
{
    struct history_region *to = &undo->regions[undo->n_regions++];
    char text[DIGEST_TEXT];

    to->range = range;
    if (undo_hash(bd, range, text, e) < 0)
        return -1;
    to->after = strdup(text);
    if (to->after == NULL)
        return err_no_memory(e);
    return before == NULL ? 0 : undo_copy(&to->before, before, range.bytes, e);
}

int undo_find_head(struct blockdev *bd, const struct fs_ops *fs, struct extent range,
                   struct extent *head, struct err *e)
{
    _cleanup_blockdev_ struct blockdev *slice = NULL;
    uint64_t offset = 0;

    *head = (struct extent){range.start, range.bytes < UNDO_HEAD ? range.bytes : UNDO_HEAD};
    if (fs == NULL || fs->head == NULL || fs->locked != NULL)
        return 0;
    slice = slice_open(bd, range, e);
    if (slice == NULL || fs->head(slice, &offset, e) < 0)
        return -1;
    if (offset <= range.bytes - head->bytes)
        head->start += offset;
    return 0;
}
