// SPDX-License-Identifier: GPL-3.0-or-later
/* cmd_guest.c: berth guest list. */
#include "apply/observe.h"
#include "cli/cli.h"
#include "cli/options.h"
#include "core/cleanup.h"
#include "core/size.h"

#include <string.h>

/* "ready", or why the system cannot be started. */
static const char *state_of(const struct survey *survey, const struct record_system *system)
{
    const struct survey_partition *p = survey_by_uuid(survey, &system->root);

    if (p == NULL)
        return "its partition is gone";
    if (p->incomplete)
        return "incomplete";
    if (system->pending != NULL)
        return system->pending;
    return p->holder != NULL ? p->holder : "ready";
}

static json_t *system_json(const struct survey *survey, const struct record_system *system)
{
    char root[GUID_TEXT];

    return json_pack("{s:s, s:s, s:s?, s:s?, s:s?, s:s?, s:I, s:s, s:s}", "name", system->name,
                     "role", system->host ? "host" : "guest", "family", system->family, "os",
                     system->os, "image", system->image, "digest", system->digest, "size",
                     (json_int_t)system->bytes, "root", guid_print(&system->root, root), "state",
                     state_of(survey, system));
}

static int print_json(const struct survey *survey, const struct record *record, struct err *e)
{
    json_t *list = json_array();

    for (size_t i = 0; record != NULL && i < record->n_systems; i++)
        json_array_append_new(list, system_json(survey, &record->systems[i]));
    return cli_print_json("systems", list, e);
}

enum { COL_NAME, COL_ROLE, COL_OS, COL_IMAGE, COL_SIZE, COL_STATE, COLUMNS };

static const char *const headings[COLUMNS] = {"NAME", "ROLE", "OS", "IMAGE", "SIZE", "STATE"};

static int print_text(const struct survey *survey, const struct record *record, struct err *e)
{
    size_t rows = record != NULL ? record->n_systems : 0;
    _cleanup_free_ char **cells = calloc(rows * COLUMNS + 1, sizeof(*cells));
    _cleanup_free_ char *sizes = calloc(rows + 1, SIZE_TEXT);

    if (cells == NULL || sizes == NULL)
        return err_no_memory(e);
    for (size_t i = 0; i < rows; i++) {
        const struct record_system *system = &record->systems[i];
        char **row = &cells[i * COLUMNS];

        row[COL_NAME] = system->name;
        row[COL_ROLE] = (char *)(uintptr_t)(system->host ? "host" : "guest");
        row[COL_OS] = system->os;
        row[COL_IMAGE] = system->image;
        row[COL_SIZE] = size_human(system->bytes, &sizes[i * SIZE_TEXT], SIZE_TEXT);
        row[COL_STATE] = (char *)(uintptr_t)state_of(survey, system);
    }
    return cli_print_table(headings, COLUMNS, cells, rows, e);
}

const struct option_row cmd_guest_list_options[] = {
    ROW_COMMON("disk"),
    ROW_END,
};

int cmd_guest_list(struct cli *cli, int argc, char **argv, struct err *e)
{
    _cleanup_survey_ struct survey *survey = NULL;
    _cleanup_free_ char *path = NULL;

    if (options_parse(cli, argc, argv, NULL, e) < 0 ||
        observe_default_disk(cli->disk, &path, e) < 0)
        return -1;
    survey = observe_path(path, 0, OBSERVE_RECORD, e);
    if (survey == NULL)
        return -1;
    if (survey->record == NULL)
        return err_set(e, ERR_NOT_FOUND, "%s has no systems that berth installed", path);
    return cli->json ? print_json(survey, survey->record, e)
                     : print_text(survey, survey->record, e);
}
