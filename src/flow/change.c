// SPDX-License-Identifier: GPL-3.0-or-later
/* change.c: asks what is wanted of a disk, and plans it: anew, or what finishes pending work. */
#include "flow/change.h"
#include "apply/observe.h"
#include "core/cleanup.h"
#include "core/io.h"
#include "core/shell.h"
#include "core/size.h"
#include "flow/at_boot.h"
#include "flow/backup.h"
#include "flow/change_parts.h"
#include "fs/probe.h"
#include "initramfs/resize_mounted.h"
#include "log/disk_log.h"
#include "log/new_place.h"
#include "partition/inspect.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Asks for the wanted table, and whether it could be one. */
static int ask(struct change *change, struct blockdev *bd, const struct table *there, struct err *e)
{
    struct wanted wanted = {0};

    if (change->edit(change->arg, bd, there, &wanted, e) < 0 ||
        (change->options.keeps_missing &&
         change_keep_missing(there, wanted.table, &change->n_kept, e) < 0) ||
        (wanted.table->kind != TABLE_NONE && table_validate(wanted.table, bd, e) < 0)) {
        wanted_clear(&wanted);
        return -1;
    }
    wanted_clear(&change->wanted);
    change->wanted = wanted;
    return 0;
}

static int note_kept(struct plan *plan, size_t n, struct err *e)
{
    if (n == 0)
        return 0;
    return n == 1 ? plan_note(plan, e, "one partition is not named and stays; --prune deletes it")
                  : plan_note(plan, e,
                              "%zu partitions are not named and stay; --prune deletes them", n);
}

/* Taken for the wrong ones, its partitions would lie elsewhere. */
static int note_sector(const struct change *change, struct plan *plan, struct err *e)
{
    char note[SURVEY_SECTOR_NOTE];

    if (!plan->survey->sector_guessed || change->there->kind != TABLE_MBR || plan->n_steps == 0)
        return 0;
    return plan_note(plan, e, "%s", survey_sector_note(plan->survey, note));
}

/* A partition that has its size already may have a filesystem that is smaller. */
static int note_rest(const struct change *change, struct plan *plan, struct err *e)
{
    const struct survey *survey = plan->survey;
    char has[SIZE_TEXT], all[SIZE_TEXT];

    for (size_t i = 0; plan->n_steps == 0 && i < survey->n_partitions; i++) {
        const struct survey_partition *p = &survey->partitions[i];
        struct shell_word disk = shell_quote(survey->path);

        if (p->number != change->wanted.sized || survey_rest(p).bytes == 0)
            continue;
        size_exact(p->fs_bytes, has, sizeof(has));
        size_exact(p->range.bytes, all, sizeof(all));
        return plan_note(
            plan, e,
            "partition %u: its %s has %s of that; `berth part resize %s %u --size %s`, "
            "and then --size %s, makes it as large",
            p->number, p->fs, has, disk.text, p->number, has, all);
    }
    return 0;
}

static int add_notes(const struct change *change, struct blockdev *bd, struct plan *plan,
                     struct err *e)
{
    if (note_kept(plan, change->n_kept, e) < 0 || note_sector(change, plan, e) < 0 ||
        note_rest(change, plan, e) < 0)
        return -1;
    for (size_t i = 0; i < change->wanted.notes.n; i++)
        if (plan_note(plan, e, "%s", change->wanted.notes.items[i]) < 0)
            return -1;
    return disk_log_check(bd, change->there, plan, change->job.journal, e);
}

/* What changes its size only while it is mounted needs somewhere to be mounted. */
static void look_for_mount(struct change_facts *facts)
{
    for (size_t i = 0; i < facts->n && facts->no_mount.code == ERR_OK; i++)
        if (change_needs_mount(&facts->parts[i]))
            facts->in_appliance |= resize_mounted_check(facts->parts[i].fs, &facts->no_mount) > 0;
}

/* Partitions that nobody can name: there is no table, or both copies of it are damaged and may yet
 * be mended by hand. A backup brings them back, and so does the undo of an undo. */
static bool has_unknown_data(const struct change *change, const struct survey *survey)
{
    if (survey->table == TABLE_NONE)
        return survey->unknown_data;
    return !change->options.restores && !change->options.takes_back &&
           table_has_damage(change->there, DAMAGE_BOTH_COPIES);
}

/* Whether a new table would be put over what somebody may need. */
static int look_at_disk(const struct change *change, struct blockdev *bd,
                        struct change_facts *facts, struct err *e)
{
    const struct survey *survey = facts->survey;
    int fits = 0;

    facts->disk_has_data = has_unknown_data(change, survey);
    if (facts->disk_has_data && change->options.restores && survey->fs == NULL)
        fits = backup_fits(&change->wanted, bd, e);
    facts->disk_has_data = facts->disk_has_data && fits == 0;
    return fits < 0 ? -1 : 0;
}

/* 1: the partition that shall be wiped has a signature. Wiping none would be a change all the same,
 * and take the place of the last one, which `berth disk undo` takes back. */
static int has_signature(const struct change *change, struct blockdev *bd, struct err *e)
{
    const struct table_entry *entry = table_find(change->there, change->options.wipe, e);
    struct probe_signature *list = NULL;
    struct extent range;
    size_t n = 0;

    if (entry == NULL)
        return -1;
    range = extent_on_disk(entry->range, bd->bytes);
    if (range.bytes == 0)
        return 0;
    if (probe_signatures(bd, range, &list, &n, e) < 0)
        return -1;
    free(list);
    return n > 0;
}

static struct plan *plan_new(struct change *change, struct blockdev *bd,
                             const struct survey *survey, struct err *e)
{
    struct change_options options = change->options;
    struct change_facts facts = {.options = &options,
                                 .survey = survey,
                                 .there = change->there,
                                 .wanted = change->wanted.table,
                                 .returns = change->wanted.returns,
                                 .journal = change->job.journal};
    _cleanup_plan_ struct plan *plan = NULL;
    int wipes = options.wipe != NULL ? has_signature(change, bd, e) : 0;

    if (wipes == 0)
        options.wipe = NULL;
    if (wipes >= 0 && look_at_disk(change, bd, &facts, e) == 0 &&
        change_look(change, bd, survey, &facts, e) == 0) {
        look_for_mount(&facts);
        plan = change_plan(&facts, e);
    }
    free(facts.parts);
    free(facts.sectors.list);
    return plan == NULL || add_notes(change, bd, plan, e) < 0 ? NULL : steal(plan);
}

/* The journal that a person named, where that is what says that the work is pending. */
static const char *file_of(const struct change *change, const struct pending *pending)
{
    return change->file != NULL && change->file->pending == pending ? change->job.journal : NULL;
}

static struct plan *plan_finish(const struct change *change, struct blockdev *bd,
                                const struct survey *survey, const struct pending *pending,
                                struct err *e)
{
    _cleanup_plan_ struct plan *plan = NULL;

    if (!change_gives_up(change->there, &change->options, pending) &&
        new_place_check(bd, change->there, pending, file_of(change, pending), e) < 0)
        return NULL;
    plan = calloc(1, sizeof(*plan));
    if (plan == NULL) {
        err_no_memory(e);
        return NULL;
    }
    plan->survey = survey;
    if (change_add_finish(plan, pending, e) < 0 ||
        (file_of(change, pending) != NULL && disk_log_note_copy(plan, pending, e) < 0))
        return NULL;
    return steal(plan);
}

static bool wants_only(const struct change *change, const struct table *after)
{
    return table_equal(change->wanted.table, after) && change->wanted.n_formats == 0 &&
           change->options.wipe == NULL && !change->options.replaces;
}

/* 1: the command wants what the work leads to, as the disk will be; or as it was when the work
 * began, from which "20M more" was counted. */
static int is_same_work(struct change *change, struct blockdev *bd, const struct pending *pending,
                        const struct table *after, struct err *e)
{
    _cleanup_table_ struct table *before = change_before(change->there, pending, e);
    struct err ignored;

    if (before == NULL)
        return -1;
    if (ask(change, bd, before, &ignored) == 0 && wants_only(change, after))
        return 1;
    return ask(change, bd, after, e) < 0 ? -1 : wants_only(change, after);
}

/* The command only takes away the partition that is worked on, and so ends the work. */
static bool ends_work(struct change *change, struct blockdev *bd, const struct pending *pending)
{
    struct err ignored;

    return ask(change, bd, change->there, &ignored) == 0 && change->wanted.n_formats == 0 &&
           change_ends_work(change->there, change->wanted.table, pending);
}

static void refuse_worked_on(const struct survey *survey, const struct pending *pending,
                             struct err *e)
{
    err_set(e, ERR_IN_USE, "%s %s is %s", pending->op == HISTORY_MOVE ? "moving" : "resizing",
            table_title(pending->number, pending->name).text, survey->worker);
    err_hint(e, "wait until that has ended");
}

/* What was wrong before is no error of who asks for something else. */
static bool is_damage_of(const struct table *there, const char *text)
{
    for (size_t i = 0; i < there->n_damage; i++)
        if (damage_forbids(there->damage[i].kind) && strcmp(there->damage[i].text, text) == 0)
            return true;
    return false;
}

/* What is half done goes with its partition, and nothing but half of it could come back. */
static int give_up(struct plan *plan, struct err *e)
{
    if (plan->gives_up)
        return 0;
    plan->gives_up = true;
    return plan_note(plan, e,
                     "the work that was interrupted is given up: `berth disk undo` does not bring "
                     "the partition back");
}

static struct plan *plan_asked(struct change *change, struct blockdev *bd,
                               const struct survey *survey, struct err *e)
{
    const struct table *there = change->there;
    _cleanup_plan_ struct plan *plan = NULL;

    if (change->options.only_finishes
            ? change_refuse_half_moved(survey, e) < 0
            : change_check_half_moved(there, &change->options, survey->path, e) < 0)
        return NULL;
    if (ask(change, bd, there, e) < 0) {
        if (is_damage_of(there, e->text))
            e->code = ERR_REFUSED;
        if (*e->hint == '\0' && table_problem(there) != NULL)
            change_hint_damage(there->damage, there->n_damage, survey->path, e);
        return NULL;
    }
    if (change_check_cure(there, change->wanted.table, &change->options, bd, survey->path, e) == 0)
        plan = plan_new(change, bd, survey, e);
    if (plan != NULL && change_loses_half_moved(there, change->wanted.table) &&
        give_up(plan, e) < 0)
        return NULL;
    return steal(plan);
}

/* Its partition goes as half of it is: with the table alone nobody could finish it any more. */
static struct plan *plan_giving_up(struct change *change, struct blockdev *bd,
                                   const struct survey *survey, struct err *e)
{
    _cleanup_plan_ struct plan *plan = plan_asked(change, bd, survey, e);

    return plan == NULL || give_up(plan, e) < 0 ? NULL : steal(plan);
}

/* Pending work is finished by a command that wants what it leads to, and by no other. */
static struct plan *plan_pending(struct change *change, struct blockdev *bd,
                                 const struct survey *survey, const struct pending *pending,
                                 struct err *e)
{
    _cleanup_table_ struct table *after = change_after(change->there, pending, e);
    bool ends;
    int same;

    if (survey->worker != NULL) {
        refuse_worked_on(survey, pending, e);
        return NULL;
    }
    if (after == NULL)
        return NULL;
    same = is_same_work(change, bd, pending, after, e);
    if (same != 0)
        return same < 0 ? NULL : plan_finish(change, bd, survey, pending, e);
    ends = ends_work(change, bd, pending);
    if (ends && change_gives_up(change->there, &change->options, pending))
        return plan_giving_up(change, bd, survey, e);
    err_set(e, ERR_REFUSED, "%s %s was interrupted",
            pending->op == HISTORY_MOVE ? "moving" : "resizing",
            table_title(pending->number, pending->name).text);
    if (ends)
        err_hint(e, "finish that first: `%s`; or, if nothing in it is needed, say so: --lose %u",
                 pending_command(pending, survey->path, file_of(change, pending)).text,
                 pending->number);
    else
        err_hint(e, "finish that first: %s",
                 pending_command(pending, survey->path, file_of(change, pending)).text);
    return NULL;
}

/* The journal that a person names has work of this disk, or none. */
static const struct pending *pending_of(struct change *change, struct blockdev *bd,
                                        const struct survey *survey)
{
    struct err ignored;

    if (change->job.journal == NULL ||
        (survey->pending != NULL && survey->pending->journal == NULL))
        return survey->pending;
    history_free(change->file);
    change->file = NULL;
    if (disk_log_read_file(change->job.journal, bd, change->there, &change->file, &ignored) < 0)
        return survey->pending;
    return change->file->pending != NULL &&
                   table_entry_by_uuid(change->there, &change->file->pending->partition) != NULL
               ? change->file->pending
               : survey->pending;
}

static struct plan *plan_from(struct change *change, struct blockdev *bd,
                              const struct survey *survey, struct err *e)
{
    const struct pending *pending;
    struct plan *plan = NULL;

    if (plan_check_identity(survey, change->options.serial, change->options.wwn, e) < 0)
        return NULL; /* it has the path */
    table_free(change->there);
    change->there = table_read(bd, e);
    if (change->there == NULL)
        return NULL;
    if ((change->job.journal == NULL ||
         disk_log_check_file(change->job.journal, bd, change->there, e) == 0) &&
        change_check_damage(change->there, &change->options, survey->path, e) == 0) {
        pending = pending_of(change, bd, survey);
        plan = pending != NULL ? plan_pending(change, bd, survey, pending, e)
                               : plan_asked(change, bd, survey, e);
    }
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

/* The disk as a boot finds it: nothing is mounted, no swap is in use. */
static void forget_mounts(struct survey *survey)
{
    for (size_t i = 0; i < survey->n_partitions; i++) {
        struct survey_partition *p = &survey->partitions[i];
        bool swap = p->fs != NULL && strcmp(p->fs, "swap") == 0;

        if (p->mountpoint == NULL && !swap)
            continue;
        p->used_now = p->holder != NULL;
        free(steal(p->mountpoint));
        free(steal(p->holder));
        free(steal(p->release));
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

static int plan_now(struct change *change, struct disk *disk, struct err *e)
{
    struct job *job = &change->job;

    survey_free(job->survey);
    job->survey = observe(disk, job->path, OBSERVE_RECORD, e);
    if (job->survey == NULL)
        return -1;
    if (change->options.at_boot)
        forget_mounts(job->survey);
    job->plan = plan_from(change, disk_blockdev(disk), job->survey, e);
    return job->plan == NULL ? -1 : 0;
}

/* What has no passphrase is found out before anything is written. A pipe can be read only once. */
static int check_key_file(const char *path, struct err *e)
{
    _cleanup_close_ int fd = -1;
    struct stat status;
    char first;
    ssize_t n;

    if (stat(path, &status) < 0)
        return err_set(e, ERR_USAGE, "--key-file %s: %s", path, strerror(errno));
    if (S_ISFIFO(status.st_mode))
        return 0;
    fd = open(path, O_RDONLY | O_CLOEXEC);
    n = fd < 0 ? -1 : read(fd, &first, 1);
    if (n < 0)
        return err_set(e, ERR_USAGE, "--key-file %s: %s", path, strerror(errno));
    if (n > 0)
        return 0;
    err_set(e, ERR_USAGE, "--key-file %s is empty", path);
    return err_hint(e, "the passphrase is all the bytes of the file");
}

/* What is read while another process writes there may be half of what it writes: a superblock with
 * another's checksum, a table without a partition. What is wrong with the command stays so. */
static bool may_be_half_written(const struct err *e)
{
    return e->code != ERR_USAGE && e->code != ERR_SYNTAX && e->code != ERR_NO_MEMORY &&
           e->code != ERR_INTERRUPTED;
}

/* A disk that others are at is planned again when they have ended; who changes it and goes on is
 * what is in the way. */
static int plan_beside_others(struct change *change, struct disk *disk, struct err *e)
{
    _cleanup_free_ char *worker = NULL;
    struct err ignored;

    if (plan_now(change, disk, e) == 0)
        return 0;
    if (e->code != ERR_IN_USE &&
        (!may_be_half_written(e) || disk_worker(disk, &worker, &ignored) < 0 || worker == NULL))
        return -1;
    if (!disk_await_claims(disk))
        return -1;
    if (plan_now(change, disk, e) == 0)
        return 0;
    free(steal(worker));
    if (e->code == ERR_IN_USE || !may_be_half_written(e) ||
        disk_worker(disk, &worker, &ignored) < 0 || worker == NULL)
        return -1;
    err_set(e, ERR_IN_USE, "a change of %s is %s", change->job.path, worker);
    return err_hint(e, "wait until that has ended");
}

int change_read(struct change *change, const char *path, unsigned sector, struct err *e)
{
    struct job *job = &change->job;
    _cleanup_disk_ struct disk *disk = NULL;

    if (job->key_file != NULL && check_key_file(job->key_file, e) < 0)
        return -1;
    job->plan_again = plan_again;
    job->sector = sector;
    job->path = io_format(e, "%s", path);
    if (job->path == NULL)
        return -1;
    if (change->options.make_bytes != 0 && disk_is_missing(path)) {
        job->plan = plan_missing(change, e);
        return job->plan == NULL ? -1 : 0;
    }
    disk = disk_open(path, false, sector, e);
    if (disk == NULL)
        return -1;
    if (plan_beside_others(change, disk, e) < 0)
        return -1;
    if (!change->options.at_boot)
        return plan_note_users(job->plan, disk, e);
    return at_boot_check(job->plan, e) < 0 ? -1 : add_boot_note(job->plan, e);
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
