// SPDX-License-Identifier: GPL-3.0-or-later
/* guest.c: finds a system's partitions, says why it cannot run, and claims them. */
#include "intent/guest.h"
#include "core/cleanup.h"
#include "core/shell.h"
#include "os/hibernation.h"
#include "partition/table.h"
#include "partition/type.h"

#include <string.h>
#include <strings.h>

static int no_such_system(const struct survey *survey, const char *name, struct err *e)
{
    const struct record *record = survey->record;
    char names[400] = "";
    size_t fill = 0;

    if (record == NULL)
        return err_set(e, ERR_NOT_FOUND, "%s has no systems that berth installed", survey->path);
    for (size_t i = 0; i < record->n_systems && fill < sizeof(names); i++)
        fill += (size_t)snprintf(names + fill, sizeof(names) - fill, "%s%s", i > 0 ? ", " : "",
                                 record->systems[i].name);
    err_set(e, ERR_NOT_FOUND, "there is no system %s on %s", name, survey->path);
    return err_hint(e, "its systems are: %s", names);
}

static int in_use(const struct survey_partition *partition, const char *name, struct err *e)
{
    static const char in_use_by[] = "in use"; /* as some holders begin; others: "mounted on /" */

    if (partition->mountpoint != NULL && strcmp(partition->mountpoint, "/") == 0)
        return err_set(e, ERR_IN_USE, "%s is the running system", name);
    err_set(e, ERR_IN_USE, "%s cannot run: its partition %u is %s%s", name, partition->number,
            strncmp(partition->holder, in_use_by, strlen(in_use_by)) == 0 ? "" : "in use: ",
            partition->holder);
    if (partition->release != NULL)
        return err_hint(e, "%s", partition->release);
    return err_hint(e, "%s may be running already, or being changed; end that first", name);
}

/* By another program just now, or until it was interrupted. */
static bool is_worked_on(const struct survey *survey, const struct survey_partition *partition)
{
    return partition_type_is(&partition->type, "moving") ||
           (survey->pending != NULL && survey->pending->number == partition->number);
}

static int take_partition(const struct survey *survey, const char *name, const struct guid *uuid,
                          struct guest *guest, struct err *e)
{
    const struct survey_partition *partition = survey_by_uuid(survey, uuid);
    char text[GUID_TEXT];

    if (partition == NULL)
        return err_set(e, ERR_REFUSED, "%s cannot run: its partition %s is not on %s", name,
                       guid_print(uuid, text), survey->path);
    if (partition->incomplete) {
        err_set(e, ERR_REFUSED, "%s cannot run: its partition %u is not complete", name,
                partition->number);
        return err_hint(e, "run the interrupted `berth apply` again, which completes it");
    }
    if (is_worked_on(survey, partition)) {
        err_set(e, ERR_REFUSED, "%s cannot run: its partition %u is being moved or resized", name,
                partition->number);
        return err_hint(e, "`berth disk finish %s` finishes that", shell_quote(survey->path).text);
    }
    if (partition->holder != NULL)
        return in_use(partition, name, e);
    if (guest->n_own == GUEST_PARTITIONS_MAX)
        return err_set(e, ERR_UNSUPPORTED, "%s has more than %d partitions", name,
                       GUEST_PARTITIONS_MAX);
    guest->own[guest->n_own++] = partition;
    return 0;
}

int guest_find(const struct survey *survey, const char *name, struct guest *guest, struct err *e)
{
    const struct record_system *system =
        survey->record != NULL ? record_system(survey->record, name) : NULL;

    *guest = (struct guest){.system = system};
    if (system == NULL)
        return no_such_system(survey, name, e);
    if (system->family != NULL && strcmp(system->family, "linux") != 0)
        return err_set(e, ERR_UNSUPPORTED, "%s is of the family %s; run boots Linux only so far",
                       name, system->family);
    if (system->pending != NULL) {
        err_set(e, ERR_REFUSED, "%s cannot run: its partition is %s", name, system->pending);
        return err_hint(e, "give the command that was interrupted again: it completes the work");
    }
    if (take_partition(survey, name, &system->root, guest, e) < 0)
        return -1;
    for (size_t i = 0; i < system->n_volumes; i++)
        if (take_partition(survey, name, &system->volumes[i].partition, guest, e) < 0)
            return -1;
    return 0;
}

/* Between the survey and the claim somebody else may have changed the table. Where that cannot be
 * read, the kernel's word counts, which does not let go a partition that is open. */
static int recheck(const struct guest *guest, struct disk *disk, struct err *e)
{
    _cleanup_table_ struct table *table = NULL;

    if (disk_is_one_partition(disk))
        return 0;
    table = table_read(disk_blockdev(disk), e);
    if (table == NULL)
        return -1;
    for (size_t i = 0; i < guest->n_own; i++) {
        const struct survey_partition *own = guest->own[i];
        const struct table_entry *entry = table_entry_by_uuid(table, &own->uuid);

        if (entry == NULL || entry->number != own->number ||
            entry->range.start != own->range.start || entry->range.bytes != own->range.bytes)
            return err_set(e, ERR_IN_USE, "partition %u was changed by another program just now",
                           own->number);
    }
    return 0;
}

/* ---- hibernation ---- */

static bool is_volume(const struct record_system *system, const struct survey_partition *partition)
{
    for (size_t i = 0; i < system->n_volumes; i++)
        if (guid_equal(&system->volumes[i].partition, &partition->uuid))
            return true;
    return false;
}

static bool belongs_to_nobody(const struct record *record, const struct survey_partition *partition)
{
    for (size_t i = 0; i < record->n_systems; i++)
        if (is_volume(&record->systems[i], partition))
            return false;
    return true;
}

/* Whether the last resume= of the kernel options names it, in any form that names a partition
 * wherever its disk is. */
static bool is_resumed_from(const char *options, const struct survey_partition *partition)
{
    static const char key[] = "resume=";
    char uuid[GUID_TEXT];
    const char *const names[] = {partition->fs_uuid, guid_print(&partition->uuid, uuid),
                                 partition->label, partition->name};
    const char *value = NULL, *name;
    size_t len;

    for (const char *p = options != NULL ? options : ""; *p != '\0'; p += strcspn(p, " ")) {
        p += strspn(p, " ");
        if (strncmp(p, key, strlen(key)) == 0)
            value = p + strlen(key);
    }
    if (value == NULL)
        return false;
    len = strcspn(value, " ");
    name = value + len;
    while (name > value && name[-1] != '/' && name[-1] != '=')
        name--;
    len -= (size_t)(name - value);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (names[i] != NULL && strlen(names[i]) == len && strncasecmp(names[i], name, len) == 0)
            return true;
    return false;
}

static bool is_swap(const struct survey_partition *partition)
{
    return partition_type_is(&partition->type, "swap") ||
           (partition->fs != NULL && strncmp(partition->fs, "sw", 2) == 0);
}

static int check_swap(const struct guest *guest, const struct survey_partition *partition,
                      bool known, struct disk *disk, struct err *e)
{
    _cleanup_blockdev_ struct blockdev *swap = slice_open(disk_blockdev(disk), partition->range, e);
    const char *name = guest->system->name;
    bool hibernated;

    if (swap == NULL || hibernation_in_swap(swap, &hibernated, e) < 0)
        return -1;
    if (!hibernated)
        return 0;
    if (known)
        err_set(e, ERR_REFUSED, "%s is hibernated, and would be damaged when it resumes", name);
    else
        err_set(e, ERR_REFUSED,
                "partition %u holds a hibernated system, which may be %s: it would be damaged when "
                "it resumes",
                partition->number, name);
    return err_hint(e, "boot it from the menu and shut it down there");
}

/* Its own swap, what its command line resumes from, and swap that is nobody's, which any system may
 * have found and used. */
static int check_awake(const struct guest *guest, const struct survey *survey, struct disk *disk,
                       struct err *e)
{
    for (size_t i = 0; i < survey->n_partitions; i++) {
        const struct survey_partition *p = &survey->partitions[i];
        bool known =
            is_volume(guest->system, p) || is_resumed_from(guest->system->kernel_options, p);

        if (is_swap(p) && p->holder == NULL && (known || belongs_to_nobody(survey->record, p)) &&
            check_swap(guest, p, known, disk, e) < 0)
            return -1;
    }
    return 0;
}

int guest_claim(const struct guest *guest, const struct survey *survey, struct disk *disk,
                struct err *e)
{
    if (disk_check_users(disk, e) < 0)
        return -1;
    for (size_t i = 0; i < guest->n_own; i++) {
        char what[128];

        snprintf(what, sizeof(what), "partition %u of %s (%s)", guest->own[i]->number, survey->path,
                 guest->system->name);
        if (disk_claim(disk, guest->own[i]->range, what, e) < 0)
            return err_hint(e, "%s may be running already, or being changed; end that first",
                            guest->system->name);
    }
    if (recheck(guest, disk, e) < 0)
        return -1;
    return check_awake(guest, survey, disk, e);
}
