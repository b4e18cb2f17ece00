// SPDX-License-Identifier: GPL-3.0-or-later
/* disk_json.c: a survey as JSON: bytes as integers, GUIDs in lower case, null where there is
 * nothing. */
#include "cli/disk_json.h"
#include "cli/cli.h"
#include "cli/disk_column.h"
#include "cli/disk_note.h"
#include "partition/table.h"

static json_t *guid_json(const struct guid *guid)
{
    char text[GUID_TEXT];

    return guid_is_zero(guid) ? json_null() : json_string(guid_print(guid, text));
}

static json_t *uuid_json(const struct survey *survey, const struct guid *uuid)
{
    char text[GUID_TEXT];

    return guid_is_zero(uuid) ? json_null()
                              : json_string(table_uuid_print(survey->table, uuid, text));
}

/* A GUID, or on an MBR the code, which is what its partitions have. */
static json_t *type_json(const struct survey *survey, const struct survey_partition *p)
{
    char code[8];

    if (survey->table != TABLE_MBR)
        return guid_json(&p->type);
    snprintf(code, sizeof(code), "0x%02x", p->code);
    return json_string(code);
}

static json_t *damage_json(const struct survey *survey)
{
    json_t *list = json_array();

    for (size_t i = 0; i < survey->n_damage; i++)
        json_array_append_new(list, json_pack("{s:s, s:i, s:s}", "kind",
                                              damage_name(survey->damage[i].kind), "number",
                                              (int)survey->damage[i].number, "text",
                                              survey->damage[i].text));
    return list;
}

const char *disk_table_name(enum table_kind kind)
{
    return kind == TABLE_GPT ? "gpt" : kind == TABLE_MBR ? "mbr" : NULL;
}

json_t *disk_system_to_json(const struct survey *survey, const struct survey_partition *p)
{
    const char *name = disk_system_name(survey, p);

    if (p->system == NULL && name == NULL)
        return json_null();
    return json_pack("{s:o, s:o, s:o, s:o}", "name", cli_text_json(name), "family",
                     cli_text_json(p->system != NULL ? p->system->family : NULL), "os",
                     cli_text_json(p->system != NULL ? p->system->os : NULL), "kernel",
                     cli_text_json(p->system != NULL ? p->system->kernel : NULL));
}

static json_t *partition_json(const struct survey *survey, const struct survey_partition *p)
{
    const struct partition_type *type = disk_type_of(p);

    return json_pack(
        "{s:i, s:o, s:I, s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:b, s:o, s:o, s:o}", "number",
        (int)p->number, "name", cli_text_json(p->name), "start", (json_int_t)p->range.start, "size",
        (json_int_t)p->range.bytes, "type", type_json(survey, p), "type-name",
        cli_text_json(type != NULL ? type->name : NULL), "uuid", uuid_json(survey, &p->uuid), "fs",
        cli_text_json(p->fs), "fs-uuid", cli_text_json(p->fs_uuid), "label",
        cli_text_json(p->label), "incomplete", p->incomplete, "in-use", cli_text_json(p->holder),
        "problem", cli_text_json(p->problem), "system", disk_system_to_json(survey, p));
}

static json_t *free_json(const struct disk_row *rows, size_t n)
{
    json_t *list = json_array();

    for (size_t i = 0; i < n; i++)
        if (rows[i].partition == NULL)
            json_array_append_new(list,
                                  json_pack("{s:I, s:I}", "start", (json_int_t)rows[i].range.start,
                                            "size", (json_int_t)rows[i].range.bytes));
    return list;
}

/* What was left to the next boot, or what came of it. */
static json_t *work_json(const struct survey *survey)
{
    const struct record_work *work = survey->record != NULL ? survey->record->work : NULL;

    return work == NULL ? json_null()
                        : json_pack("{s:o, s:o}", "text", cli_text_json(work->text), "failed",
                                    cli_text_json(work->result));
}

/* Work that was interrupted; `disk finish` completes it. */
static json_t *pending_json(const struct pending *pending)
{
    if (pending == NULL)
        return json_null();
    return json_pack("{s:s, s:i, s:o, s:I, s:I}", "op", history_op_name(pending->op), "number",
                     (int)pending->number, "name", cli_text_json(pending->name), "start",
                     (json_int_t)pending->to.start, "size", (json_int_t)pending->to.bytes);
}

json_t *disk_to_json(const struct survey *survey, const struct disk_row *rows, size_t n)
{
    json_t *partitions = json_array();

    for (size_t i = 0; i < survey->n_partitions; i++)
        json_array_append_new(partitions, partition_json(survey, &survey->partitions[i]));
    return json_pack("{s:s, s:I, s:i, s:o, s:o, s:o, s:o, s:o, s:b, s:o, s:o, s:o, s:o, s:o,"
                     " s:o, s:o, s:o, s:b, s:I}",
                     "path", survey->path, "size", (json_int_t)survey->bytes, "sector-size",
                     (int)survey->sector, "table", cli_text_json(disk_table_name(survey->table)),
                     "uuid", uuid_json(survey, &survey->uuid), "model",
                     cli_text_json(survey->model), "serial", cli_text_json(survey->serial), "wwn",
                     cli_text_json(survey->wwn), "table-copies-differ", survey->copies_differ,
                     "damage", damage_json(survey), "pending", pending_json(survey->pending),
                     "partitions", partitions, "free", free_json(rows, n), "at-boot",
                     work_json(survey), "fs", cli_text_json(survey->fs), "fs-uuid",
                     cli_text_json(survey->fs_uuid), "label", cli_text_json(survey->label),
                     "sector-size-guessed", survey->sector_guessed, "unreachable",
                     (json_int_t)disk_unreachable(survey));
}
