// SPDX-License-Identifier: GPL-3.0-or-later
/* disk_log.c: writes what a disk remembers of berth's work on it: before a plan's first step, while
 * it is under way, and when it is done. */
#include "log/disk_log.h"
#include "core/cleanup.h"
#include "core/io.h"
#include "log/disk_log_parts.h"
#include "log/disk_log_place.h"
#include "log/left.h"
#include "log/undo.h"
#include "tree/tree.h"

#include <string.h>

#define STEPS_IN_WORDS 2 /* of a change, in its line of the log, which has room for many */

typedef int write_fn(struct area *area, const void *document, size_t bytes, struct err *e);

static int save(struct disk_log *log, write_fn *write, struct err *e)
{
    _cleanup_free_ char *text = NULL;

    if (log->area.range.bytes == 0) {
        err_set(e, ERR_NO_SPACE, "the disk has no free range for berth's journal");
        return err_hint(e, "--journal FILE names a file on another disk for it");
    }
    text = history_print(log->history, e);
    return text == NULL ? -1 : write(&log->area, text, strlen(text), e);
}

int disk_log_save(struct disk_log *log, struct err *e)
{
    return save(log, area_write, e);
}

/* What the journal held is in its place. Left behind, it would be data that nobody knows to whoever
 * finds it in a partition that is put there later. */
static int clean_journal(struct disk_log *log, struct err *e)
{
    const struct extent *journal = &log->area.journal;
    struct extent data;

    if (log->file != NULL || journal->bytes == 0)
        return 0;
    if (blockdev_next_data(log->journal, journal->start, &data, e) < 0)
        return -1;
    return data.bytes == 0 || data.start >= extent_end(journal)
               ? 0
               : blockdev_zero(log->journal, journal->start, journal->bytes, e);
}

/* The journal is in a file, and the disk has a log, too. */
static bool has_own(const struct disk_log *log)
{
    return log->own != NULL && log->own->area.range.bytes > 0;
}

/* Where the disk itself has its log. */
static struct extent area_on_disk(const struct disk_log *log)
{
    if (log->file == NULL)
        return log->area.range;
    return log->own != NULL ? log->own->area.range : (struct extent){0};
}

/* The work on the partition is done: what it left is berth's from here on, whatever happens to the
 * rest of the plan. */
static int note_left(struct disk_log *log, struct err *e)
{
    const struct pending *done = log->history->pending;
    struct extent area = area_on_disk(log);

    if (log->own != NULL &&
        left_step(log->own->history, log->disk, log->there, log->plan, done, area, e) < 0)
        return -1;
    return left_step(log->history, log->disk, log->there, log->plan, done, area, e);
}

/* The disk itself says that work on it is under way whose journal is in a file; NULL: no more. It
 * says so before the file does and as long as that: a disk that does not is another one. */
static int point_to_file(struct disk_log *log, const struct pending *pending, struct err *e)
{
    struct history *history = has_own(log) ? log->own->history : NULL;

    if (history == NULL)
        return 0;
    pending_free(history->pending);
    history->pending = pending != NULL ? pending_elsewhere(pending, log->path) : NULL;
    if (pending != NULL && history->pending == NULL)
        return err_no_memory(e);
    return disk_log_save(log->own, e);
}

int disk_log_pending(struct disk_log *log, struct pending *pending, struct err *e)
{
    if (pending == NULL && log->history->pending != NULL && note_left(log, e) < 0)
        return -1;
    pending_free(log->history->pending);
    log->history->pending = pending;
    if (pending != NULL && point_to_file(log, pending, e) < 0)
        return -1;
    if (disk_log_save(log, e) < 0)
        return -1;
    return pending == NULL && (point_to_file(log, NULL, e) < 0 || clean_journal(log, e) < 0) ? -1
                                                                                             : 0;
}

/* At any moment the file has the name that the disk has; that of before it has until the disk has
 * the next one, and both are gone from it before the work goes on. */
int disk_log_resume(struct disk_log *log, struct err *e)
{
    struct pending *pending = log->history->pending;

    if (!has_own(log))
        return 0;
    if (log->own->history->pending != NULL)
        pending->work = log->own->history->pending->work;
    if (guid_new(&pending->work_next, e) < 0 || save(log, area_rewrite, e) < 0)
        return -1;
    pending->work = pending->work_next;
    if (point_to_file(log, pending, e) < 0)
        return -1;
    pending->work_next = (struct guid){{0}};
    return save(log, area_rewrite, e);
}

void disk_log_let_go(struct disk_log *log, struct extent range)
{
    left_let_go(log->history, range);
    if (log->own != NULL)
        left_let_go(log->own->history, range);
}

int disk_log_remove(struct disk_log *log, const struct table *there, struct err *e)
{
    if (log->area.range.bytes == 0)
        return 0;
    for (size_t i = 0; i < there->n; i++)
        for (size_t k = 0; k < log->plan->n_removed; k++)
            if (guid_equal(&there->entries[i].uuid, &log->plan->removed[k]) &&
                left_remove(log->history, log->disk, there->entries[i].range, e) < 0)
                return -1;
    return disk_log_save(log, e);
}

/* Appends "; " and the text to one that may be NULL yet, which is freed. */
static char *join(char *text, const char *more, struct err *e)
{
    char *longer = text == NULL ? io_format(e, "%s", more) : io_format(e, "%s; %s", text, more);

    free(text);
    return longer;
}

/* "change the MBR: delete partition 5 (10 MiB) and 2 more": what a step lists is told, too. */
static char *describe_step(const struct step *step, struct err *e)
{
    if (step->n_changes == 0)
        return io_format(e, "%s", step->text);
    return step->n_changes == 1 ? io_format(e, "%s: %s", step->text, step->details[0])
                                : io_format(e, "%s: %s and %zu more", step->text, step->details[0],
                                            step->n_changes - 1);
}

/* What was done, in words: the first steps, and how many more. */
static char *describe(const struct plan *plan, struct err *e)
{
    char *text = NULL, rest[40];
    size_t n = 0;

    for (size_t i = 0; i < plan->n_steps; i++) {
        _cleanup_free_ char *step = NULL;

        if (plan->steps[i].kind == STEP_HOLD || plan->steps[i].kind == STEP_RELEASE ||
            ++n > STEPS_IN_WORDS)
            continue;
        step = describe_step(&plan->steps[i], e);
        if (step == NULL || (text = join(text, step, e)) == NULL)
            return NULL;
    }
    if (n <= STEPS_IN_WORDS)
        return n == 0 ? io_format(e, "nothing") : text;
    snprintf(rest, sizeof(rest), "and %zu more", n - STEPS_IN_WORDS);
    return join(text, rest, e);
}

/* A log that goes elsewhere leaves the old one behind. A later partition may end a free range where
 * it is found again: it must not say then that work is under way that was given up. */
static int give_up_behind(struct disk_log *log, struct err *e)
{
    struct disk_log old = {.area = log->behind, .history = log->history};
    int result;

    if (log->own != NULL && give_up_behind(log->own, e) < 0)
        return -1;
    if (log->behind.range.bytes == 0)
        return 0;
    result = log_give_up(log->history, e) < 0 ? -1 : disk_log_save(&old, e);
    log->behind = old.area;
    return result;
}

/* What a power cut in the middle of the change would leave no other memory of. A log that has no
 * room for it does without. */
static int begin(struct disk_log *log, struct blockdev *bd, const struct plan *plan, struct err *e)
{
    _cleanup_free_ char *text = NULL;
    struct err why;

    if (give_up_behind(log, e) < 0)
        return -1;
    if (log->area.range.bytes == 0)
        return 0;
    text = describe(plan, e);
    if (text == NULL || undo_begin(log, bd, plan, text, e) < 0)
        return -1;
    if (log->history->begun == NULL || disk_log_save(log, &why) == 0)
        return 0;
    if (why.code != ERR_NO_SPACE) {
        *e = why;
        return -1;
    }
    history_undo_free(log->history->begun);
    log->history->begun = NULL;
    return 0;
}

static int find_on_disk(struct disk_log *log, struct disk *disk, const struct table *there,
                        const struct plan *plan, struct err *e)
{
    log->journal = disk_blockdev(disk);
    if (log_choose(log, log->journal, there, plan, e) < 0)
        return -1;
    if (log->behind.range.bytes > 0 && disk_allow(disk, log->behind.range, e) < 0)
        return -1;
    return log->area.range.bytes == 0 ? 0 : disk_allow(disk, log->area.range, e);
}

/* A disk that has a log gets the change into it too: else that would end with another change. One
 * that has none gets one where it has to say that work on it is under way. What an undo takes back
 * may be in that log alone. */
static int find_own(struct disk_log *log, struct disk *disk, const struct table *there,
                    const struct plan *plan, struct err *e)
{
    log->own = calloc(1, sizeof(*log->own));
    if (log->own == NULL)
        return err_no_memory(e);
    if (find_on_disk(log->own, disk, there, plan, e) < 0)
        return -1;
    log->former = log->own->former;
    if ((log->history->undo == NULL && log->own->history->undo != NULL) ||
        (log->own->area.range.bytes > 0 && (log->own->history->n > 0 || log_needs_journal(plan))))
        return 0;
    disk_log_close(log->own);
    free(log->own);
    log->own = NULL;
    return 0;
}

static int find(struct disk_log *log, struct disk *disk, const struct table *there,
                const struct plan *plan, const char *file, struct err *e)
{
    if (file == NULL)
        return find_on_disk(log, disk, there, plan, e);
    if (log_open_file(log, file, e) < 0 ||
        log_history(&log->area, disk_blockdev(disk), there, &log->history, e) < 0)
        return -1;
    return find_own(log, disk, there, plan, e);
}

int disk_log_start(struct disk_log *log, struct disk *disk, const struct plan *plan,
                   const char *file, struct err *e)
{
    struct blockdev *bd = disk_blockdev(disk);
    struct table *there = log->there = table_read(bd, e);

    log->disk = bd;
    log->plan = plan;
    if (there == NULL || find(log, disk, there, plan, file, e) < 0 ||
        left_begin(log->history, bd, plan, area_on_disk(log), e) < 0 ||
        (log->own != NULL && left_begin(log->own->history, bd, plan, area_on_disk(log), e) < 0) ||
        undo_remember(log, bd, there, plan, e) < 0)
        return -1;
    return begin(log, bd, plan, e);
}

/* Appends an entry of now. */
static int add_entry(struct history *history, const char *text, struct err *e)
{
    int64_t now = tree_now();

    return history_add(history, now > 0 ? (uint64_t)now : 0, text, true, e);
}

/* The log that is on the disk itself: 1 and with its history, or 0 where there is none. */
static int open_own(struct disk_log *own, struct disk *disk, struct err *e)
{
    struct blockdev *bd = disk_blockdev(disk);
    _cleanup_table_ struct table *table = table_read(bd, e);
    _cleanup_free_ struct extent *places = NULL;
    size_t n;
    int found;

    own->journal = bd;
    if (table == NULL || log_places(table, &places, &n, e) < 0)
        return -1;
    found = area_find(bd, places, n, &own->area, e);
    if (found > 0 && (log_history(&own->area, bd, table, &own->history, e) < 0 ||
                      disk_allow(disk, own->area.range, e) < 0))
        return -1;
    return found;
}

/* What was done before is not undone any more. */
static void drop_undo(struct history *history)
{
    history_undo_free(history->undo);
    history_undo_free(history->begun);
    history->undo = history->begun = NULL;
}

int disk_log_note(struct disk *disk, const char *text, struct err *e)
{
    struct disk_log own = {0};
    int result = open_own(&own, disk, e);

    if (result > 0 && own.history->undo != NULL) {
        drop_undo(own.history);
        result = add_entry(own.history, text, e) < 0 ? -1 : disk_log_save(&own, e);
    }
    disk_log_close(&own);
    return result < 0 ? -1 : 0;
}

/* The change is done, whether or not the log has room for what would undo it. */
static int save_finished(struct disk_log *log, struct ui *ui, struct err *e)
{
    struct err why;

    if (disk_log_save(log, &why) == 0)
        return 0;
    if (why.code != ERR_NO_SPACE || log->history->undo == NULL) {
        *e = why;
        return -1;
    }
    ui_note(ui, "the disk's log has no room for it: this cannot be undone by berth");
    history_undo_free(log->history->undo);
    log->history->undo = NULL;
    return disk_log_save(log, e);
}

/* Notes in the log's history what the plan did. before: the log that remembered it. */
static int note_change(struct disk_log *log, const struct disk_log *before, struct disk *disk,
                       const struct plan *plan, struct ui *ui, struct err *e)
{
    _cleanup_free_ char *text = describe(plan, e);

    if (text == NULL)
        return -1;
    drop_undo(log->history);
    if (plan->gives_up && log->history->pending != NULL && log_give_up(log->history, e) < 0)
        return -1;
    if (undo_describe(before, disk_blockdev(disk), plan, text, &log->history->undo, e) < 0 ||
        left_finish(log->history, disk_blockdev(disk), before->there, plan, area_on_disk(before),
                    e) < 0 ||
        add_entry(log->history, text, e) < 0)
        return -1;
    return save_finished(log, ui, e);
}

int disk_log_finish(struct disk_log *log, struct disk *disk, const struct plan *plan, struct ui *ui,
                    struct err *e)
{
    if (log->area.range.bytes == 0 && plan->steps[0].kind == STEP_RESTORE)
        return 0;
    if (log->area.range.bytes == 0) {
        ui_note(ui, "the disk has no room for a log: this cannot be undone by berth");
        return 0;
    }
    if (has_own(log) && note_change(log->own, log, disk, plan, ui, e) < 0)
        return -1;
    return note_change(log, log, disk, plan, ui, e);
}
