// SPDX-License-Identifier: GPL-3.0-or-later
/* cmd_disk_show.c: berth disk show: a picture of the disk, its partitions and gaps, its systems. */
#include "cli/cli.h"
#include "cli/disk_bar.h"
#include "cli/disk_column.h"
#include "cli/disk_json.h"
#include "cli/options.h"
#include "cli/table.h"
#include "cli/text.h"
#include "core/cleanup.h"
#include "core/size.h"
#include "flow/observe.h"

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

static void print_heading(const struct survey *survey)
{
    char size[SIZE_TEXT];
    _cleanup_free_ char *path = text_safe(survey->path), *model = text_safe(survey->model);
    _cleanup_free_ char *serial = text_safe(survey->serial);

    printf("%s: %s, %u-byte sectors, %s", path != NULL ? path : "",
           size_human(survey->bytes, size, sizeof(size)), survey->sector,
           survey->table == TABLE_GPT   ? "GPT"
           : survey->table == TABLE_MBR ? "MBR"
                                        : "no partition table");
    if (model != NULL)
        printf(", %s", model);
    if (serial != NULL)
        printf(", serial %s", serial);
    putchar('\n');
}

/* What was interrupted, and the way on; or that it is not. */
static void print_pending(const struct survey *survey, const struct pending *pending)
{
    _cleanup_free_ char *name = text_safe(pending->name), *path = text_safe(survey->path);

    printf("%s partition %u%s%s%s ", pending->op == HISTORY_MOVE ? "Moving" : "Resizing",
           pending->number, name != NULL && *name != '\0' ? " (" : "", name != NULL ? name : "",
           name != NULL && *name != '\0' ? ")" : "");
    if (survey->worker != NULL)
        printf("is %s.\n", survey->worker);
    else
        printf("was interrupted; `berth disk finish %s` completes it.\n",
               path != NULL ? path : "DISK");
}

/* A disk without a table that is one filesystem, or a part of something larger. */
static void print_whole(const struct survey *survey)
{
    _cleanup_free_ char *label = text_safe(survey->label);

    printf("The disk as a whole holds %s", survey->fs);
    if (label != NULL)
        printf(", labelled \"%s\"", label);
    if (survey->fs_uuid != NULL)
        printf(", UUID %s", survey->fs_uuid);
    printf(".\n");
}

static void print_warnings(const struct survey *survey)
{
    if (survey->pending != NULL)
        print_pending(survey, survey->pending);
    if (survey->sector_guessed && survey->table == TABLE_MBR)
        printf("note: nothing shows how large its sectors are; were they of 4096 bytes, "
               "--sector-size 4096 says so.\n");
    if (survey->copies_differ)
        printf(
            "The two copies of the partition table differ; the next apply brings them in line.\n");
    for (size_t i = 0; i < survey->n_damage; i++)
        printf("%s%s\n", survey->damage[i].text,
               damage_forbids(survey->damage[i].kind) ? "; it has to be repaired first" : "");
    if (survey->fs != NULL)
        print_whole(survey);
    else if (survey->table == TABLE_NONE && survey->unknown_data)
        printf("It is not empty.\n");
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
    const char *known = disk_system_name(survey, p);
    _cleanup_free_ char *name = text_safe(known);
    _cleanup_free_ char *os = text_safe(p->system != NULL ? p->system->os : NULL);
    _cleanup_free_ char *kernel = text_safe(p->system != NULL ? p->system->kernel : NULL);

    printf("  %s%s%s", name != NULL ? name : "", name != NULL && os != NULL ? ": " : "",
           os != NULL ? os : "");
    if (kernel != NULL)
        printf(", kernel %s", kernel);
    printf(", on partition %u\n", p->number);
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
    _cleanup_free_ char *text = text_safe(work != NULL ? work->text : NULL);
    _cleanup_free_ char *result = text_safe(work != NULL ? work->result : NULL);

    if (text == NULL)
        return;
    if (result != NULL)
        printf("could not be done at boot: %s: %s\n", text, result);
    else if (survey->work_is_next || record_work_is_urgent(survey->record))
        printf("at the next boot: %s\n", text);
    else
        printf("left to a boot that did not do it: %s; give the command again, or take it back "
               "with `berth disk finish --cancel`\n",
               text);
}

static void print_problems(const struct survey *survey)
{
    for (size_t i = 0; i < survey->n_partitions; i++) {
        _cleanup_free_ char *problem = text_safe(survey->partitions[i].problem);

        if (problem != NULL)
            printf("partition %u: %s\n", survey->partitions[i].number, problem);
    }
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
    if (survey == NULL || disk_rows(survey, &rows, &n, e) < 0)
        return -1;
    if (cli->json)
        return cli_print_json("disk", disk_to_json(survey, rows, n), e);
    return print_text(cli, survey, rows, n, &options, e);
}
