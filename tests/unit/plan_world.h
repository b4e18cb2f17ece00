// SPDX-License-Identifier: GPL-3.0-or-later
/* plan_world.h: machines, disks and images for tests of plans, without any disk. Included after
 * cmocka.h. */
#ifndef BERTH_TESTS_PLAN_WORLD_H
#define BERTH_TESTS_PLAN_WORLD_H

#include "core/cleanup.h"
#include "core/size.h"
#include "partition/inspect.h"
#include "plan/plan.h"

#include <stdlib.h>
#include <string.h>

#define HEAD     "berth: 1\ndisk: {path: d.img, size: 4GiB}\n"
#define HOST     "host: {name: main, image: i, root: {size: 1GiB}}\n"
#define DEV      "guests:\n  - {name: dev, image: i, root: {size: 1GiB}}\n"
#define DATA     "    volumes: [{name: data, type: linux, size: 64MiB, fs: ext4}]\n"
#define DEV_DATA "guests:\n  - name: dev\n    image: i\n    root: {size: 1GiB}\n" DATA

static struct image images[2];

static inline int setup(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++)
        images[i] = (struct image){
            .name = (char *)"i",
            .family = (char *)"linux",
            .os = (char *)"Test Linux 1",
            .digest = (char *)"sha256:"
                              "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
            .content_bytes = 100 * MIB,
            .inodes = 1000,
        };
    return 0;
}

static inline struct machine *parse(const char *text)
{
    struct err e;
    struct machine *machine = machine_parse(text, strlen(text), "m.yaml", &e);

    if (machine == NULL)
        fail_msg("%s", e.text);
    return machine;
}

/* What the disk looks like when the plan has been carried out. */
static inline struct survey *survey_after(const struct plan *plan)
{
    struct err e;
    struct survey *s = inspect_missing("d.img", plan->survey->bytes, 512, &e);

    s->exists = true;
    s->table = TABLE_GPT;
    s->uuid = plan->table->uuid;
    s->partitions = calloc(plan->table->n, sizeof(*s->partitions));
    for (size_t i = 0; i < plan->table->n; i++) {
        const struct table_entry *entry = &plan->table->entries[i];
        const struct plan_partition *p = plan_partition(plan, entry->name);
        struct survey_partition *found = &s->partitions[s->n_partitions++];
        char uuid[GUID_TEXT];

        found->number = entry->number;
        found->range = entry->range;
        found->type = entry->type;
        found->uuid = entry->uuid;
        found->name = strdup(entry->name);
        if (p == NULL)
            continue;
        found->fs_uuid = strdup(guid_print(&p->fs_uuid, uuid));
        found->fs = p->content == CONTENT_SWAP   ? strdup("swap")
                    : p->content == CONTENT_ESP  ? strdup("vfat")
                    : p->content != CONTENT_BIOS ? strdup("ext4")
                                                 : NULL;
    }
    s->record = record_copy(plan->record, &e);
    assert_non_null(s->record);
    return s;
}

/* Plans for a blank disk; the caller frees all three. */
static inline struct plan *plan_blank(const char *text, struct machine **machine,
                                      struct survey **survey)
{
    struct plan_options options = {0};
    struct err e;
    struct plan *plan;

    *machine = parse(text);
    *survey = inspect_missing("d.img", 4 * GIB, 512, &e);
    plan = plan_make(*machine, *survey, images, &options, &e);
    if (plan == NULL)
        fail_msg("%s", e.text);
    return plan;
}

static inline void refused(const char *text, const struct survey *survey, enum err_code code,
                           const char *words)
{
    _cleanup_machine_ struct machine *machine = parse(text);
    _cleanup_survey_ struct survey *blank = NULL;
    struct plan_options options = {0};
    struct err e = {.code = ERR_OK};

    blank = inspect_missing("d.img", 4 * GIB, 512, &e);
    assert_null(plan_make(machine, survey != NULL ? survey : blank, images, &options, &e));
    assert_int_equal(e.code, code);
    if (strstr(e.text, words) == NULL)
        fail_msg("\"%s\" is not in \"%s\"", words, e.text);
}

#endif
