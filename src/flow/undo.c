// SPDX-License-Identifier: GPL-3.0-or-later
/* undo.c: remembers what a change overwrites in the table, and takes the change back. */
#include "flow/undo.h"
#include "core/cleanup.h"
#include "core/digest.h"
#include "core/size.h"

#include <string.h>

#define TORN_UNIT   512
#define REGION_MOST MIB

#define HEAD 4096 /* bytes of a partition that have its superblock, or its boot sector */

static int hash(struct blockdev *bd, struct extent range, char text[DIGEST_TEXT], struct err *e)
{
    _cleanup_free_ void *buf = malloc((size_t)range.bytes);

    if (buf == NULL)
        return err_no_memory(e);
    if (blockdev_pread(bd, buf, (size_t)range.bytes, range.start, e) < 0)
        return -1;
    strcpy(text, "sha256:");
    digest_hex_of(buf, (size_t)range.bytes, text + strlen("sha256:"));
    return 0;
}

/* ---- before ---- */

static bool is_remembered(const struct disk_log *log, const struct extent *range)
{
    for (size_t i = 0; i < log->n_before; i++)
        if (extent_contains(&log->before[i].range, range))
            return true;
    return false;
}

static int remember(struct disk_log *log, struct blockdev *bd, struct extent range, struct err *e)
{
    struct history_region *grown;
    void *bytes;

    if (is_remembered(log, &range))
        return 0;
    grown = realloc(log->before, (log->n_before + 1) * sizeof(*grown));
    bytes = malloc((size_t)range.bytes);
    if (grown != NULL)
        log->before = grown;
    if (grown == NULL || bytes == NULL) {
        free(bytes);
        return err_no_memory(e);
    }
    grown[log->n_before++] = (struct history_region){.range = range, .before = bytes};
    return blockdev_pread(bd, bytes, (size_t)range.bytes, range.start, e);
}

/* unit: bytes that each region has at most. */
static int remember_places(struct disk_log *log, struct blockdev *bd, const struct table *table,
                           uint64_t unit, struct err *e)
{
    _cleanup_free_ struct extent *places = NULL;
    size_t n = 0;

    if (table->kind == TABLE_NONE)
        return 0;
    if (table_sectors(table, bd, &places, &n, e) < 0)
        return -1;
    for (size_t i = 0; i < n; i++)
        for (uint64_t done = 0; done < places[i].bytes; done += unit) {
            uint64_t left = places[i].bytes - done;

            if (remember(log, bd,
                         (struct extent){places[i].start + done, left < unit ? left : unit}, e) < 0)
                return -1;
        }
    return 0;
}

int undo_remember(struct disk_log *log, struct blockdev *bd, const struct table *there,
                  const struct plan *plan, struct err *e)
{
    /* where a table comes over something else, an undo that was torn between sectors goes on */
    uint64_t unit = there->kind == TABLE_NONE ? TORN_UNIT : REGION_MOST;

    if (remember_places(log, bd, there, unit, e) < 0)
        return -1;
    for (size_t i = 0; i < plan->n_layouts; i++)
        if (remember_places(log, bd, plan->layouts[i], unit, e) < 0)
            return -1;
    return 0;
}

void undo_forget(struct disk_log *log)
{
    for (size_t i = 0; i < log->n_before; i++)
        free(log->before[i].before);
    free(log->before);
    log->before = NULL;
    log->n_before = 0;
}

/* ---- after ---- */

/* The one thing that the plan did, when it is one that can be taken back. */
static const struct step *only_step(const struct plan *plan)
{
    const struct step *only = NULL;

    for (size_t i = 0; i < plan->n_steps; i++) {
        const struct step *step = &plan->steps[i];

        if (step->kind == STEP_HOLD || step->kind == STEP_RELEASE)
            continue;
        if (only != NULL ||
            (step->kind != STEP_LAYOUT && step->kind != STEP_RESIZE && step->kind != STEP_MOVE))
            return NULL;
        only = step;
    }
    return only;
}

/* A region as it is now. before: what was there, or NULL where that is not needed. */
static int add_region(struct blockdev *bd, struct extent range, const void *before,
                      struct history_undo *undo, struct err *e)
{
    struct history_region *to = &undo->regions[undo->n_regions++];
    char text[DIGEST_TEXT];

    to->range = range;
    if (hash(bd, range, text, e) < 0)
        return -1;
    to->after = strdup(text);
    to->before = before != NULL ? malloc((size_t)range.bytes) : NULL;
    if (to->after == NULL || (before != NULL && to->before == NULL))
        return err_no_memory(e);
    if (before != NULL)
        memcpy(to->before, before, (size_t)range.bytes);
    return 0;
}

static bool is_partly_remembered(const struct disk_log *log, const struct extent *range)
{
    for (size_t i = 0; i < log->n_before; i++)
        if (extent_overlaps(&log->before[i].range, range))
            return true;
    return false;
}

/* What was remembered, and boot records that the table has got: the old one needs nothing that was
 * there, but somebody may change them. */
static int add_regions(const struct disk_log *log, struct blockdev *bd, bool with_bytes,
                       struct history_undo *undo, struct err *e)
{
    _cleanup_table_ struct table *now = table_read(bd, e);
    _cleanup_free_ struct extent *sectors = NULL;
    size_t n = 0;

    if (now == NULL || (now->kind != TABLE_NONE && table_sectors(now, bd, &sectors, &n, e) < 0))
        return -1;
    undo->regions = calloc(log->n_before + n + 2, sizeof(*undo->regions));
    if (undo->regions == NULL)
        return err_no_memory(e);
    for (size_t i = 0; i < log->n_before; i++)
        if (add_region(bd, log->before[i].range, with_bytes ? log->before[i].before : NULL, undo,
                       e) < 0)
            return -1;
    for (size_t i = 0; i < n; i++)
        if (!is_partly_remembered(log, &sectors[i]) &&
            add_region(bd, sectors[i], NULL, undo, e) < 0)
            return -1;
    return 0;
}

/* The head of what was moved or resized: its superblock changes with every mount, and more often
 * than the seconds that it counts. */
static int add_head(struct blockdev *bd, const struct step *step, struct history_undo *undo,
                    struct err *e)
{
    struct extent head = {step->to.start, step->to.bytes < HEAD ? step->to.bytes : HEAD};

    return add_region(bd, head, NULL, undo, e);
}

static int written(struct blockdev *bd, const struct step *step, uint64_t *seconds, struct err *e)
{
    const struct fs_ops *fs = step->fs != NULL ? fs_by_name(step->fs) : NULL;
    _cleanup_blockdev_ struct blockdev *slice = NULL;

    *seconds = 0;
    if (fs == NULL || fs->written == NULL)
        return 0;
    slice = slice_open(bd, step->to, e);
    return slice == NULL ? -1 : fs->written(slice, seconds, e);
}

static int fill(const struct disk_log *log, struct blockdev *bd, const struct step *step,
                const char *text, struct history_undo *undo, struct err *e)
{
    undo->op = step->kind == STEP_MOVE     ? HISTORY_MOVE
               : step->kind == STEP_RESIZE ? HISTORY_RESIZE
                                           : HISTORY_TABLE;
    undo->text = strdup(text);
    undo->partition = step->partition;
    undo->from = step->from;
    undo->to = step->to;
    undo->fs = step->fs != NULL ? strdup(step->fs) : NULL;
    if (undo->text == NULL || (step->fs != NULL && undo->fs == NULL))
        return err_no_memory(e);
    if (add_regions(log, bd, step->kind == STEP_LAYOUT, undo, e) < 0)
        return -1;
    if (step->kind == STEP_LAYOUT)
        return 0;
    return add_head(bd, step, undo, e) < 0 ? -1 : written(bd, step, &undo->fs_written, e);
}

int undo_describe(const struct disk_log *log, struct blockdev *bd, const struct plan *plan,
                  const char *text, struct history_undo **undo, struct err *e)
{
    const struct step *step = only_step(plan);

    *undo = NULL;
    if (step == NULL || log->n_before == 0)
        return 0;
    *undo = calloc(1, sizeof(**undo));
    if (*undo == NULL)
        return err_no_memory(e);
    if (fill(log, bd, step, text, *undo, e) == 0)
        return 0;
    history_undo_free(*undo);
    *undo = NULL;
    return -1;
}

/* ---- taking it back ---- */

/* True when the region is back already: an undo was cut short behind it. */
static bool is_back(struct blockdev *bd, const struct history_region *region)
{
    _cleanup_free_ void *buf = malloc((size_t)region->range.bytes);
    struct err ignored;

    return region->before != NULL && buf != NULL &&
           blockdev_pread(bd, buf, (size_t)region->range.bytes, region->range.start, &ignored) ==
               0 &&
           memcmp(buf, region->before, (size_t)region->range.bytes) == 0;
}

static int check_untouched(struct blockdev *bd, const struct history_undo *undo, struct err *e)
{
    char text[DIGEST_TEXT];

    for (size_t i = 0; i < undo->n_regions; i++) {
        const struct history_region *region = &undo->regions[i];
        struct extent disk = {0, bd->bytes};

        if (!extent_contains(&disk, &region->range))
            return err_set(e, ERR_REFUSED, "the disk has become smaller since");
        if (hash(bd, region->range, text, e) < 0)
            return -1;
        if (strcmp(text, region->after) != 0 && !is_back(bd, region))
            return err_set(e, ERR_REFUSED,
                           undo->op != HISTORY_TABLE && region->range.start == undo->to.start
                               ? "the filesystem in it was written to since"
                               : "the partition table was changed by something else since");
    }
    return 0;
}

static int check_unwritten(struct blockdev *bd, const struct history_undo *undo, struct err *e)
{
    struct step step = {.fs = undo->fs, .to = undo->to};
    uint64_t seconds;

    if (written(bd, &step, &seconds, e) < 0)
        return -1;
    if (seconds == undo->fs_written)
        return 0;
    return err_set(e, ERR_REFUSED, "the filesystem in it was written to since");
}

struct table *undo_table(struct blockdev *bd, const struct history_region *regions, size_t n,
                         struct err *e)
{
    _cleanup_blockdev_ struct blockdev *stage = mem_open(bd->bytes, bd->sector, e);

    for (size_t i = 0; stage != NULL && i < n; i++)
        if (regions[i].before != NULL &&
            blockdev_pwrite(stage, regions[i].before, (size_t)regions[i].range.bytes,
                            regions[i].range.start, e) < 0)
            return NULL;
    return stage == NULL ? NULL : table_read(stage, e);
}

static int reverse(const struct table *there, const struct history_undo *undo,
                   struct wanted *wanted, struct err *e)
{
    struct table_entry *entry;

    wanted->table = table_copy(there, e);
    if (wanted->table == NULL)
        return -1;
    entry = table_entry_by_uuid(wanted->table, &undo->partition);
    if (entry == NULL)
        return err_set(e, ERR_REFUSED, "its partition is gone");
    if (entry->range.start != undo->from.start)
        entry->ebr = 0;
    entry->range = undo->from;
    return 0;
}

static int back(struct blockdev *bd, const struct table *there, const struct history_undo *undo,
                struct wanted *wanted, struct err *e)
{
    if (check_untouched(bd, undo, e) < 0)
        return -1;
    if (undo->op == HISTORY_TABLE) {
        wanted->table = undo_table(bd, undo->regions, undo->n_regions, e);
        return wanted->table == NULL ? -1 : 0;
    }
    return check_unwritten(bd, undo, e) < 0 ? -1 : reverse(there, undo, wanted, e);
}

int edit_undo(void *arg, struct blockdev *bd, const struct table *there, struct wanted *wanted,
              struct err *e)
{
    _cleanup_history_ struct history *history = NULL;
    (void)arg;

    if (disk_log_read(bd, there, &history, e) < 0)
        return -1;
    if (history->pending != NULL) {
        err_set(e, ERR_REFUSED, "work on partition %u is not finished", history->pending->number);
        return err_hint(e, "finish it first: berth disk finish");
    }
    if (history->undo == NULL) {
        err_set(e, ERR_NOT_FOUND, "there is no change that could be undone");
        return err_hint(e, "berth disk log says what was done");
    }
    if (back(bd, there, history->undo, wanted, e) < 0)
        return err_wrap(e, "\"%s\" is not undone", history->undo->text);
    return 0;
}
