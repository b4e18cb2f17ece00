// SPDX-License-Identifier: GPL-3.0-or-later
/* cmd_disk.c: berth disk show. */
#include "cli/cli.h"
#include "cli/options.h"
#include "core/cleanup.h"
#include "core/io.h"
#include "core/size.h"
#include "flow/observe.h"
#include "partition/type.h"

#include <string.h>

static json_t *guid_json(const struct guid *guid)
{
    char text[GUID_TEXT];

    return guid_is_zero(guid) ? json_null() : json_string(guid_print(guid, text));
}

static const char *table_name(enum table_kind kind)
{
    return kind == TABLE_GPT ? "gpt" : kind == TABLE_MBR ? "mbr" : NULL;
}

/* The name under which berth's record knows the system whose root this is, or NULL. */
static const char *installed_name(const struct survey *survey, const struct survey_partition *p)
{
    for (size_t i = 0; survey->record != NULL && i < survey->record->n_systems; i++)
        if (guid_equal(&survey->record->systems[i].root, &p->uuid))
            return survey->record->systems[i].name;
    return NULL;
}

static json_t *system_json(const struct survey *survey, const struct survey_partition *p)
{
    const char *name = installed_name(survey, p);

    if (p->system == NULL && name == NULL)
        return json_null();
    return json_pack("{s:o, s:o, s:o, s:o}", "name", cli_text_json(name), "family",
                     cli_text_json(p->system != NULL ? p->system->family : NULL), "os",
                     cli_text_json(p->system != NULL ? p->system->os : NULL), "kernel",
                     cli_text_json(p->system != NULL ? p->system->kernel : NULL));
}

static json_t *partition_json(const struct survey *survey, const struct survey_partition *p)
{
    const struct partition_type *type = partition_type_of(&p->type);

    return json_pack(
        "{s:i, s:o, s:I, s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:b, s:o, s:o, s:o}", "number",
        (int)p->number, "name", cli_text_json(p->name), "start", (json_int_t)p->range.start, "size",
        (json_int_t)p->range.bytes, "type", guid_json(&p->type), "type-name",
        cli_text_json(type != NULL ? type->name : NULL), "uuid", guid_json(&p->uuid), "fs",
        cli_text_json(p->fs), "fs-uuid", cli_text_json(p->fs_uuid), "label",
        cli_text_json(p->label), "incomplete", p->incomplete, "in-use", cli_text_json(p->holder),
        "problem", cli_text_json(p->problem), "system", system_json(survey, p));
}

static int print_json(const struct survey *survey, struct err *e)
{
    json_t *partitions = json_array();
    char uuid[GUID_TEXT];
    json_t *disk;

    for (size_t i = 0; i < survey->n_partitions; i++)
        json_array_append_new(partitions, partition_json(survey, &survey->partitions[i]));
    disk = json_pack(
        "{s:s, s:I, s:i, s:o, s:o, s:o, s:o, s:o, s:b, s:o}", "path", survey->path, "size",
        (json_int_t)survey->bytes, "sector-size", (int)survey->sector, "table",
        cli_text_json(table_name(survey->table)), "uuid",
        cli_text_json(survey->table == TABLE_GPT ? guid_print(&survey->uuid, uuid) : NULL), "model",
        cli_text_json(survey->model), "serial", cli_text_json(survey->serial), "wwn",
        cli_text_json(survey->wwn), "table-copies-differ", survey->copies_differ, "partitions",
        partitions);
    return disk == NULL ? err_no_memory(e) : cli_print_json("disk", disk, e);
}

enum { COL_NR, COL_NAME, COL_SIZE, COL_TYPE, COL_FS, COL_SYSTEM, COL_USE, COLUMNS };

static const char *const headings[COLUMNS] = {"NR", "NAME",   "SIZE",  "TYPE",
                                              "FS", "SYSTEM", "IN USE"};

static char *system_cell(const struct survey *survey, const struct survey_partition *p)
{
    const char *name = installed_name(survey, p);
    const char *os = p->system != NULL ? p->system->os : NULL;
    struct err ignored;

    if (name != NULL && os != NULL)
        return io_format(&ignored, "%s: %s", name, os);
    return name != NULL ? strdup(name) : os != NULL ? strdup(os) : NULL;
}

static void fill_row(const struct survey *survey, const struct survey_partition *p,
                     char *cells[COLUMNS])
{
    const struct partition_type *type = partition_type_of(&p->type);
    char number[16], size[SIZE_TEXT], guid[GUID_TEXT];

    snprintf(number, sizeof(number), "%u", p->number);
    cells[COL_NR] = strdup(number);
    cells[COL_NAME] = strdup(p->name);
    cells[COL_SIZE] = strdup(size_human(p->range.bytes, size, sizeof(size)));
    if (!guid_is_zero(&p->type)) /* an MBR has none */
        cells[COL_TYPE] = strdup(type != NULL ? type->long_name : guid_print(&p->type, guid));
    cells[COL_FS] = p->fs != NULL ? strdup(p->fs) : NULL;
    cells[COL_SYSTEM] = system_cell(survey, p);
    cells[COL_USE] = p->holder != NULL ? strdup(p->holder) : NULL;
}

static int print_partitions(struct cli *cli, const struct survey *survey, struct err *e)
{
    char **cells = calloc(survey->n_partitions * COLUMNS + 1, sizeof(*cells));
    int result;

    if (cells == NULL)
        return err_no_memory(e);
    for (size_t i = 0; i < survey->n_partitions; i++)
        fill_row(survey, &survey->partitions[i], &cells[i * COLUMNS]);
    result = cli_print_table(cli, headings, COLUMNS, cells, survey->n_partitions, e);
    for (size_t i = 0; i < survey->n_partitions * COLUMNS; i++)
        free(cells[i]);
    free(cells);
    return result;
}

static int print_text(struct cli *cli, const struct survey *survey, struct err *e)
{
    char size[SIZE_TEXT];

    printf("%s: %s, %u-byte sectors, %s%s%s%s%s\n", survey->path,
           size_human(survey->bytes, size, sizeof(size)), survey->sector,
           survey->table == TABLE_GPT   ? "GPT"
           : survey->table == TABLE_MBR ? "MBR"
                                        : "no partition table",
           survey->model != NULL ? ", " : "", survey->model != NULL ? survey->model : "",
           survey->serial != NULL ? ", serial " : "", survey->serial != NULL ? survey->serial : "");
    if (survey->copies_differ)
        printf(
            "The two copies of the partition table differ; the next apply brings them in line.\n");
    if (survey->table == TABLE_NONE && survey->unknown_data)
        printf("It is not empty.\n");
    if (survey->n_partitions > 0 && print_partitions(cli, survey, e) < 0)
        return -1;
    for (size_t i = 0; i < survey->n_partitions; i++)
        if (survey->partitions[i].problem != NULL)
            printf("partition %u: %s\n", survey->partitions[i].number,
                   survey->partitions[i].problem);
    return 0;
}

int cmd_disk_show(struct cli *cli, int argc, char **argv, struct err *e)
{
    _cleanup_survey_ struct survey *survey = NULL;
    const char *path = cli->disk;

    if (options_parse(argc, argv, NULL, 0, path == NULL ? &path : NULL,
                      "one disk: a device or an image file", e) < 0)
        return -1;
    survey = observe_path(path, 0, OBSERVE_RECORD | OBSERVE_SYSTEMS, e);
    if (survey == NULL)
        return -1;
    return cli->json ? print_json(survey, e) : print_text(cli, survey, e);
}
