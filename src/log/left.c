// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * left.c: keeps the list of what berth itself left in free space.
 *
 * Invariant: what is not "made" lies in no partition, but while a plan is done or where its digest
 * is of every byte. So whoever used a partition never wrote to it; where a plan will take a piece,
 * that and the rest have digests of their own before it begins. What is made is one whole
 * partition, or was, with its superblock in it. It stays so over a resize or move by berth only
 * where it was held from the first look on: what a mount may have been between is somebody's.
 */
#include "core/cleanup.h"
#include "core/digest.h"
#include "fs/fs.h"
#include "fs/probe.h"
#include "log/left_parts.h"
#include "partition/type.h"

#include <string.h>

/* What a table says: not where it is, nor what else its sectors hold. */
static int digest_table(const struct table *table, char text[DIGEST_TEXT], struct err *e)
{
    struct digest *digest = digest_new(e);

    if (digest == NULL)
        return -1;
    digest_update(digest, &table->kind, sizeof(table->kind));
    digest_update(digest, &table->uuid, sizeof(table->uuid));
    digest_update(digest, &table->extended.range, sizeof(table->extended.range));
    for (size_t i = 0; i < table->n; i++) {
        const struct table_entry *entry = &table->entries[i];

        digest_update(digest, &entry->number, sizeof(entry->number));
        digest_update(digest, &entry->range, sizeof(entry->range));
        digest_update(digest, &entry->type, sizeof(entry->type));
        digest_update(digest, &entry->code, sizeof(entry->code));
        digest_update(digest, &entry->uuid, sizeof(entry->uuid));
        digest_update(digest, &entry->attributes, sizeof(entry->attributes));
        digest_update(digest, entry->name, strlen(entry->name) + 1);
    }
    digest_finish(digest, text);
    digest_free(digest);
    return 0;
}

static void forget_all(struct history *history)
{
    while (history->n_left > 0)
        history_drop_left(history, history->n_left - 1);
}

static bool overlaps_table(const struct table *table, const struct extent *range)
{
    for (size_t i = 0; table != NULL && i < table->n; i++)
        if (extent_overlaps(&table->entries[i].range, range))
            return true;
    return false;
}

/* In a partition somebody may write where the digest has only samples. */
static bool is_covered(const struct table *table, const struct history_left *left)
{
    return !left->made && left->range.bytes > PROBE_DIGEST_WHOLE &&
           overlaps_table(table, &left->range);
}

/* A plan was cut short: which of its tables is there does not matter, only what they cover now. */
static void forget_covered(struct history *history, const struct table *there)
{
    for (size_t i = history->n_left; i-- > 0;)
        if (is_covered(there, &history->left[i]))
            history_drop_left(history, i);
}

int left_settle(struct history *history, const struct table *there, struct err *e)
{
    char text[DIGEST_TEXT];

    if (history->n_left == 0 || history->pending != NULL)
        return 0;
    if (history->left_table == NULL) {
        forget_covered(history, there);
        return 0;
    }
    if (digest_table(there, text, e) < 0)
        return -1;
    if (strcmp(history->left_table, text) != 0)
        forget_all(history);
    return 0;
}

int left_find(const struct history *history, struct blockdev *bd, struct extent range, bool made,
              struct extent **list, size_t *n, struct err *e)
{
    *n = 0;
    *list = calloc(history->n_left + 1, sizeof(**list));
    if (*list == NULL)
        return err_no_memory(e);
    for (size_t i = 0; i < history->n_left; i++) {
        const struct history_left *left = &history->left[i];
        bool counts = extent_overlaps(&left->range, &range) && (made || !left->made);
        int same = counts ? left_is_same(bd, left, e) : 0;

        if (same < 0)
            return -1;
        if (same > 0)
            (*list)[(*n)++] = history->left[i].range;
    }
    return 0;
}

/* ---- while a plan is done ---- */

static int keep_pieces(struct history *history, struct blockdev *bd, const struct extent *pieces,
                       size_t n, struct err *e)
{
    for (size_t i = 0; i < n; i++)
        if (left_keep(history, bd, pieces[i], false, e) < 0)
            return -1;
    return 0;
}

static bool same_range(const struct extent *a, const struct extent *b)
{
    return a->start == b->start && a->bytes == b->bytes;
}

/* True when the step changes the filesystem there while nobody else can have it: mounted, but by
 * berth alone, somebody can. */
static bool keeps_hold(const struct step *step, const struct extent *range)
{
    if (!same_range(&step->from, range))
        return false;
    return step->kind == STEP_MOVE || (step->kind == STEP_RESIZE && step->mountpoint == NULL);
}

/* What is made, reads as it was left, and is claimed by now. */
static int hold(struct history *history, struct blockdev *bd, const struct plan *plan,
                struct err *e)
{
    for (size_t i = 0; i < history->n_left; i++) {
        struct history_left *left = &history->left[i];
        int same = 0;

        for (size_t k = 0; left->made && same == 0 && k < plan->n_steps; k++)
            if (keeps_hold(&plan->steps[k], &left->range))
                same = left_is_same(bd, left, e);
        if (same < 0)
            return -1;
        left->held = same > 0;
    }
    return 0;
}

int left_begin(struct history *history, struct blockdev *bd, const struct plan *plan,
               struct extent area, struct err *e)
{
    free(history->left_table);
    history->left_table = NULL;
    return hold(history, bd, plan, e) < 0 ? -1 : left_split(history, bd, plan, area, e);
}

void left_let_go(struct history *history, struct extent range)
{
    for (size_t i = 0; i < history->n_left; i++)
        if (same_range(&history->left[i].range, &range))
            history->left[i].held = false;
}

/* What the list has of the range and reads otherwise by now: a boot record came there meanwhile. */
static int forget_changed(struct history *history, struct blockdev *bd, struct extent range,
                          struct err *e)
{
    for (size_t i = history->n_left; i-- > 0;) {
        const struct history_left *left = &history->left[i];
        int same =
            !left->made && extent_overlaps(&left->range, &range) ? left_is_same(bd, left, e) : 1;

        if (same < 0)
            return -1;
        if (same == 0)
            history_drop_left(history, i);
    }
    return 0;
}

/* What of the range is in no partition now, is not the log's, and is not listed. */
static int keep_free(struct history *history, struct blockdev *bd, const struct table *now,
                     struct extent area, struct extent range, struct err *e)
{
    size_t n_taken = 0, n;
    _cleanup_free_ struct extent *taken = calloc(now->n + history->n_left + 1, sizeof(*taken));
    _cleanup_free_ struct extent *pieces = NULL;

    if (taken == NULL)
        return err_no_memory(e);
    if (forget_changed(history, bd, range, e) < 0)
        return -1;
    for (size_t i = 0; i < now->n; i++)
        taken[n_taken++] = now->entries[i].range;
    for (size_t i = 0; i < history->n_left; i++)
        taken[n_taken++] = history->left[i].range;
    taken[n_taken++] = area;
    return extent_subtract(range, taken, n_taken, &pieces, &n, e) < 0
               ? -1
               : keep_pieces(history, bd, pieces, n, e);
}

/* What its filesystem had of a partition that became smaller where it is: behind that is what
 * somebody put there. */
static struct extent content_of(const struct plan *plan, const struct guid *partition,
                                struct extent range)
{
    const struct survey_partition *found =
        plan->survey != NULL ? survey_by_uuid(plan->survey, partition) : NULL;

    if (found != NULL && same_range(&found->range, &range))
        range.bytes -= survey_rest(found).bytes;
    return range;
}

static const struct table_entry *entry_at(const struct table *table, const struct extent *range)
{
    for (size_t i = 0; i < table->n; i++)
        if (same_range(&table->entries[i].range, range))
            return &table->entries[i];
    return NULL;
}

/* What berth made and held is where the work on it put it, as that left it. */
static int follow(struct history *history, struct blockdev *bd, const struct table *now,
                  const struct pending *done, struct err *e)
{
    if (entry_at(now, &done->to) == NULL)
        return 0;
    for (size_t i = 0; i < history->n_left; i++) {
        if (!history->left[i].held || !same_range(&history->left[i].range, &done->from))
            continue;
        history_drop_left(history, i);
        if (left_keep(history, bd, done->to, true, e) < 0)
            return -1;
        history->left[history->n_left - 1].held = true;
        return 0;
    }
    return 0;
}

/* The table's own boot records that it has no more. */
static int keep_records(struct history *history, struct blockdev *bd, const struct table *before,
                        const struct table *now, struct extent area, struct err *e)
{
    _cleanup_free_ struct extent *records = NULL;
    size_t n;

    if (table_stale_records(before, now, bd, &records, &n, e) < 0)
        return -1;
    for (size_t i = 0; i < n; i++)
        if (keep_free(history, bd, now, area, records[i], e) < 0)
            return -1;
    return 0;
}

int left_step(struct history *history, struct blockdev *bd, const struct table *before,
              const struct plan *plan, const struct pending *done, struct extent area,
              struct err *e)
{
    _cleanup_table_ struct table *now = table_read(bd, e);
    struct extent from = done->from;

    if (now == NULL || follow(history, bd, now, done, e) < 0)
        return -1;
    forget_covered(history, now);
    if (done->op == HISTORY_RESIZE)
        from = content_of(plan, &done->partition, from);
    return keep_free(history, bd, now, area, from, e) < 0 ||
                   keep_records(history, bd, before, now, area, e) < 0
               ? -1
               : left_split(history, bd, plan, area, e);
}

int left_remove(struct history *history, struct blockdev *bd, struct extent range, struct err *e)
{
    for (size_t i = history->n_left; i-- > 0;)
        if (extent_overlaps(&history->left[i].range, &range))
            history_drop_left(history, i);
    return left_keep(history, bd, range, false, e);
}

/* ---- behind it ---- */

struct keeper {
    struct history *history; /* whose list becomes the new one */
    struct blockdev *bd;
    const struct table *before, *now;
    const struct plan *plan;
    struct extent area;
};

/* A filesystem whose every use changes its beginning: not so an encrypted one. */
static bool is_made(const struct plan *plan, const struct step *step)
{
    const struct fs_ops *fs;

    if (step->kind == STEP_FORMAT) {
        fs = fs_by_name(step->fs);
        return fs != NULL && fs->locked == NULL;
    }
    for (size_t i = 0; step->kind == STEP_FILL && i < plan->n_partitions; i++)
        if (guid_equal(&plan->partitions[i].uuid, &step->partition))
            return plan->partitions[i].content != CONTENT_NONE;
    return false;
}

static bool is_made_anew(const struct keeper *k, const struct extent *range)
{
    for (size_t i = 0; i < k->plan->n_steps; i++) {
        const struct step *step = &k->plan->steps[i];
        const struct table_entry *entry = NULL;

        if (step->kind == STEP_FORMAT || step->kind == STEP_FILL)
            entry = table_entry_by_uuid((struct table *)k->now, &step->partition);
        if (entry != NULL && extent_overlaps(&entry->range, range))
            return true;
    }
    return false;
}

/* Something was copied there, or a filesystem grew over it. */
static bool is_worked_on(const struct keeper *k, const struct extent *range)
{
    for (size_t i = 0; i < k->plan->n_steps; i++)
        if (extent_overlaps(&k->plan->steps[i].to, range))
            return true;
    return false;
}

/* A machine file's plan begins anew elsewhere what it had not filled. */
static bool is_given_up(const struct keeper *k, const struct table_entry *gone)
{
    return k->plan->table != NULL && partition_type_is(&gone->type, "incomplete");
}

/* It stays what it is, or loses its partition; the digest says whether somebody has used it. */
static int keep_made(const struct keeper *k, const struct history_left *old, struct err *e)
{
    const struct table_entry *entry = entry_at(k->before, &old->range);
    const struct table_entry *same =
        entry != NULL ? table_same_entry(k->now, k->before, entry) : NULL;
    struct history_left left = *old;

    if (is_made_anew(k, &old->range) || extent_overlaps(&k->area, &old->range))
        return 0;
    if (old->held && entry_at(k->now, &old->range) != NULL)
        return history_add_left(k->history, old, e);
    if (entry == NULL)
        return 0;
    left.made = same != NULL;
    if (same != NULL ? entry_at(k->now, &old->range) != same
                     : is_given_up(k, entry) || overlaps_table(k->now, &old->range))
        return 0;
    return history_add_left(k->history, &left, e);
}

static int keep_old(const struct keeper *k, const struct history_left *old, struct err *e)
{
    if (old->made)
        return keep_made(k, old, e);
    return is_covered(k->now, old) || is_made_anew(k, &old->range) ||
                   is_worked_on(k, &old->range) || extent_overlaps(&k->area, &old->range)
               ? 0
               : history_add_left(k->history, old, e);
}

/* Its entry alone became smaller: what is behind that is the end of its filesystem still. */
static bool is_cut_off(const struct keeper *k, const struct table_entry *was,
                       const struct table_entry *now)
{
    const struct survey_partition *found =
        k->plan->survey != NULL ? survey_by_uuid(k->plan->survey, &was->uuid) : NULL;

    for (size_t i = 0; i < k->plan->n_steps; i++)
        if (k->plan->steps[i].kind == STEP_RESIZE &&
            guid_equal(&k->plan->steps[i].partition, &now->uuid))
            return false;
    return found != NULL && now->range.start == was->range.start &&
           found->fs_bytes > now->range.bytes;
}

static int keep_places(const struct keeper *k, struct err *e)
{
    for (size_t i = 0; i < k->before->n; i++) {
        const struct table_entry *entry = &k->before->entries[i];
        const struct table_entry *same = table_same_entry(k->now, k->before, entry);
        struct extent range = entry->range;

        if (same != NULL && is_cut_off(k, entry, same))
            continue;
        if (same != NULL && same->range.start == range.start)
            range = content_of(k->plan, &entry->uuid, range);
        if ((same != NULL || is_given_up(k, entry)) &&
            keep_free(k->history, k->bd, k->now, k->area, range, e) < 0)
            return -1;
    }
    return keep_records(k->history, k->bd, k->before, k->now, k->area, e);
}

static int keep_made_now(const struct keeper *k, struct err *e)
{
    for (size_t i = 0; i < k->plan->n_steps; i++) {
        const struct step *step = &k->plan->steps[i];
        const struct table_entry *entry =
            is_made(k->plan, step) ? table_entry_by_uuid((struct table *)k->now, &step->partition)
                                   : NULL;

        if (entry != NULL && !extent_overlaps(&k->area, &entry->range) &&
            left_keep(k->history, k->bd, entry->range, true, e) < 0)
            return -1;
    }
    return 0;
}

static int keep_all(const struct keeper *k, const struct history *old, struct err *e)
{
    for (size_t i = 0; i < old->n_left; i++)
        if (keep_old(k, &old->left[i], e) < 0)
            return -1;
    return keep_places(k, e) < 0 ? -1 : keep_made_now(k, e);
}

int left_finish(struct history *history, struct blockdev *bd, const struct table *before,
                const struct plan *plan, struct extent area, struct err *e)
{
    _cleanup_table_ struct table *now = table_read(bd, e);
    _cleanup_history_ struct history *made = history_new(e);
    struct keeper keeper = {made, bd, before, now, plan, area};
    struct history_left *list;
    char text[DIGEST_TEXT];
    size_t n;

    if (now == NULL || made == NULL || digest_table(now, text, e) < 0 ||
        keep_all(&keeper, history, e) < 0)
        return -1;
    list = history->left;
    n = history->n_left;
    history->left = made->left;
    history->n_left = made->n_left;
    made->left = list; /* freed with it */
    made->n_left = n;
    free(history->left_table);
    history->left_table = strdup(text);
    return history->left_table == NULL ? err_no_memory(e) : 0;
}
