// SPDX-License-Identifier: GPL-3.0-or-later
/* survey.c: the survey as plain data: freeing it, and finding partitions in it. */
#include "model/survey.h"
#include "core/size.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void free_system(struct survey_system *system)
{
    if (system == NULL)
        return;
    free(system->family);
    free(system->os);
    free(system->kernel);
    free(system);
}

static void free_partition(struct survey_partition *partition)
{
    free(partition->name);
    free(partition->fs);
    free(partition->fs_version);
    free(partition->fs_uuid);
    free(partition->fs_device_uuid);
    free(partition->label);
    free(partition->member);
    free(partition->holder);
    free(partition->release);
    free(partition->mountpoint);
    free(partition->problem);
    free_system(partition->system);
}

char *survey_sector_note(const struct survey *survey, char buf[SURVEY_SECTOR_NOTE])
{
    bool large = survey->sector > 512;

    snprintf(buf, SURVEY_SECTOR_NOTE,
             "nothing shows for certain how large its sectors are: %u bytes are taken%s; "
             "--sector-size %u says otherwise",
             survey->sector, large ? ", by where its partitions begin" : "", large ? 512 : 4096);
    return buf;
}

void survey_free(struct survey *survey)
{
    if (survey == NULL)
        return;
    for (size_t i = 0; i < survey->n_partitions; i++)
        free_partition(&survey->partitions[i]);
    damage_free(survey->damage, survey->n_damage);
    free(survey->partitions);
    record_free(survey->record);
    free(survey->next);
    pending_free(survey->pending);
    free(survey->worker);
    free(survey->path);
    free(survey->model);
    free(survey->serial);
    free(survey->wwn);
    free(survey->fs);
    free(survey->fs_uuid);
    free(survey->fs_device_uuid);
    free(survey->label);
    free(survey);
}

void survey_cleanup(struct survey **survey)
{
    survey_free(*survey);
}

struct extent survey_overhang(const struct survey_partition *partition)
{
    uint64_t bytes = partition->range.bytes;

    return (struct extent){extent_end(&partition->range),
                           partition->fs_bytes > bytes ? partition->fs_bytes - bytes : 0};
}

struct extent survey_rest(const struct survey_partition *partition)
{
    const struct extent *range = &partition->range;
    uint64_t fs = partition->fs_bytes;

    if (fs == 0 || fs > range->bytes || range->bytes - fs < MIB)
        return (struct extent){extent_end(range), 0};
    return (struct extent){range->start + fs, range->bytes - fs};
}

const struct survey_partition *survey_by_name(const struct survey *survey, const char *name)
{
    for (size_t i = 0; i < survey->n_partitions; i++)
        if (survey->partitions[i].name != NULL && strcmp(survey->partitions[i].name, name) == 0)
            return &survey->partitions[i];
    return NULL;
}

const struct survey_partition *survey_by_uuid(const struct survey *survey, const struct guid *uuid)
{
    for (size_t i = 0; i < survey->n_partitions; i++)
        if (guid_equal(&survey->partitions[i].uuid, uuid))
            return &survey->partitions[i];
    return NULL;
}

static bool same_partition(const struct survey_partition *a, const struct survey_partition *b)
{
    return a->number == b->number && a->range.start == b->range.start &&
           a->range.bytes == b->range.bytes && guid_equal(&a->type, &b->type) &&
           guid_equal(&a->uuid, &b->uuid) && a->attributes == b->attributes &&
           strcmp(a->name, b->name) == 0;
}

static bool same_record(const struct record *a, const struct record *b)
{
    if (a == NULL || b == NULL)
        return a == b;
    return a->generation == b->generation && record_equal(a, b);
}

static bool same_text(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

bool survey_same_disk(const struct survey *a, const struct survey *b)
{
    if (a->table != b->table || !guid_equal(&a->uuid, &b->uuid) || a->bytes != b->bytes ||
        !same_text(a->serial, b->serial) || !same_text(a->wwn, b->wwn) ||
        a->sequence != b->sequence || a->n_partitions != b->n_partitions ||
        !same_record(a->record, b->record))
        return false;
    for (size_t i = 0; i < a->n_partitions; i++)
        if (!same_partition(&a->partitions[i], &b->partitions[i]))
            return false;
    return true;
}
