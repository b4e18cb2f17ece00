// SPDX-License-Identifier: GPL-3.0-or-later
/* disk_log.c: reads and writes what a disk remembers of berth's work on it. */
#include "flow/disk_log.h"
#include "core/cleanup.h"
#include "core/io.h"
#include "core/size.h"
#include "flow/disk_log_place.h"
#include "flow/undo.h"
#include "tree/tree.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define FILE_BYTES (64 * MIB) /* of a journal file that is made new */

/* ---- reading ---- */

/* True when work on the entry, or its beginning or end, has it there, and the work is within no
 * other partition. */
static bool is_at_work(const struct table *table, const struct table_entry *entry,
                       const struct pending *pending)
{
    uint64_t start = entry->range.start;

    for (size_t i = 0; i < table->n; i++)
        if (&table->entries[i] != entry &&
            (extent_overlaps(&table->entries[i].range, &pending->from) ||
             extent_overlaps(&table->entries[i].range, &pending->to)))
            return false;
    return start == pending->from.start || start == pending->both.start ||
           start == pending->to.start;
}

/* The partition that is worked on. Its GUID on an MBR is made of its number, which changes when a
 * logical partition before it goes: there the place says more. */
static const struct table_entry *worked_on(const struct table *table, const struct pending *pending)
{
    for (size_t i = 0; i < table->n; i++)
        if (guid_equal(&table->entries[i].uuid, &pending->partition) &&
            is_at_work(table, &table->entries[i], pending))
            return &table->entries[i];
    for (size_t i = 0; table->kind == TABLE_MBR && i < table->n; i++)
        if (is_at_work(table, &table->entries[i], pending))
            return &table->entries[i];
    return NULL;
}

/* Work on a partition that somebody deleted, or gave its room to others, is over; the log says so.
 */
static int settle_pending(struct history *history, const struct table *table, struct err *e)
{
    struct pending *pending = history->pending;
    const struct table_entry *entry = pending != NULL ? worked_on(table, pending) : NULL;
    _cleanup_free_ char *text = NULL;
    int64_t now = tree_now();

    if (pending == NULL)
        return 0;
    if (entry != NULL) {
        pending->partition = entry->uuid;
        pending->number = entry->number;
        return 0;
    }
    text = io_format(e, "given up: %s partition %u (%s): the table is another one",
                     pending->op == HISTORY_MOVE ? "moving" : "resizing", pending->number,
                     pending->name != NULL ? pending->name : "");
    if (text == NULL)
        return -1;
    history->pending = NULL;
    pending_free(pending);
    return history_add(history, now > 0 ? (uint64_t)now : 0, text, false, e);
}

/* A damaged area is an empty one: what it said is of use to nobody. */
static int history_of(const struct area *area, struct history **history, struct err *e)
{
    struct err ignored;

    *history = area->document != NULL ? history_parse(area->document, area->bytes, &ignored) : NULL;
    if (*history == NULL)
        *history = history_new(e);
    return *history == NULL ? -1 : 0;
}

/* Where a log may be. A disk without a table may have had a new one a moment ago, whose undo was
 * interrupted: its log is where that one left room. */
static int places_on(struct blockdev *bd, const struct table *table, struct extent **places,
                     size_t *n, struct err *e)
{
    static const struct guid any = {{1}};
    _cleanup_table_ struct table *empty = NULL;
    struct err too_small;

    if (table->kind != TABLE_NONE)
        return log_places(table, places, n, e);
    *places = NULL;
    *n = 0;
    empty = table_new(bd, TABLE_GPT, &any, &too_small);
    return empty == NULL ? 0 : log_places(empty, places, n, e);
}

int disk_log_read(struct blockdev *bd, const struct table *table, struct history **history,
                  struct err *e)
{
    _cleanup_area_ struct area area = {0};
    _cleanup_free_ struct extent *places = NULL;
    size_t n;

    if (places_on(bd, table, &places, &n, e) < 0 || area_find(bd, places, n, &area, e) < 0)
        return -1;
    return history_of(&area, history, e) < 0 ? -1 : settle_pending(*history, table, e);
}

int disk_log_read_file(const char *path, struct history **history, struct err *e)
{
    _cleanup_blockdev_ struct blockdev *bd = file_open(path, false, 512, e);
    _cleanup_area_ struct area area = {0};
    struct extent all = {0, bd != NULL ? bd->bytes : 0};

    if (bd == NULL || area_find(bd, &all, 1, &area, e) < 0)
        return -1;
    return history_of(&area, history, e);
}

/* ---- choosing the place ---- */

static int open_file(struct disk_log *log, const char *path, struct err *e)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    struct extent all = {0, FILE_BYTES};
    struct stat st;

    if (fd < 0 || fstat(fd, &st) < 0)
        return err_errno(e, "the journal %s", path);
    if (st.st_size == 0 && (ftruncate(fd, (off_t)FILE_BYTES) < 0 || fsync(fd) < 0)) {
        close(fd);
        return err_errno(e, "the journal %s", path);
    }
    log->journal = log->file = file_from_fd(fd, path, 512, e);
    if (log->file == NULL)
        return -1;
    all.bytes = log->file->bytes;
    return area_choose(log->file, &all, 1, &log->area, e);
}

/* The area that is there, when the plan leaves it where it is found; else a new one, with what the
 * old one said. */
static int choose(struct disk_log *log, struct disk *disk, const struct table *there,
                  const struct plan *plan, struct err *e)
{
    _cleanup_free_ struct extent *places = NULL, *now = NULL;
    struct blockdev *bd = disk_blockdev(disk);
    uint64_t sequence;
    size_t n, n_now;
    struct err none;
    bool restores = plan->n_steps > 0 && plan->steps[0].kind == STEP_RESTORE;

    if ((restores ? places_on(bd, there, &now, &n_now, e) : log_places(there, &now, &n_now, e)) <
            0 ||
        log_places_for(plan, there, &places, &n, e) < 0)
        return -1;
    log->journal = bd;
    if (area_find(bd, now, n_now, &log->area, e) < 0 ||
        history_of(&log->area, &log->history, e) < 0 || settle_pending(log->history, there, e) < 0)
        return -1;
    for (size_t i = 0; i < n; i++)
        if (log->area.sequence > 0 && extent_end(&places[i]) == extent_end(&log->area.range) &&
            places[i].start <= log->area.range.start)
            return disk_allow(disk, log->area.range, e);
    if (log->history->pending != NULL || (restores && log->area.sequence > 0))
        return disk_allow(disk, log->area.range, e);
    sequence = log->area.sequence;
    area_clear(&log->area);
    log->area = (struct area){0};
    if (n == 0 || area_choose(bd, places, n, &log->area, &none) < 0) {
        log->area = (struct area){0};
        return n == 0 || none.code == ERR_NO_SPACE ? 0 : err_set(e, none.code, "%s", none.text);
    }
    if (log->area.sequence < sequence)
        log->area.sequence = sequence; /* so that what is written here counts, not the old one */
    return disk_allow(disk, log->area.range, e);
}

int disk_log_start(struct disk_log *log, struct disk *disk, const struct plan *plan,
                   const char *file, struct err *e)
{
    _cleanup_table_ struct table *there = table_read(disk_blockdev(disk), e);

    if (there == NULL || undo_remember(log, disk_blockdev(disk), there, plan, e) < 0)
        return -1;
    if (file == NULL)
        return choose(log, disk, there, plan, e);
    if (open_file(log, file, e) < 0)
        return -1;
    return history_of(&log->area, &log->history, e);
}

/* ---- writing ---- */

int disk_log_save(struct disk_log *log, struct err *e)
{
    _cleanup_free_ char *text = NULL;

    if (log->area.range.bytes == 0) {
        err_set(e, ERR_NO_SPACE, "the disk has no free range for berth's journal");
        return err_hint(e, "--journal FILE names a file on another disk for it");
    }
    text = history_print(log->history, e);
    return text == NULL ? -1 : area_write(&log->area, text, strlen(text), e);
}

int disk_log_pending(struct disk_log *log, struct pending *pending, struct err *e)
{
    pending_free(log->history->pending);
    log->history->pending = pending;
    return disk_log_save(log, e);
}

/* What was done, in words: the first step, and how many more. */
static char *describe(const struct plan *plan, struct err *e)
{
    const struct step *first = NULL;
    size_t n = 0;

    for (size_t i = 0; i < plan->n_steps; i++)
        if (plan->steps[i].kind != STEP_HOLD && plan->steps[i].kind != STEP_RELEASE && n++ == 0)
            first = &plan->steps[i];
    if (first == NULL)
        return io_format(e, "nothing");
    return n == 1 ? io_format(e, "%s", first->text)
                  : io_format(e, "%s, and %zu more", first->text, n - 1);
}

/* Appends an entry of now. */
static int add_entry(struct history *history, const char *text, struct err *e)
{
    int64_t now = tree_now();

    return history_add(history, now > 0 ? (uint64_t)now : 0, text, true, e);
}

static int end_undo(struct disk_log *log, struct disk *disk, const char *text, struct err *e)
{
    history_undo_free(log->history->undo);
    log->history->undo = NULL;
    if (add_entry(log->history, text, e) < 0 || disk_allow(disk, log->area.range, e) < 0)
        return -1;
    return disk_log_save(log, e);
}

int disk_log_note(struct disk *disk, const char *text, struct err *e)
{
    struct blockdev *bd = disk_blockdev(disk);
    _cleanup_table_ struct table *table = table_read(bd, e);
    _cleanup_free_ struct extent *places = NULL;
    struct disk_log log = {.journal = bd};
    size_t n;
    int result;

    if (table == NULL || log_places(table, &places, &n, e) < 0)
        return -1;
    result = area_find(bd, places, n, &log.area, e);
    if (result <= 0)
        return result;
    result = history_of(&log.area, &log.history, e);
    if (result == 0)
        result = settle_pending(log.history, table, e);
    if (result == 0 && log.history->undo != NULL)
        result = end_undo(&log, disk, text, e);
    disk_log_close(&log);
    return result;
}

int disk_log_finish(struct disk_log *log, struct disk *disk, const struct plan *plan, struct ui *ui,
                    struct err *e)
{
    _cleanup_free_ char *text = describe(plan, e);

    if (text == NULL)
        return -1;
    if (log->area.range.bytes == 0 && plan->steps[0].kind == STEP_RESTORE)
        return 0;
    if (log->area.range.bytes == 0) {
        ui_note(ui, "the disk has no room for a log: this cannot be undone by berth");
        return 0;
    }
    history_undo_free(log->history->undo);
    log->history->undo = NULL;
    if (undo_describe(log, disk_blockdev(disk), plan, text, &log->history->undo, e) < 0 ||
        add_entry(log->history, text, e) < 0)
        return -1;
    return disk_log_save(log, e);
}

void disk_log_close(struct disk_log *log)
{
    undo_forget(log);
    area_clear(&log->area);
    history_free(log->history);
    blockdev_close(log->file);
    *log = (struct disk_log){0};
}
