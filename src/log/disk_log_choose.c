// SPDX-License-Identifier: GPL-3.0-or-later
/* disk_log_choose.c: where the log and the journal of a plan go. Writes nothing. */
#include "core/cleanup.h"
#include "core/size.h"
#include "log/disk_log_parts.h"
#include "log/disk_log_place.h"
#include "log/undo.h"
#include "partition/move.h"
#include "partition/type.h"

#include <string.h>

/* True when the plan leaves the area where it is found. */
static bool can_stay(const struct area *area, const struct extent *places, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (area->sequence > 0 && extent_end(&places[i]) == extent_end(&area->range) &&
            places[i].start <= area->range.start)
            return true;
    return false;
}

/* A new area, whose documents count more than those of the old one. */
static int choose_new(struct disk_log *log, struct blockdev *bd, const struct extent *places,
                      size_t n, struct err *e)
{
    uint64_t sequence = log->area.sequence;
    struct err none;

    area_clear(&log->area);
    if (n == 0)
        return 0;
    if (area_choose(bd, places, n, &log->area, &none) < 0) {
        log->area = (struct area){0};
        return none.code == ERR_NO_SPACE ? 0 : err_set(e, none.code, "%s", none.text);
    }
    if (log->area.sequence < sequence)
        log->area.sequence = sequence;
    return 0;
}

/* A disk without a table has no place for a log. One whose table comes back has, where both tables
 * have it. */
static int choose_to_restore(struct disk_log *log, struct blockdev *bd, const struct plan *plan,
                             const struct extent *places, size_t n, struct err *e)
{
    log->former = log->area.range;
    if (choose_new(log, bd, places, plan->n_layouts > 0 ? n : 0, e) < 0)
        return -1;
    if (extent_overlaps(&log->area.range, &log->former))
        area_clear(&log->area);
    return 0;
}

int log_choose(struct disk_log *log, struct blockdev *bd, const struct table *there,
               const struct plan *plan, struct err *e)
{
    _cleanup_free_ struct extent *places = NULL, *now = NULL;
    bool restores = plan->n_steps > 0 && plan->steps[0].kind == STEP_RESTORE;
    size_t n, n_now;

    if (log_places_on(bd, there, &now, &n_now, e) < 0 ||
        log_places_for(plan, there, &places, &n, e) < 0 ||
        area_find(bd, now, n_now, &log->area, e) < 0 ||
        log_history(&log->area, bd, there, &log->history, e) < 0)
        return -1;
    if (restores && log->area.sequence > 0 &&
        (plan->n_layouts == 0 || !can_stay(&log->area, places, n)))
        return choose_to_restore(log, bd, plan, places, n, e);
    /* what is pending is finished from where its journal is, or given up with its partition */
    if (can_stay(&log->area, places, n) || (log->history->pending != NULL && plan->n_layouts == 0))
        return 0;
    if (log->history->pending != NULL) {
        log->behind = log->area;
        log->area = (struct area){.sequence = log->behind.sequence};
    }
    return choose_new(log, bd, places, n, e);
}

/* ---- before anything is asked ---- */

static bool needs_journal(const struct step *step)
{
    return step->kind == STEP_MOVE || (step->kind == STEP_RESIZE && step->mountpoint == NULL);
}

bool log_needs_journal(const struct plan *plan)
{
    for (size_t i = 0; i < plan->n_steps; i++)
        if (needs_journal(&plan->steps[i]))
            return true;
    return false;
}

static int no_room(const struct step *step, const char *why, struct err *e)
{
    err_set(e, ERR_REFUSED, "%s: %s", step->target, why);
    return err_hint(e, "--journal FILE names a file on another disk for it");
}

static int note_place(struct plan *plan, const struct table *there, const struct area *area,
                      struct err *e)
{
    char size[SIZE_TEXT];

    for (size_t i = 0; i < there->n; i++)
        if (extent_overlaps(&there->entries[i].range, &area->range))
            return plan_note(plan, e, "the journal goes to the end of partition %u (BIOS boot)",
                             there->entries[i].number);
    return plan_note(plan, e, "the journal goes to the free range of %s at byte %llu",
                     size_human(area->range.bytes, size, sizeof(size)),
                     (unsigned long long)area->range.start);
}

/* Free ranges may hold what somebody left there, which stays. */
static int no_place(const struct step *step, const struct table *there, const struct plan *plan,
                    struct err *e)
{
    char least[SIZE_TEXT], size[SIZE_TEXT], end[SIZE_TEXT], why[200];
    _cleanup_free_ struct extent *places = NULL;
    uint64_t largest = 0;
    size_t n;

    if (log_places_for(plan, there, &places, &n, e) < 0)
        return -1;
    for (size_t i = 0; i < n; i++)
        largest = places[i].bytes > largest ? places[i].bytes : largest;
    size_human(AREA_LEAST, least, sizeof(least));
    size_human(largest < AREA_MOST ? largest : AREA_MOST, end, sizeof(end));
    if (n == 0)
        snprintf(
            why, sizeof(why),
            "the disk has no free range of %s or more, beside what this changes, for the journal",
            least);
    else
        snprintf(
            why, sizeof(why),
            "the disk has no free range for the journal that is empty: the largest, of %s, has "
            "data in its last %s",
            size_human(largest, size, sizeof(size)), end);
    return no_room(step, why, e);
}

/* A short move copies through the journal, which has to be larger than the distance. */
static int check_step(const struct step *step, const struct area *area, const struct table *there,
                      const struct plan *plan, struct err *e)
{
    struct move move = {step->from.start, step->to.start, step->from.bytes, 0};

    if (!needs_journal(step))
        return 0;
    if (area->range.bytes == 0)
        return no_place(step, there, plan, e);
    if (step->kind == STEP_MOVE && move_chunk(&move, area->journal.bytes) == 0)
        return no_room(step, "the disk has no room for the journal of so short a move", e);
    return 0;
}

/* Documents never use the journal's part, which is in front. */
static void set_place(struct plan *plan, const struct area *area, bool has_journal)
{
    uint64_t documents = extent_end(&area->journal);

    plan->log = area->range;
    if (area->range.bytes > 0 && !has_journal)
        plan->log = (struct extent){documents, extent_end(&area->range) - documents};
}

int disk_log_place(struct blockdev *bd, const struct table *there, struct plan *plan, struct err *e)
{
    struct disk_log log = {0};
    int result = log_choose(&log, bd, there, plan, e);

    if (result == 0)
        set_place(plan, &log.area, false);
    disk_log_close(&log);
    return result;
}

/* With the journal in a file, a log that the disk has goes on; one that it lacks is begun where it
 * has to point to that file. */
static int place_beside_file(struct blockdev *bd, const struct table *there, struct plan *plan,
                             struct err *e)
{
    struct disk_log log = {0};
    int result = log_choose(&log, bd, there, plan, e);

    if (result == 0 && (log.area.sequence > 0 || log_needs_journal(plan)))
        set_place(plan, &log.area, false);
    disk_log_close(&log);
    return result;
}

static int check_disk(struct blockdev *bd, const struct table *there, struct plan *plan,
                      struct err *e)
{
    struct disk_log log = {0};
    int result = log_choose(&log, bd, there, plan, e);
    bool needs = log_needs_journal(plan);

    for (size_t i = 0; result == 0 && i < plan->n_steps; i++)
        result = check_step(&plan->steps[i], &log.area, there, plan, e);
    if (result == 0)
        set_place(plan, &log.area, needs);
    if (result == 0 && log.former.bytes > 0 && log.area.range.bytes == 0)
        plan->log = log.former; /* as zeros */
    if (result == 0 && needs)
        result = note_place(plan, there, &log.area, e);
    else if (result == 0 && log.area.range.bytes == 0 && undo_covers(plan))
        result = plan_note(
            plan, e, "the disk has no room for a log%s: `berth disk undo` cannot take this back",
            log.former.bytes > 0 ? " then" : "");
    disk_log_close(&log);
    return result;
}

int disk_log_check(struct blockdev *bd, const struct table *there, struct plan *plan,
                   const char *file, struct err *e)
{
    if (plan->n_steps == 0)
        return 0;
    if (file == NULL)
        return check_disk(bd, there, plan, e);
    if (place_beside_file(bd, there, plan, e) < 0)
        return -1;
    return plan_note(plan, e, "the journal goes into %s", file);
}
