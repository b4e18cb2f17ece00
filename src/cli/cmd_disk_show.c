// SPDX-License-Identifier: GPL-3.0-or-later
/* cmd_disk_show.c: berth disk show: a picture of the disk, its partitions and gaps, its systems. */
#include "apply/observe.h"
#include "bootmenu/menu.h"
#include "cli/cli.h"
#include "cli/disk_bar.h"
#include "cli/disk_column.h"
#include "cli/disk_json.h"
#include "cli/disk_note.h"
#include "cli/options.h"
#include "cli/table.h"
#include "cli/text.h"
#include "core/cleanup.h"
#include "core/shell.h"
#include "core/size.h"
#include "flow/change.h"
#include "partition/table.h"
#include "plan/plan.h"

#include <string.h>
#include <unistd.h>

struct show_options {
    const char *disk, *output;
    bool bytes;
};

#define SLOT(member) offsetof(struct show_options, member)

const struct option_row cmd_disk_show_options[] = {
    ROW_DISK(SLOT(disk)),
    ROW_TEXT("output", "LIST", COLUMN, SLOT(output), "columns: NR,SIZE or, beside the usual, +UUID",
             .letter = 'o'),
    ROW_FLAG("bytes", SLOT(bytes), "print sizes in bytes", .letter = 'b'),
    ROW_END,
};

/* Either with a text behind it, or nothing. */
static const char *before(const char *separator, const char *text)
{
    return text != NULL ? separator : "";
}

static const char *or_nothing(const char *text)
{
    return text != NULL ? text : "";
}

static void print_heading(const struct survey *survey)
{
    char size[SIZE_TEXT];

    disk_say("", "%s: %s, %u-byte sectors, %s%s%s%s%s", survey->path,
             size_human(survey->bytes, size, sizeof(size)), survey->sector,
             survey->table == TABLE_GPT   ? "GPT"
             : survey->table == TABLE_MBR ? "MBR"
                                          : "no partition table",
             before(", ", survey->model), or_nothing(survey->model),
             before(", serial ", survey->serial), or_nothing(survey->serial));
}

/* What was interrupted, and the way on; or that it is not. */
static void print_pending(const struct survey *survey, const struct pending *pending)
{
    const char *what = pending->op == HISTORY_MOVE ? "moving" : "resizing";
    struct table_title title = table_title(pending->number, pending->name);

    if (survey->worker != NULL)
        disk_say("", "%s %s is %s", what, title.text, survey->worker);
    else
        disk_say("", "%s %s was interrupted: `%s` completes it", what, title.text,
                 pending_command(pending, survey->path, NULL).text);
}

/* The same where only its type says so. */
static void print_half_moved(const struct survey *survey)
{
    struct err why;

    if (change_refuse_half_moved(survey, &why) < 0)
        disk_say("", "%s; %s", why.text, why.hint);
}

/* A disk without a table that is one filesystem, or a part of something larger. */
static void print_whole(const struct survey *survey)
{
    disk_say("", "the disk as a whole holds %s%s%s%s%s%s", survey->fs,
             before(", labelled \"", survey->label), or_nothing(survey->label),
             before("\"", survey->label), before(", UUID ", survey->fs_uuid),
             or_nothing(survey->fs_uuid));
}

static void print_damage(const struct survey *survey)
{
    bool forbids = false;

    for (size_t i = 0; i < survey->n_damage; i++) {
        forbids = forbids || damage_forbids(survey->damage[i].kind);
        disk_say("damage: ", "%s", survey->damage[i].text);
    }
    if (survey->n_damage > 0)
        disk_say("", "`berth disk check %s` says what can be done%s",
                 shell_quote(survey->path).text,
                 forbids ? "; until then the table is not changed" : "");
}

static void print_warnings(const struct survey *survey)
{
    char note[SURVEY_SECTOR_NOTE];

    if (survey->pending != NULL)
        print_pending(survey, survey->pending);
    else
        print_half_moved(survey);
    if (survey->sector_guessed && survey->table == TABLE_MBR)
        disk_say("note: ", "%s", survey_sector_note(survey, note));
    if (survey->copies_differ)
        disk_say(
            "",
            "the two copies of the partition table differ; the next change brings them in line");
    print_damage(survey);
    disk_note_unreachable(survey);
    if (survey->fs != NULL)
        print_whole(survey);
    else if (survey->table == TABLE_NONE && survey->unknown_data)
        disk_say("", "the disk is not empty: it holds data that berth does not know");
}

static int print_table(const struct survey *survey, const struct disk_row *rows, size_t n,
                       const struct column_list *columns, bool bytes, struct err *e)
{
    _cleanup_table_view_ struct table_view *view = table_view_new(e);

    if (view == NULL)
        return -1;
    for (size_t c = 0; c < columns->n; c++) {
        const struct disk_column_info *info = &disk_columns[columns->items[c]];

        if (table_view_column(view, info->heading, info->look == RIGHT, info->look == SHRINK, e) <
            0)
            return -1;
    }
    for (size_t r = 0; r < n; r++) {
        if (table_view_row(view, e) < 0)
            return -1;
        for (size_t c = 0; c < columns->n; c++) {
            _cleanup_free_ char *cell = disk_cell(survey, &rows[r], columns->items[c], bytes);

            if (table_view_cell(view, c, cell, e) < 0)
                return -1;
        }
    }
    return table_view_print(view, e);
}

/* "  main: Debian GNU/Linux 12 (bookworm), kernel 6.1.0-28-amd64, on partition 4" */
static void print_system(const struct survey *survey, const struct survey_partition *p)
{
    const char *name = disk_system_name(survey, p);
    const char *os = p->system != NULL ? p->system->os : NULL;
    const char *kernel = p->system != NULL ? p->system->kernel : NULL;

    disk_say("  ", "%s%s%s%s%s, on partition %u", or_nothing(name),
             name != NULL ? before(": ", os) : "", or_nothing(os), before(", kernel ", kernel),
             or_nothing(kernel), p->number);
}

static void print_systems(const struct survey *survey)
{
    bool any = false;

    for (size_t i = 0; i < survey->n_partitions; i++) {
        const struct survey_partition *p = &survey->partitions[i];

        if (p->system == NULL && disk_system_name(survey, p) == NULL)
            continue;
        if (!any)
            printf("systems:\n");
        any = true;
        print_system(survey, p);
    }
}

/* What was left to the next boot, and what came of it where that was nothing good. A boot that
 * never got as far as the disk could not say so on it. */
static void print_work(const struct survey *survey)
{
    const struct record_work *work = survey->record != NULL ? survey->record->work : NULL;

    if (work == NULL || work->text == NULL)
        return;
    if (work->result != NULL)
        disk_say("could not be done at boot: ", "%s: %s", work->text, work->result);
    else if (menu_is_work(survey->next) || record_work_is_urgent(survey->record))
        disk_say("at the next boot: ", "%s", work->text);
    else
        disk_say("left to a boot that did not do it: ",
                 "%s; give the command again, or take it back with `berth disk finish %s --cancel`",
                 work->text, shell_quote(survey->path).text);
}

static void print_problems(const struct survey *survey)
{
    for (size_t i = 0; i < survey->n_partitions; i++)
        if (survey->partitions[i].problem != NULL)
            disk_say("", "partition %u: %s", survey->partitions[i].number,
                     survey->partitions[i].problem);
}

/* The picture is for people in front of it: a terminal, or somebody who asks for colours. */
static int print_bar(struct cli *cli, const struct disk_row *rows, size_t n, struct err *e)
{
    struct bar_style style = {text_width(), text_is_utf8(), cli->color};

    return cli->color || isatty(STDOUT_FILENO) ? bar_draw(stdout, rows, n, &style, e) : 0;
}

static int print_text(struct cli *cli, const struct survey *survey, const struct disk_row *rows,
                      size_t n, const struct show_options *options, struct err *e)
{
    struct column_list columns;

    if (column_list_parse(options->output, &columns, e) < 0)
        return -1;
    print_heading(survey);
    print_warnings(survey);
    if (print_bar(cli, rows, n, e) < 0)
        return -1;
    if (n > 0 && print_table(survey, rows, n, &columns, options->bytes, e) < 0)
        return -1;
    print_systems(survey);
    print_work(survey);
    print_problems(survey);
    return 0;
}

int cmd_disk_show(struct cli *cli, int argc, char **argv, struct err *e)
{
    _cleanup_survey_ struct survey *survey = NULL;
    _cleanup_free_ struct disk_row *rows = NULL;
    struct show_options options = {0};
    struct column_list columns;
    unsigned sector;
    size_t n;

    if (options_parse(cli, argc, argv, &options, e) < 0 ||
        column_list_parse(options.output, &columns, e) < 0 || cli_sector(cli, &sector, e) < 0)
        return -1;
    survey = observe_path(options.disk, sector, OBSERVE_RECORD | OBSERVE_SYSTEMS, e);
    if (survey == NULL || plan_check_identity(survey, cli->serial, cli->wwn, e) < 0 ||
        disk_rows(survey, &rows, &n, e) < 0)
        return -1;
    if (cli->json)
        return cli_print_json("disk", disk_to_json(survey, rows, n), e);
    return print_text(cli, survey, rows, n, &options, e);
}
