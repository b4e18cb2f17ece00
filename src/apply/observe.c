// SPDX-License-Identifier: GPL-3.0-or-later
/* observe.c: adds to a survey what only trees can tell: the record on the ESP, and the systems. */
#include "apply/observe.h"
#include "apply/esp_record.h"
#include "apply/systems.h"
#include "core/cleanup.h"
#include "core/io.h"
#include "core/shell.h"
#include "core/size.h"
#include "log/disk_log.h"
#include "partition/inspect.h"
#include "partition/type.h"

#include <string.h>

const struct survey_partition *survey_esp(const struct survey *survey)
{
    for (size_t i = 0; i < survey->n_partitions; i++)
        if (survey->partitions[i].number == survey->esp)
            return &survey->partitions[i];
    return NULL;
}

/* Another system may have made an ESP too: the first one that is berth's counts. */
static int read_record(struct disk *disk, struct survey *survey, struct err *e)
{
    int found = 0;

    for (size_t i = 0; found == 0 && i < survey->n_partitions; i++) {
        const struct survey_partition *p = &survey->partitions[i];

        if (!partition_type_is(&p->type, "esp"))
            continue;
        found = esp_record(disk, p->range, p->mountpoint, &survey->record, &survey->next, e);
        if (found > 0)
            survey->esp = p->number;
    }
    return found < 0 ? -1 : 0;
}

/* Work on the disk that was interrupted, or that another process is in the middle of. */
static int read_pending(struct disk *disk, struct survey *survey, struct err *e)
{
    _cleanup_table_ struct table *table = NULL;
    _cleanup_history_ struct history *history = NULL;

    if (survey->table == TABLE_NONE)
        return 0;
    table = table_read(disk_blockdev(disk), e);
    if (table == NULL || disk_log_read(disk_blockdev(disk), table, &history, e) < 0)
        return -1;
    survey->pending = steal(history->pending);
    return survey->pending == NULL ? 0 : disk_worker(disk, &survey->worker, e);
}

/* Whatever else its filesystem says: its partition was cut shorter. */
static int name_overhangs(struct survey *survey, struct err *e)
{
    char has[SIZE_TEXT], needs[SIZE_TEXT];

    for (size_t i = 0; i < survey->n_partitions; i++) {
        struct survey_partition *p = &survey->partitions[i];

        if (survey_overhang(p).bytes == 0)
            continue;
        size_exact(p->fs_bytes, needs, sizeof(needs));
        free(p->problem);
        p->problem = io_format(e,
                               "its %s takes %s, the partition has %s: `berth part resize %s %u "
                               "--size %s` gives it back what was cut",
                               p->fs, needs, size_exact(p->range.bytes, has, sizeof(has)),
                               shell_quote(survey->path).text, p->number, needs);
        if (p->problem == NULL)
            return -1;
    }
    return 0;
}

struct survey *observe(struct disk *disk, const char *path, unsigned what, struct err *e)
{
    _cleanup_survey_ struct survey *survey = inspect(disk, path, e);

    if (survey == NULL || read_pending(disk, survey, e) < 0 ||
        ((what & OBSERVE_RECORD) && read_record(disk, survey, e) < 0) ||
        ((what & OBSERVE_SYSTEMS) &&
         (systems_find(disk, survey, e) < 0 || name_overhangs(survey, e) < 0)))
        return NULL;
    return steal(survey);
}

struct survey *observe_path(const char *path, unsigned sector, unsigned what, struct err *e)
{
    _cleanup_disk_ struct disk *disk = disk_open(path, false, sector, e);

    return disk == NULL ? NULL : observe(disk, path, what, e);
}

/* True when the record names the partition that is mounted on /. */
static bool names_running_root(const struct survey *survey)
{
    for (size_t i = 0; survey->record != NULL && i < survey->record->n_systems; i++) {
        const struct survey_partition *p = survey_by_uuid(survey, &survey->record->systems[i].root);

        if (p != NULL && p->mountpoint != NULL && strcmp(p->mountpoint, "/") == 0)
            return true;
    }
    return false;
}

int observe_default_disk(const char *named, char **path, struct err *e)
{
    _cleanup_free_ char *found = NULL;
    _cleanup_survey_ struct survey *survey = NULL;
    struct err inner;

    if (named != NULL) {
        *path = io_format(e, "%s", named);
        return *path == NULL ? -1 : 0;
    }
    if (disk_of_root(&found, &inner) == 0)
        survey = observe_path(found, 0, OBSERVE_RECORD, &inner);
    if (survey == NULL || !names_running_root(survey)) {
        err_set(e, ERR_USAGE,
                "no disk is named, and the running system is not one that berth manages");
        return err_hint(e, "say which one with --disk DISK");
    }
    *path = steal(found);
    return 0;
}
