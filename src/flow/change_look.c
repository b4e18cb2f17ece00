// SPDX-License-Identifier: GPL-3.0-or-later
/* change_look.c: what planning has to know of each partition: what is in it, how small or large
 * that can be, and whether what it shall be made can be made. Reads only. */
#include "core/cleanup.h"
#include "core/shell.h"
#include "core/size.h"
#include "flow/change_parts.h"
#include "fs/probe.h"
#include "partition/gpt.h"

#include <string.h>
#include <unistd.h>

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
           table_find(change->there, change->options.wipe, &ignored) == entry;
}

/* The bounds of what changes while they are read: a hint of what can never be. Those that cannot be
 * had now are found out when it is done, unless who uses it has that refused. */
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
    return err_hint(
        e,
        "if only its entry is wrong: `berth part rm %s %u`, which leaves every byte, and "
        "then this again",
        shell_quote(survey->path).text, part->there->number);
}

/* Moving what nobody knows to where a table that was has it might overwrite what is there still. */
static int check_restored(const struct survey *survey, const struct change_part *part,
                          struct err *e)
{
    if (part->wanted == NULL || part->fs != NULL || part->found->member != NULL ||
        part->wanted->range.start == part->there->range.start)
        return 0;
    err_set(e, ERR_REFUSED, "%s would be moved, and what is in it is unknown",
            table_title(part->there->number, part->there->name).text);
    return hint_entry_alone(survey, part, e);
}

/* Whether there is anything that would be lost. */
static int look_for_content(struct blockdev *bd, struct change_part *part, bool matters,
                            struct err *e)
{
    const struct survey_partition *found = part->found;
    struct extent range = extent_on_disk(part->there->range, bd->bytes);
    bool sampled;
    int data;

    part->has_content = found->fs != NULL || found->member != NULL || found->ambivalent;
    if (part->has_content || !matters)
        return 0;
    if (range.bytes == 0)
        return 0;
    data = probe_has_data(bd, range, &sampled, e);
    part->has_content = data > 0;
    return data < 0 ? -1 : 0;
}

/* Of what is encrypted, and nobody has the key: that it stays as it is, which only a larger
 * partition allows. */
static int look_at_bounds(const struct change *change, struct blockdev *slice,
                          struct change_part *part, struct err *e)
{
    const struct fs_locked_ops *locked = part->fs->locked;
    bool alone = part->wanted->range.bytes > part->there->range.bytes &&
                 change->wanted.locked_too != part->there->number;

    if (locked != NULL && change->job.key_file != NULL)
        return locked->bounds(slice, change->job.key_file, &part->bounds, e);
    if (locked != NULL && change->wanted.locked_back == part->there->number) {
        part->bounds = (struct fs_bounds){.now = part->wanted->range.bytes,
                                          .least = part->wanted->range.bytes,
                                          .most = part->there->range.bytes,
                                          .unit = slice->sector};
        return 0;
    }
    if (!(locked != NULL && alone) && part->fs->ready(slice, e) < 0)
        return -1;
    return part->fs->bounds(slice, &part->bounds, e);
}

/* How small and large its filesystem can be, and whether it may be changed now. */
static int look_at_size(const struct change *change, struct blockdev *bd,
                        const struct survey *survey, struct change_part *part, struct err *e)
{
    _cleanup_blockdev_ struct blockdev *slice = slice_open(bd, part->there->range, e);

    if (slice != NULL && look_at_bounds(change, slice, part, e) == 0)
        return 0;
    if (change->options.restores && slice != NULL) {
        *e->hint = '\0'; /* looking into it as it is there now would not help */
        hint_entry_alone(survey, part, e);
    }
    return err_wrap(e, "partition %u (%s)", part->there->number, part->fs->name);
}

static const struct wanted_alone *alone_of(const struct wanted *wanted, unsigned number)
{
    for (size_t i = 0; i < wanted->n_alone; i++)
        if (wanted->alone[i].number == number)
            return &wanted->alone[i];
    return NULL;
}

/* Its filesystem has its size already, or had no part in what is taken back: nothing is asked of
 * it. */
static bool is_alone(const struct change *change, const struct change_part *part)
{
    const struct wanted_alone *alone = alone_of(&change->wanted, part->there->number);
    uint64_t bytes = part->found->fs_bytes;

    if (bytes == 0 || part->fs->locked != NULL || change_moves(part))
        return false;
    if (bytes > part->wanted->range.bytes)
        return alone != NULL && alone->cut;
    return alone != NULL || survey_overhang(part->found).bytes > 0;
}

/* Now or until the next boot. */
static bool is_used(const struct survey_partition *found)
{
    return found->holder != NULL || found->mountpoint != NULL || found->used_now;
}

/* A Windows that sleeps wakes up with what it knew of where its filesystem is. What it has to do
 * before a resize nobody does between now and the next boot, either. */
static int look_before_move(const struct change *change, struct blockdev *bd,
                            const struct change_part *part, bool resized, struct err *e)
{
    _cleanup_blockdev_ struct blockdev *slice = NULL;

    if (!(change_moves(part) || (change->options.at_boot && resized)) || part->fs == NULL ||
        part->fs->movable == NULL || is_used(part->found) || survey_overhang(part->found).bytes > 0)
        return 0;
    slice = slice_open(bd, part->there->range, e);
    if (slice != NULL && part->fs->movable(slice, e) == 0)
        return 0;
    return err_wrap(e, "partition %u (%s)", part->there->number, part->fs->name);
}

/* Its key is in a file of the person's, and no initramfs on an ESP is a place for that. */
static int refuse_locked_boot(const struct change_part *part, struct err *e)
{
    err_set(e, ERR_REFUSED, "%s is encrypted, and nothing has its key at the next boot",
            table_title(part->there->number, part->there->name).text);
    return err_hint(e, "boot another system or a live medium, and give the command there, with "
                       "--key-file");
}

/* What is known of its content, as far as the plan needs it. */
static int look_into(const struct change *change, struct blockdev *bd, const struct survey *survey,
                     struct change_part *part, struct err *e)
{
    const struct survey_partition *found = part->found;
    bool gone = part->wanted == NULL || part->format != NULL || is_wiped(change, part->there);
    bool resized = part->wanted != NULL && part->wanted->range.bytes != part->there->range.bytes;

    if (found->incomplete)
        return 0;
    part->fs = found->fs != NULL ? fs_by_blkid(found->fs) : NULL;
    if ((change->options.restores && check_restored(survey, part, e) < 0) ||
        look_for_content(bd, part, gone || resized, e) < 0 ||
        look_before_move(change, bd, part, resized, e) < 0)
        return -1;
    if (part->fs == NULL || !resized)
        return 0;
    part->alone = is_alone(change, part);
    if (part->alone || survey_overhang(found).bytes > 0)
        return 0;
    if (change->options.at_boot && part->fs->locked != NULL)
        return refuse_locked_boot(part, e);
    return change->options.at_boot || found->holder != NULL
               ? look_while_mounted(bd, part, e)
               : look_at_size(change, bd, survey, part, e);
}

static int gather_there(const struct change *change, struct blockdev *bd,
                        const struct survey *survey, struct change_facts *facts, struct err *e)
{
    for (size_t i = 0; i < facts->there->n; i++) {
        struct change_part *part = &facts->parts[facts->n++];

        part->there = &facts->there->entries[i];
        part->found = surveyed(survey, part->there);
        part->wanted = table_same_entry(facts->wanted, facts->there, part->there);
        if (part->found == NULL)
            return err_set(e, ERR_FAILED, "partition %u came while the disk was looked at",
                           part->there->number);
        if (part->wanted != NULL)
            part->format = format_of(&change->wanted, part->wanted->number);
        part->unwiped = part->there->number == change->wanted.unwipe;
        if (look_into(change, bd, survey, part, e) < 0)
            return -1;
    }
    return 0;
}

static int check_luks(const struct fs_ops *fs, const struct table_entry *entry,
                      const char *key_file, struct err *e)
{
    char has[SIZE_TEXT], needs[SIZE_TEXT];

    if (key_file == NULL) {
        err_set(e, ERR_USAGE, "a LUKS volume needs a key");
        return err_hint(e, "--key-file FILE names the file with its passphrase");
    }
    if (entry->range.bytes >= fs->least)
        return 0;
    return err_set(e, ERR_NO_SPACE, "partition %u: %s are too few for luks, which takes %s or more",
                   entry->number, size_human(entry->range.bytes, has, sizeof(has)),
                   size_human(fs->least, needs, sizeof(needs)));
}

/* Why the trial failed, with the partition's name for that of the memory it was made in. */
static int cannot_make(const struct err *why, const char *memory, unsigned number, struct err *e)
{
    size_t len = strlen(memory);
    bool named = strncmp(why->text, memory, len) == 0 && strncmp(why->text + len, ": ", 2) == 0;

    *e = *why;
    snprintf(e->text, sizeof(e->text), "%s", why->text + (named ? len + 2 : 0));
    return err_wrap(e, "partition %u", number);
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
        return check_luks(fs, entry, options.key_file, e);
    options.label = asked ? part->format->label : entry->name;
    if (*options.label == '\0')
        options.label = NULL;
    stage = mem_open(entry->range.bytes, bd->sector, e);
    if (stage == NULL)
        return -1;
    if (fs->make(stage, &options, &first) == 0)
        return 0;
    if (asked || options.label == NULL || first.code != ERR_USAGE)
        return cannot_make(&first, stage->name, entry->number, e);
    part->unlabelled = true;
    options.label = NULL;
    return fs->make(stage, &options, &first) < 0
               ? cannot_make(&first, stage->name, entry->number, e)
               : 0;
}

static int look_at_formats(const struct change *change, struct blockdev *bd,
                           struct change_facts *facts, struct err *e)
{
    for (size_t i = 0; i < facts->n; i++)
        if (facts->parts[i].format != NULL && try_format(change, bd, &facts->parts[i], e) < 0)
            return -1;
    return 0;
}

/* Of all that changes, whether anything can be locked. */
static bool has_lock(const struct change_facts *facts)
{
    for (size_t i = 0; i < facts->n; i++) {
        const struct change_part *part = &facts->parts[i];
        const struct fs_ops *made = part->format != NULL ? fs_by_name(part->format->fs) : NULL;

        if ((made != NULL && made->locked != NULL) ||
            (part->fs != NULL && part->fs->locked != NULL))
            return true;
    }
    return false;
}

/* A key that nothing takes was meant for something else. */
static int check_key(const char *key_file, const struct change_facts *facts, struct err *e)
{
    if (key_file == NULL || has_lock(facts))
        return 0;
    err_set(e, ERR_USAGE, "--key-file %s: nothing that is changed here is LUKS", key_file);
    return err_hint(e, "leave it away; --fs luks makes a LUKS volume");
}

int change_look(const struct change *change, struct blockdev *bd, const struct survey *survey,
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

        if (table_same_entry(facts->there, facts->wanted, entry) == NULL)
            facts->parts[facts->n++] = (struct change_part){
                .wanted = entry, .format = format_of(&change->wanted, entry->number)};
    }
    return change_look_at_sectors(bd, facts, e) < 0 ||
                   check_key(change->job.key_file, facts, e) < 0 ||
                   look_at_formats(change, bd, facts, e) < 0
               ? -1
               : change_look_at_free(bd, facts, e);
}
