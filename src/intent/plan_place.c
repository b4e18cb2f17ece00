// SPDX-License-Identifier: GPL-3.0-or-later
/* plan_place.c: places new partitions among what is there, and makes the table that has them. */
#include "core/cleanup.h"
#include "intent/plan_parts.h"
#include "partition/layout.h"
#include "partition/type.h"

#include <string.h>

/* What an ext4 filesystem needs beside its files: journal, inode tables, directories, some air. */
static uint64_t bytes_for(const struct image *image)
{
    uint64_t journal = image->content_bytes > 256 * MIB ? 64 * MIB : 4 * MIB;

    return round_up(image->content_bytes + image->content_bytes / 16 + image->inodes * 512 +
                        journal + 4 * MIB,
                    LAYOUT_ALIGNMENT);
}

uint64_t plan_least_bytes(const struct plan_partition *p)
{
    switch (p->content) {
    case CONTENT_SYSTEM:
        return bytes_for(p->image);
    case CONTENT_ESP:
        return 34 * MIB; /* the smallest FAT32 with room for GRUB and both slots */
    case CONTENT_EXT4:
        return 4 * MIB;
    default:
        return 0;
    }
}

/* A fixed size that is too small for what goes there is the file's error, and named at its place.
 */
static int check_fixed(const struct plan *plan, const struct plan_partition *p, uint64_t least,
                       struct err *e)
{
    char has[SIZE_TEXT], needs[SIZE_TEXT], lacks[SIZE_TEXT];

    if (p->wanted->size.kind != SIZE_BYTES || p->wanted->size.value >= least)
        return 0;
    size_exact(p->wanted->size.value, has, sizeof(has));
    size_exact(least, needs, sizeof(needs));
    size_human(least - p->wanted->size.value, lacks, sizeof(lacks));
    machine_error(plan->machine, p->wanted->size_at, ERR_NO_SPACE, e,
                  "%s: %s is %s too little for %s", p->wanted->name, has, lacks,
                  p->image != NULL ? p->image->name : p->wanted->type);
    return err_hint(e, "%s or more would fit", needs);
}

/* Incomplete partitions that are placed anew give their room back. */
static bool is_given_up(const struct plan *plan, const struct survey_partition *there)
{
    if (!there->incomplete)
        return false;
    for (size_t i = 0; i < plan->n_partitions; i++) {
        const struct plan_partition *p = &plan->partitions[i];

        if (p->found == there)
            return false;
        if (p->found == NULL && strcmp(p->wanted->name, there->name) == 0)
            return true;
    }
    return false;
}

static int place_new(struct plan *plan, struct err *e)
{
    const struct survey *survey = plan->survey;
    _cleanup_free_ struct extent *taken =
        calloc(survey->n_partitions + plan->n_partitions + 1, sizeof(*taken));
    _cleanup_free_ struct layout_request *requests =
        calloc(plan->n_partitions + 1, sizeof(*requests));
    size_t n_taken = 0, n = 0;

    if (taken == NULL || requests == NULL)
        return err_no_memory(e);
    for (size_t i = 0; i < survey->n_partitions; i++)
        if (!is_given_up(plan, &survey->partitions[i]))
            taken[n_taken++] = survey->partitions[i].range;
    for (size_t i = 0; i < plan->n_partitions; i++) {
        const struct plan_partition *p = &plan->partitions[i];
        uint64_t least = plan_least_bytes(p);

        if (p->grow)
            taken[n_taken++] = p->range;
        if (p->found != NULL)
            continue;
        if (check_fixed(plan, p, least, e) < 0)
            return -1;
        requests[n++] = (struct layout_request){p->wanted->name, p->wanted->size, least, {0, 0}};
    }
    if (layout_compute(survey->usable, taken, n_taken, requests, n, e) < 0)
        return err_wrap(e, "%s", survey->path);
    n = 0;
    for (size_t i = 0; i < plan->n_partitions; i++)
        if (plan->partitions[i].found == NULL)
            plan->partitions[i].range = requests[n++].placed;
    return 0;
}

static struct table *table_of_survey(const struct plan *plan, struct err *e)
{
    struct table *table = calloc(1, sizeof(*table));

    if (table == NULL) {
        err_no_memory(e);
        return NULL;
    }
    table->kind = TABLE_GPT;
    table->usable = plan->survey->usable;
    table->uuid = plan->survey->uuid;
    return table;
}

static int keep_entry(struct table *table, const struct survey_partition *there, struct err *e)
{
    struct table_entry entry = {.number = there->number,
                                .range = there->range,
                                .type = there->type,
                                .uuid = there->uuid,
                                .attributes = there->attributes};

    snprintf(entry.name, sizeof(entry.name), "%s", there->name);
    return table_insert(table, &entry, e);
}

static int new_entry(struct table *table, struct plan_partition *p, struct err *e)
{
    struct table_entry entry = {
        .number = table_free_number(table), .range = p->range, .uuid = p->uuid};

    snprintf(entry.name, sizeof(entry.name), "%s", p->wanted->name);
    p->number = entry.number;
    return table_insert(table, &entry, e);
}

/* New, unfinished and retired partitions: the type they get in the end. */
static int set_types(struct plan *plan, struct err *e)
{
    for (size_t i = 0; i < plan->n_partitions; i++) {
        const struct plan_partition *p = &plan->partitions[i];
        const struct partition_type *type = partition_type(p->wanted->type);
        struct table_entry *entry = table_entry_by_uuid(plan->table, &p->uuid);

        if (type == NULL || entry == NULL)
            return machine_error(plan->machine, p->wanted->at, ERR_UNSUPPORTED, e,
                                 "%s: the partition type %s is not known", p->wanted->name,
                                 p->wanted->type);
        if (p->fill || p->restore) {
            entry->type = type->guid;
            entry->attributes = type->attributes;
        }
    }
    return 0;
}

int plan_place(struct plan *plan, struct err *e)
{
    const struct survey *survey = plan->survey;

    if (place_new(plan, e) < 0)
        return -1;
    plan->table = table_of_survey(plan, e);
    if (plan->table == NULL)
        return -1;
    if (survey->table == TABLE_NONE && guid_new(&plan->table->uuid, e) < 0)
        return -1;
    for (size_t i = 0; i < survey->n_partitions; i++)
        if (!is_given_up(plan, &survey->partitions[i]) &&
            keep_entry(plan->table, &survey->partitions[i], e) < 0)
            return -1;
    for (size_t i = 0; i < plan->n_partitions; i++)
        if (plan->partitions[i].found == NULL &&
            new_entry(plan->table, &plan->partitions[i], e) < 0)
            return -1;
    return set_types(plan, e);
}
