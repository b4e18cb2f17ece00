// SPDX-License-Identifier: GPL-3.0-or-later
/* change.c: gathers what is on a disk and what is wanted of it, and plans. Reads only. */
#include "flow/change.h"
#include "core/cleanup.h"
#include "core/io.h"
#include "flow/disk_log.h"
#include "flow/observe.h"
#include "partition/inspect.h"
#include "partition/probe.h"

#include <string.h>
#include <sys/stat.h>

const struct table_entry *change_find(const struct table *table, const char *part, struct err *e)
{
    const struct table_entry *found = NULL;
    char *end;
    unsigned long number = strtoul(part, &end, 10);
    bool is_number = *part != '\0' && *end == '\0';
    struct guid uuid;
    struct err no_guid;

    if (strlen(part) == GUID_TEXT - 1 && guid_parse(part, &uuid, &no_guid) == 0)
        found = table_entry_by_uuid((struct table *)table, &uuid);
    if (found != NULL)
        return found;

    for (size_t i = 0; i < table->n; i++) {
        const struct table_entry *entry = &table->entries[i];

        if (is_number ? entry->number != number : strcmp(entry->name, part) != 0)
            continue;
        if (found != NULL) {
            err_set(e, ERR_USAGE, "several partitions are called %s", part);
            err_hint(e, "give its number");
            return NULL;
        }
        found = entry;
    }
    if (found == NULL) {
        err_set(e, ERR_NOT_FOUND, "there is no partition %s", part);
        err_hint(e, "berth disk show lists the partitions with their numbers and names");
    }
    return found;
}

static const struct table_entry *by_start(const struct table *table, uint64_t start)
{
    for (size_t i = 0; i < table->n; i++)
        if (table->entries[i].range.start == start)
            return &table->entries[i];
    return NULL;
}

/*
 * The entry of `table` that is the partition `entry` of `from`: by number, where GUID or start
 * agree, else by GUID. An MBR has no GUIDs, and its logical partitions get other numbers when one
 * before them goes: the start says more there, and a number only where no start does.
 */
static const struct table_entry *same_partition(const struct table *table, const struct table *from,
                                                const struct table_entry *entry)
{
    const struct table_entry *same;

    if (table->kind == TABLE_MBR && from->kind == TABLE_MBR) {
        same = by_start(table, entry->range.start);
        if (same != NULL)
            return same;
        for (size_t i = 0; i < table->n; i++)
            if (table->entries[i].number == entry->number &&
                by_start(from, table->entries[i].range.start) == NULL)
                return &table->entries[i];
        return NULL;
    }
    for (size_t i = 0; i < table->n; i++) {
        const struct table_entry *other = &table->entries[i];

        if (other->number == entry->number &&
            (guid_equal(&other->uuid, &entry->uuid) || other->range.start == entry->range.start))
            return other;
    }
    for (size_t i = 0; i < table->n; i++)
        if (guid_equal(&table->entries[i].uuid, &entry->uuid))
            return &table->entries[i];
    return NULL;
}

static const struct survey_partition *surveyed(const struct survey *survey,
                                               const struct table_entry *entry)
{
    for (size_t i = 0; entry != NULL && i < survey->n_partitions; i++)
        if (survey->partitions[i].number == entry->number)
            return &survey->partitions[i];
    return NULL;
}

static const struct wanted_format *format_of(const struct wanted *wanted, unsigned number)
{
    for (size_t i = 0; i < wanted->n_formats; i++)
        if (wanted->formats[i].number == number)
            return &wanted->formats[i];
    return NULL;
}

static bool is_wiped(const struct change *change, const struct table_entry *entry)
{
    struct err ignored;

    return change->options.wipe != NULL &&
           change_find(change->there, change->options.wipe, &ignored) == entry;
}

/* The bounds of what changes while they are read: a hint of what can never be. Those that cannot be
 * had now are found out at boot. */
static int look_while_mounted(struct blockdev *bd, struct change_part *part, struct err *e)
{
    _cleanup_blockdev_ struct blockdev *slice = slice_open(bd, part->there->range, e);
    uint64_t now = part->there->range.bytes;
    struct err unknown;

    if (slice == NULL)
        return -1;
    if (part->fs->bounds(slice, &part->bounds, &unknown) < 0)
        part->bounds = (struct fs_bounds){.now = now, .most = UINT64_MAX, .unit = 1};
    return 0;
}

static int hint_entry_alone(const struct survey *survey, const struct change_part *part,
                            struct err *e)
{
    return err_hint(e,
                    "if only its entry is wrong: berth part rm %s %u, which leaves every byte, and "
                    "then this again",
                    survey->path, part->there->number);
}

/* Moving what nobody knows to where a table that was has it might overwrite what is there still. */
static int check_restored(const struct survey *survey, const struct change_part *part,
                          struct err *e)
{
    if (part->wanted == NULL || part->fs != NULL || part->found->member != NULL ||
        part->wanted->range.start == part->there->range.start)
        return 0;
    err_set(e, ERR_REFUSED, "partition %u (%s) would be moved, and what is in it is unknown",
            part->there->number, part->there->name);
    return hint_entry_alone(survey, part, e);
}

/* What is known of its content, as far as the plan needs it. */
static int look_into(const struct change *change, struct blockdev *bd, const struct survey *survey,
                     struct change_part *part, struct err *e)
{
    const struct survey_partition *found = part->found;
    bool gone = part->wanted == NULL || part->format != NULL || is_wiped(change, part->there);
    bool resized = part->wanted != NULL && part->wanted->range.bytes != part->there->range.bytes;
    bool sampled;
    int data;

    if (found->incomplete)
        return 0;
    part->fs = found->fs != NULL ? fs_by_blkid(found->fs) : NULL;
    if (change->options.restores && check_restored(survey, part, e) < 0)
        return -1;
    part->has_content = found->fs != NULL || found->member != NULL || found->ambivalent;
    if (!part->has_content && (gone || resized)) {
        data = probe_has_data(bd, part->there->range, &sampled, e);
        if (data < 0)
            return -1;
        part->has_content = data > 0;
    }
    if (part->fs != NULL && resized && change->options.at_boot)
        return look_while_mounted(bd, part, e);
    if (part->fs != NULL && resized && found->mountpoint == NULL) {
        _cleanup_blockdev_ struct blockdev *slice = slice_open(bd, part->there->range, e);

        if (slice == NULL || part->fs->ready(slice, e) < 0 ||
            part->fs->bounds(slice, &part->bounds, e) < 0) {
            if (change->options.restores && slice != NULL) {
                *e->hint = '\0'; /* looking into it as it is there now would not help */
                hint_entry_alone(survey, part, e);
            }
            return err_wrap(e, "partition %u (%s)", part->there->number, part->fs->name);
        }
    }
    return 0;
}

static int gather_there(const struct change *change, struct blockdev *bd,
                        const struct survey *survey, struct change_facts *facts, struct err *e)
{
    for (size_t i = 0; i < facts->there->n; i++) {
        struct change_part *part = &facts->parts[facts->n++];

        part->there = &facts->there->entries[i];
        part->found = surveyed(survey, part->there);
        part->wanted = same_partition(facts->wanted, facts->there, part->there);
        if (part->found == NULL)
            return err_set(e, ERR_FAILED, "partition %u came while the disk was looked at",
                           part->there->number);
        if (part->wanted != NULL)
            part->format = format_of(&change->wanted, part->wanted->number);
        if (look_into(change, bd, survey, part, e) < 0)
            return -1;
    }
    return 0;
}

static int no_key(struct err *e)
{
    err_set(e, ERR_USAGE, "a LUKS volume needs a key");
    return err_hint(e, "--key-file FILE names the file with its passphrase");
}

/* Makes the filesystem in memory, so that what cannot be made is known before anything is written.
 * A name that is no label of its kind is left out; a label that was asked for is not. */
static int try_format(const struct change *change, const struct blockdev *bd,
                      struct change_part *part, struct err *e)
{
    const struct table_entry *entry = part->wanted;
    const struct fs_ops *fs = fs_by_name(part->format->fs);
    struct fs_options options = {.at = entry->range.start, .key_file = change->job.key_file};
    bool asked = *part->format->label != '\0';
    _cleanup_blockdev_ struct blockdev *stage = NULL;
    struct err first;

    if (strcmp(part->format->fs, "luks") == 0) /* deriving its key takes seconds */
        return options.key_file != NULL && access(options.key_file, R_OK) == 0 ? 0 : no_key(e);
    options.label = asked ? part->format->label : entry->name;
    if (*options.label == '\0')
        options.label = NULL;
    stage = mem_open(entry->range.bytes, bd->sector, e);
    if (stage == NULL)
        return -1;
    if (fs->make(stage, &options, &first) == 0)
        return 0;
    if (asked || options.label == NULL || first.code != ERR_USAGE) {
        *e = first;
        return err_wrap(e, "partition %u", entry->number);
    }
    part->unlabelled = true;
    options.label = NULL;
    return fs->make(stage, &options, e) < 0 ? err_wrap(e, "partition %u", entry->number) : 0;
}

/* What was in free space before is somebody's as long as it is recognised. */
static int look_below(struct blockdev *bd, struct change_part *part, struct err *e)
{
    struct probe_signature *list = NULL;
    size_t n;

    if (probe_signatures(bd, part->wanted->range, &list, &n, e) < 0)
        return -1;
    part->has_content = n > 0;
    free(list);
    return 0;
}

static int look_at_formats(const struct change *change, struct blockdev *bd,
                           struct change_facts *facts, struct err *e)
{
    for (size_t i = 0; i < facts->n; i++) {
        struct change_part *part = &facts->parts[i];

        if (part->format == NULL)
            continue;
        if (try_format(change, bd, part, e) < 0 ||
            (part->there == NULL && look_below(bd, part, e) < 0))
            return -1;
    }
    return 0;
}

static int gather(const struct change *change, struct blockdev *bd, const struct survey *survey,
                  struct change_facts *facts, struct err *e)
{
    size_t n = facts->there->n + facts->wanted->n;

    facts->parts = calloc(n + 1, sizeof(*facts->parts));
    if (facts->parts == NULL)
        return err_no_memory(e);
    if (gather_there(change, bd, survey, facts, e) < 0)
        return -1;
    for (size_t i = 0; i < facts->wanted->n; i++) {
        const struct table_entry *entry = &facts->wanted->entries[i];

        if (same_partition(facts->there, facts->wanted, entry) == NULL)
            facts->parts[facts->n++] = (struct change_part){
                .wanted = entry, .format = format_of(&change->wanted, entry->number)};
    }
    return look_at_formats(change, bd, facts, e);
}

/* Partitions that a script does not name stay, where they are in nobody's way. */
static int keep_missing(const struct table *there, struct table *wanted, size_t *kept,
                        struct err *e)
{
    *kept = 0;
    for (size_t i = 0; i < there->n; i++) {
        const struct table_entry *entry = &there->entries[i];

        if (same_partition(wanted, there, entry) != NULL)
            continue;
        if (wanted->kind != there->kind || table_entry_by_number(wanted, entry->number) != NULL) {
            err_set(e, ERR_REFUSED, "partition %u (%s) is not in what is wanted", entry->number,
                    entry->name);
            return err_hint(e, "--prune deletes what is not wanted");
        }
        if (table_insert(wanted, entry, e) < 0)
            return -1;
        (*kept)++;
    }
    return 0;
}

/* Asks for the wanted table, and whether it could be one. */
static int ask(struct change *change, struct blockdev *bd, const struct table *there, struct err *e)
{
    struct wanted wanted = {0};

    if (change->edit(change->arg, bd, there, &wanted, e) < 0 ||
        (change->options.keeps_missing &&
         keep_missing(there, wanted.table, &change->n_kept, e) < 0) ||
        (wanted.table->kind != TABLE_NONE && table_validate(wanted.table, bd, e) < 0)) {
        wanted_clear(&wanted);
        return -1;
    }
    wanted_clear(&change->wanted);
    change->wanted = wanted;
    return 0;
}

static struct plan *plan_new(struct change *change, struct blockdev *bd,
                             const struct survey *survey, struct err *e)
{
    struct change_facts facts = {.options = &change->options,
                                 .survey = survey,
                                 .there = change->there,
                                 .wanted = change->wanted.table,
                                 .can_mount = geteuid() == 0,
                                 .disk_has_data =
                                     survey->table == TABLE_NONE && survey->unknown_data};
    struct plan *plan = NULL;

    if (gather(change, bd, survey, &facts, e) == 0)
        plan = change_plan(&facts, e);
    free(facts.parts);
    if (plan != NULL && change->n_kept > 0 &&
        plan_note(plan, e, "%zu partitions are not named and stay; --prune deletes them",
                  change->n_kept) < 0) {
        plan_free(plan);
        return NULL;
    }
    return plan;
}

static struct plan *plan_finish(const struct survey *survey, const struct pending *pending,
                                struct err *e)
{
    _cleanup_plan_ struct plan *plan = calloc(1, sizeof(*plan));

    if (plan == NULL) {
        err_no_memory(e);
        return NULL;
    }
    plan->survey = survey;
    return change_add_finish(plan, pending, e) < 0 ? NULL : steal(plan);
}

/* Pending work is finished by a command that wants what it leads to, and by no other. */
static struct plan *plan_pending(struct change *change, struct blockdev *bd,
                                 const struct survey *survey, const struct pending *pending,
                                 struct err *e)
{
    _cleanup_table_ struct table *after = change_after(change->there, pending, e);

    if (after == NULL ||
        plan_check_identity(survey, change->options.serial, change->options.wwn, e) < 0 ||
        ask(change, bd, after, e) < 0)
        return NULL;
    if (table_equal(change->wanted.table, after) && change->wanted.n_formats == 0 &&
        change->options.wipe == NULL && !change->options.replaces)
        return plan_finish(survey, pending, e);
    err_set(e, ERR_REFUSED, "%s partition %u (%s) was interrupted",
            pending->op == HISTORY_MOVE ? "moving" : "resizing", pending->number,
            pending->name != NULL ? pending->name : "");
    err_hint(e, "finish that first: berth disk finish %s", survey->path);
    return NULL;
}

/* The journal that a person names has work of this disk, or none. */
static const struct pending *pending_of(struct change *change, const struct survey *survey)
{
    struct err ignored;

    if (survey->pending != NULL || change->job.journal == NULL)
        return survey->pending;
    history_free(change->file);
    change->file = NULL;
    if (disk_log_read_file(change->job.journal, &change->file, &ignored) < 0)
        return NULL;
    return change->file->pending != NULL &&
                   table_entry_by_uuid(change->there, &change->file->pending->partition) != NULL
               ? change->file->pending
               : NULL;
}

static struct plan *plan_from(struct change *change, struct blockdev *bd,
                              const struct survey *survey, struct err *e)
{
    const struct pending *pending;
    struct plan *plan = NULL;

    table_free(change->there);
    change->there = table_read(bd, e);
    if (change->there == NULL)
        return NULL;
    if (change_check_damage(change->there, &change->options, e) < 0) {
        err_wrap(e, "%s", survey->path);
        return NULL;
    }
    pending = pending_of(change, survey);
    if (pending != NULL)
        plan = plan_pending(change, bd, survey, pending, e);
    else if (ask(change, bd, change->there, e) == 0)
        plan = plan_new(change, bd, survey, e);
    if (plan == NULL)
        err_wrap(e, "%s", survey->path);
    return plan;
}

static struct plan *plan_again(struct job *job, struct disk *disk, const struct survey *survey,
                               struct err *e)
{
    return plan_from((struct change *)job, disk_blockdev(disk), survey, e);
}

/* A file that shall be made is planned on a blank of its size. */
static struct plan *plan_missing(struct change *change, struct err *e)
{
    struct job *job = &change->job;
    _cleanup_blockdev_ struct blockdev *blank = NULL;

    job->survey = inspect_missing(job->path, change->options.make_bytes,
                                  job->sector != 0 ? job->sector : 512, e);
    if (job->survey == NULL)
        return NULL;
    blank = mem_open(job->survey->bytes, job->survey->sector, e);
    return blank == NULL ? NULL : plan_from(change, blank, job->survey, e);
}

static bool is_missing(const char *path)
{
    struct stat st;
    int found = stat(path, &st);

    return found < 0 ? errno == ENOENT && strncmp(path, "/dev/", 5) != 0
                     : S_ISREG(st.st_mode) && st.st_size == 0;
}

/* The disk as a boot finds it: nothing is mounted, no swap is in use. */
static void forget_mounts(struct survey *survey)
{
    for (size_t i = 0; i < survey->n_partitions; i++) {
        struct survey_partition *p = &survey->partitions[i];
        bool swap = p->fs != NULL && strcmp(p->fs, "swap") == 0;

        if (p->mountpoint == NULL && !swap)
            continue;
        free(steal(p->mountpoint));
        free(steal(p->holder));
    }
}

static int add_boot_note(struct plan *plan, struct err *e)
{
    return plan->n_steps == 0
               ? 0
               : plan_note(plan, e,
                           "these steps are done at the next boot, by berth itself; after "
                           "them the machine restarts as always");
}

int change_read(struct change *change, const char *path, unsigned sector, struct err *e)
{
    struct job *job = &change->job;
    _cleanup_disk_ struct disk *disk = NULL;

    job->plan_again = plan_again;
    job->sector = sector;
    job->path = io_format(e, "%s", path);
    if (job->path == NULL)
        return -1;
    if (change->options.make_bytes != 0 && is_missing(path)) {
        job->plan = plan_missing(change, e);
        return job->plan == NULL ? -1 : 0;
    }
    disk = disk_open(path, false, sector, e);
    if (disk == NULL)
        return -1;
    job->survey = observe(disk, path, OBSERVE_RECORD, e);
    if (job->survey == NULL)
        return -1;
    if (change->options.at_boot)
        forget_mounts(job->survey);
    job->plan = plan_from(change, disk_blockdev(disk), job->survey, e);
    if (job->plan == NULL)
        return -1;
    return change->options.at_boot ? add_boot_note(job->plan, e) : 0;
}

void change_free(struct change *change)
{
    plan_free(change->job.plan);
    survey_free(change->job.survey);
    free(change->job.path);
    table_free(change->there);
    wanted_clear(&change->wanted);
    history_free(change->file);
}
