// SPDX-License-Identifier: GPL-3.0-or-later
/* cmd_disk_list.c: berth disk list: the disks of this machine, what is on them and who uses them.
 */
#include "apply/observe.h"
#include "block/disk_list.h"
#include "block/holder.h"
#include "cli/cli.h"
#include "cli/disk_column.h"
#include "cli/disk_json.h"
#include "cli/options.h"
#include "cli/table.h"
#include "cli/text.h"
#include "core/cleanup.h"
#include "core/io.h"
#include "core/size.h"

#include <string.h>

struct list_options {
    bool all;
};

const struct option_row cmd_disk_list_options[] = {
    ROW_FLAG("all", offsetof(struct list_options, all),
             "also memory, RAID, device mapper and empty loop devices", .letter = 'a'),
    ROW_END,
};

/* What was found out about one disk. */
struct found {
    const struct disk_device *device;
    struct survey *survey; /* NULL: it could not be read */
    char *problem;         /* why not, or NULL */
    char *holder;          /* who uses the disk as a whole, or NULL */
};

static void look_at(const struct disk_device *device, struct found *found)
{
    _cleanup_holder_ struct holder holder = {0};
    struct err why;

    *found = (struct found){.device = device};
    if (holder_of_device(device->device, &holder, &why) == 0)
        found->holder = steal(holder.text);
    if (device->bytes == 0)
        err_set(&why, ERR_NOT_FOUND, "%s has no medium", device->path);
    else
        found->survey = observe_path(device->path, 0, OBSERVE_RECORD | OBSERVE_SYSTEMS, &why);
    if (found->survey == NULL)
        found->problem = strdup(why.text);
}

static void forget(struct found *found)
{
    survey_free(found->survey);
    free(found->problem);
    free(found->holder);
}

/* ---- JSON ---- */

static json_t *systems_json(const struct survey *survey)
{
    json_t *list = json_array();

    for (size_t i = 0; survey != NULL && i < survey->n_partitions; i++) {
        const struct survey_partition *p = &survey->partitions[i];
        json_t *system = disk_system_to_json(survey, p);

        if (json_is_object(system)) {
            json_object_set_new(system, "partition", json_integer(p->number));
            json_array_append_new(list, system);
        } else {
            json_decref(system);
        }
    }
    return list;
}

static json_t *users_json(const struct found *found)
{
    const struct survey *survey = found->survey;
    json_t *list = json_array();

    if (found->holder != NULL)
        json_array_append_new(
            list, json_pack("{s:n, s:o}", "partition", "by", cli_text_json(found->holder)));
    for (size_t i = 0; survey != NULL && i < survey->n_partitions; i++)
        if (survey->partitions[i].holder != NULL)
            json_array_append_new(list, json_pack("{s:i, s:o}", "partition",
                                                  (int)survey->partitions[i].number, "by",
                                                  cli_text_json(survey->partitions[i].holder)));
    return list;
}

static json_t *disk_json(const struct found *found)
{
    const struct disk_device *d = found->device;
    const struct survey *s = found->survey;
    const char *table = s != NULL ? disk_table_name(s->table) : NULL;

    return json_pack(
        "{s:s, s:I, s:o, s:o, s:o, s:o, s:b, s:b, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "path",
        d->path, "size", (json_int_t)d->bytes, "model", cli_text_json(d->identity.model), "serial",
        cli_text_json(d->identity.serial), "wwn", cli_text_json(d->identity.wwn), "transport",
        cli_text_json(d->transport), "removable", d->removable, "read-only", d->read_only, "table",
        cli_text_json(table), "fs", cli_text_json(s != NULL ? s->fs : NULL), "fs-uuid",
        cli_text_json(s != NULL ? s->fs_uuid : NULL), "label",
        cli_text_json(s != NULL ? s->label : NULL), "systems", systems_json(found->survey),
        "in-use", users_json(found), "problem", cli_text_json(found->problem));
}

static int print_json(const struct found *found, size_t n, struct err *e)
{
    json_t *disks = json_array();

    for (size_t i = 0; i < n; i++)
        json_array_append_new(disks, disk_json(&found[i]));
    return cli_print_json("disks", disks, e);
}

/* ---- for people ---- */

/* Appends "; item" to a text that may be NULL yet. */
static void append(char **text, const char *item)
{
    struct err ignored;
    char *longer = *text == NULL ? strdup(item) : io_format(&ignored, "%s; %s", *text, item);

    if (longer == NULL)
        return;
    free(*text);
    *text = longer;
}

static char *systems_text(const struct survey *survey)
{
    struct disk_row row = {0};
    char *text = NULL;

    for (size_t i = 0; survey != NULL && i < survey->n_partitions; i++) {
        _cleanup_free_ char *system = NULL;

        row.partition = &survey->partitions[i];
        system = disk_cell(survey, &row, COLUMN_SYSTEM, false);
        if (system != NULL)
            append(&text, system);
    }
    return text;
}

static char *users_text(const struct found *found)
{
    const struct survey *survey = found->survey;
    char *text = found->holder != NULL ? strdup(found->holder) : NULL;

    for (size_t i = 0; survey != NULL && i < survey->n_partitions; i++) {
        const struct survey_partition *p = &survey->partitions[i];
        struct err ignored;
        _cleanup_free_ char *use =
            p->holder != NULL ? io_format(&ignored, "%u %s", p->number, p->holder) : NULL;

        if (use != NULL)
            append(&text, use);
    }
    return text;
}

/* "sata, removable, read-only" */
static char *kind_text(const struct disk_device *d)
{
    char *text = NULL;

    if (d->transport != NULL)
        append(&text, d->transport);
    if (d->removable)
        append(&text, "removable");
    if (d->read_only)
        append(&text, "read-only");
    return text;
}

enum {
    COL_PATH,
    COL_SIZE,
    COL_MODEL,
    COL_SERIAL,
    COL_KIND,
    COL_TABLE,
    COL_FSTYPE,
    COL_SYSTEMS,
    COL_USED,
    COLS
};

static const struct {
    const char *heading;
    bool right, shrink;
} headings[COLS] = {
    {"PATH", false, false},   {"SIZE", true, false},    {"MODEL", false, true},
    {"SERIAL", false, true},  {"KIND", false, true},    {"TABLE", false, false},
    {"FSTYPE", false, false}, {"SYSTEMS", false, true}, {"USED-BY", false, true},
};

static int print_row(struct table_view *view, const struct found *found, struct err *e)
{
    const struct disk_device *d = found->device;
    _cleanup_free_ char *kind = kind_text(d), *systems = systems_text(found->survey);
    _cleanup_free_ char *users = users_text(found);
    const char *cells[COLS] = {d->path};
    char size[SIZE_TEXT];

    cells[COL_SIZE] = size_human(d->bytes, size, sizeof(size));
    cells[COL_MODEL] = d->identity.model;
    cells[COL_SERIAL] = d->identity.serial;
    cells[COL_KIND] = kind;
    cells[COL_TABLE] = found->survey != NULL ? disk_table_name(found->survey->table) : NULL;
    cells[COL_FSTYPE] = found->survey != NULL ? found->survey->fs : NULL;
    cells[COL_SYSTEMS] = systems;
    cells[COL_USED] = users;
    if (table_view_row(view, e) < 0)
        return -1;
    for (size_t c = 0; c < COLS; c++)
        if (table_view_cell(view, c, cells[c], e) < 0)
            return -1;
    return 0;
}

static int print_text(const struct found *found, size_t n, struct err *e)
{
    _cleanup_table_view_ struct table_view *view = table_view_new(e);

    if (view == NULL)
        return -1;
    for (size_t c = 0; c < COLS; c++)
        if (table_view_column(view, headings[c].heading, headings[c].right, headings[c].shrink, e) <
            0)
            return -1;
    for (size_t i = 0; i < n; i++)
        if (print_row(view, &found[i], e) < 0)
            return -1;
    if (n > 0 && table_view_print(view, e) < 0)
        return -1;
    for (size_t i = 0; i < n; i++) {
        if (found[i].problem != NULL && found[i].device->bytes > 0)
            text_print(stdout, "not read: ", found[i].problem);
    }
    return 0;
}

int cmd_disk_list(struct cli *cli, int argc, char **argv, struct err *e)
{
    struct list_options options = {0};
    struct disk_device *devices;
    struct found *found;
    size_t n;
    int result;

    if (options_parse(cli, argc, argv, &options, e) < 0 ||
        disk_list(options.all, &devices, &n, e) < 0)
        return -1;
    found = calloc(n + 1, sizeof(*found));
    for (size_t i = 0; found != NULL && i < n; i++)
        look_at(&devices[i], &found[i]);
    if (found == NULL)
        result = err_no_memory(e);
    else
        result = cli->json ? print_json(found, n, e) : print_text(found, n, e);
    for (size_t i = 0; found != NULL && i < n; i++)
        forget(&found[i]);
    free(found);
    disk_list_free(devices, n);
    return result;
}
