// SPDX-License-Identifier: GPL-3.0-or-later
/* redo_apply.c: how a change gets from the journal to its places. The journal comes from a disk:
 * each of its numbers is bounded, and all of it read through, before the first byte is written. */
#include "block/redo_index.h"
#include "core/cleanup.h"
#include "core/size.h"

#include <string.h>
#include <zlib.h>

uint32_t redo_crc(const void *data, size_t n)
{
    return (uint32_t)crc32_z(0, data, n);
}

void *redo_buffer(struct err *e)
{
    void *buf = NULL;

    if (posix_memalign(&buf, REDO_BLOCK, REDO_RUN_MOST) == 0)
        return buf;
    err_no_memory(e);
    return NULL;
}

bool redo_is_zeros(const char *bytes, size_t n)
{
    return bytes[0] == 0 && memcmp(bytes, bytes + 1, n - 1) == 0;
}

int redo_crc_on(struct blockdev *bd, uint64_t start, uint64_t bytes, char *buf, uint32_t *crc,
                struct err *e)
{
    *crc = 0;
    if (bd == NULL)
        memset(buf, 0, bytes < REDO_RUN_MOST ? (size_t)bytes : REDO_RUN_MOST);
    for (uint64_t done = 0, n; done < bytes; done += n) {
        n = bytes - done < REDO_RUN_MOST ? bytes - done : REDO_RUN_MOST;
        if (bd != NULL && blockdev_pread(bd, buf, (size_t)n, start + done, e) < 0)
            return -1;
        *crc = (uint32_t)crc32_z(*crc, (const unsigned char *)buf, (size_t)n);
    }
    return 0;
}

static int damaged(struct err *e)
{
    return err_set(e, ERR_VERIFY, "what was written to it is damaged");
}

static bool lies_on(const struct blockdev *bd, uint64_t start, uint64_t bytes)
{
    return start <= bd->bytes && bytes <= bd->bytes - start;
}

static bool entry_is_sane(const struct redo_entry *entry, const struct blockdev *disk,
                          const struct blockdev *journal)
{
    if (entry->bytes == 0 || !lies_on(disk, entry->to, entry->bytes))
        return false;
    if (entry->kind == REDO_ZEROS)
        return true;
    return entry->kind == REDO_DATA && entry->bytes <= REDO_RUN_MOST &&
           lies_on(journal, entry->from, entry->bytes);
}

/* A new copy of the index, every number of it checked; NULL with the err filled. */
static struct redo_index *read_index(struct blockdev *disk, struct blockdev *journal,
                                     const struct redo *redo, struct err *e)
{
    _cleanup_free_ struct redo_index *index = NULL;
    size_t n = (size_t)redo->index.bytes;
    const struct redo_entry *entries;

    if (n < sizeof(*index) || n > REDO_ENTRIES_MAX * sizeof(*entries) ||
        !lies_on(journal, redo->index.start, n)) {
        damaged(e);
        return NULL;
    }
    index = malloc(n);
    if (index == NULL) {
        err_no_memory(e);
        return NULL;
    }
    if (blockdev_pread(journal, index, n, redo->index.start, e) < 0)
        return NULL;
    if (redo_crc(index, n) != redo->crc ||
        memcmp(index->magic, REDO_MAGIC, sizeof(index->magic)) != 0 ||
        index->n != (n - sizeof(*index)) / sizeof(*entries)) {
        damaged(e);
        return NULL;
    }
    entries = (const struct redo_entry *)(index + 1);
    for (uint64_t i = 0; i < index->n; i++)
        if (!entry_is_sane(&entries[i], disk, journal)) {
            damaged(e);
            return NULL;
        }
    return steal(index);
}

static int verify_entry(struct blockdev *journal, const struct redo_entry *entry, char *buf,
                        struct err *e)
{
    if (entry->kind == REDO_ZEROS)
        return 0;
    if (blockdev_pread(journal, buf, entry->bytes, entry->from, e) < 0)
        return -1;
    return redo_crc(buf, entry->bytes) == entry->crc ? 0 : damaged(e);
}

static int apply_entry(struct blockdev *disk, struct blockdev *journal,
                       const struct redo_entry *entry, char *buf, struct err *e)
{
    if (entry->kind == REDO_ZEROS)
        return blockdev_zero(disk, entry->to, entry->bytes, e);
    if (blockdev_pread(journal, buf, entry->bytes, entry->from, e) < 0)
        return -1;
    return blockdev_pwrite(disk, buf, entry->bytes, entry->to, e);
}

static bool is_head(const struct redo_entry *entry, uint64_t head)
{
    return entry->kind != REDO_ZEROS && entry->to == head && entry->bytes == REDO_HEAD;
}

/* Everything but the head. */
static int apply_body(struct blockdev *disk, struct blockdev *journal,
                      const struct redo_entry *entries, uint64_t n, uint64_t head, char *buf,
                      struct err *e)
{
    for (uint64_t i = 0; i < n; i++)
        if (!is_head(&entries[i], head) && apply_entry(disk, journal, &entries[i], buf, e) < 0)
            return -1;
    return blockdev_flush(disk, e);
}

/* As long as the head is there, all of the rest is as it was before the first write, or as it is
 * after the last. */
static int check_unwritten(struct blockdev *disk, const struct redo_entry *entries, uint64_t n,
                           uint64_t head, char *buf, struct err *e)
{
    bool untouched = true, complete = true;
    uint32_t crc;

    if (blockdev_pread(disk, buf, REDO_HEAD, head, e) < 0)
        return -1;
    if (redo_is_zeros(buf, REDO_HEAD))
        return 0;
    for (uint64_t i = 0; i < n && (untouched || complete); i++) {
        if (is_head(&entries[i], head))
            continue;
        if (redo_crc_on(disk, entries[i].to, entries[i].bytes, buf, &crc, e) < 0)
            return -1;
        untouched = untouched && crc == entries[i].before;
        complete = complete && crc == entries[i].crc;
    }
    return untouched || complete ? 0 : err_set(e, ERR_VERIFY, "the disk was written to since");
}

/* The head is zeros from before the first write until after the last. */
static int apply_hidden(struct blockdev *disk, struct blockdev *journal,
                        const struct redo_entry *entries, uint64_t n, uint64_t head, char *buf,
                        struct err *e)
{
    const struct redo_entry *with_head = NULL;

    for (uint64_t i = 0; i < n && with_head == NULL; i++)
        if (is_head(&entries[i], head))
            with_head = &entries[i];
    if (with_head == NULL)
        return apply_body(disk, journal, entries, n, head, buf, e);
    if (check_unwritten(disk, entries, n, head, buf, e) < 0)
        return -1;
    memset(buf, 0, REDO_HEAD);
    if (blockdev_pwrite(disk, buf, REDO_HEAD, head, e) < 0 || blockdev_flush(disk, e) < 0 ||
        apply_body(disk, journal, entries, n, head, buf, e) < 0 ||
        apply_entry(disk, journal, with_head, buf, e) < 0)
        return -1;
    return blockdev_flush(disk, e);
}

static int apply_pieces(struct blockdev *disk, struct blockdev *journal, const struct redo *redo,
                        uint64_t head, struct err *e)
{
    _cleanup_free_ struct redo_index *index = read_index(disk, journal, redo, e);
    _cleanup_free_ char *buf = index == NULL ? NULL : redo_buffer(e);
    const struct redo_entry *entries;

    if (buf == NULL)
        return -1;
    entries = (const struct redo_entry *)(index + 1);
    for (uint64_t i = 0; i < index->n; i++)
        if (verify_entry(journal, &entries[i], buf, e) < 0)
            return -1;
    return apply_hidden(disk, journal, entries, index->n, head, buf, e);
}

int redo_apply(struct blockdev *disk, struct blockdev *journal, const struct redo *redo,
               uint64_t head, struct err *e)
{
    if (redo->index.bytes == 0)
        return 0;
    if (apply_pieces(disk, journal, redo, head, e) < 0)
        return err_wrap(e, "the journal at %llu of %s", (unsigned long long)redo->index.start,
                        journal->name);
    return 0;
}
