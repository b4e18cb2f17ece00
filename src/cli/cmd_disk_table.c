// SPDX-License-Identifier: GPL-3.0-or-later
/* cmd_disk_table.c: berth disk check, backup, restore, undo, log, export: what is done with a table
 * as a whole. */
#include "cli/cli.h"
#include "cli/options.h"
#include "cli/steps.h"
#include "core/cleanup.h"
#include "core/io.h"
#include "flow/at_boot.h"
#include "flow/backup.h"
#include "flow/edit.h"
#include "flow/observe.h"
#include "flow/undo.h"
#include "partition/duplicates.h"

#include <string.h>
#include <time.h>
#include <unistd.h>

struct disk_options {
    const char *disk, *file, *format, *journal;
    bool repair, cancel;
    struct option_list lose;
};

#define SLOT(member) offsetof(struct disk_options, member)
#define ROW_LOSE                                                                                   \
    ROW_LIST("lose", "PART", PARTITION, SLOT(lose), "a partition whose content may be lost")

const struct option_row cmd_disk_check_options[] = {
    ROW_DISK(SLOT(disk)),
    ROW_FLAG("repair", SLOT(repair), "mend what can be mended without guessing"),
    ROW_COMMON("yes"),
    ROW_END,
};

const struct option_row cmd_disk_backup_options[] = {
    ROW_DISK(SLOT(disk)),
    ROW_OPERAND_OPTIONAL("FILE", FILE, SLOT(file), "where to; standard output when left out"),
    ROW_END,
};

const struct option_row cmd_disk_restore_options[] = {
    ROW_DISK(SLOT(disk)),
    ROW_OPERAND("FILE", FILE, SLOT(file), "what `disk backup` wrote"),
    ROW_LOSE,
    ROW_COMMON("yes"),
    ROW_END,
};

const struct option_row cmd_disk_undo_options[] = {
    ROW_DISK(SLOT(disk)),
    ROW_LOSE,
    ROW_TEXT("journal", "FILE", FILE, SLOT(journal), "a file on another disk for the journal"),
    ROW_COMMON("yes"),
    ROW_END,
};

const struct option_row cmd_disk_finish_options[] = {
    ROW_DISK(SLOT(disk)),
    ROW_TEXT("journal", "FILE", FILE, SLOT(journal), "the file that has the journal"),
    ROW_FLAG("cancel", SLOT(cancel), "take back what was left to the next boot"),
    ROW_COMMON("yes"),
    ROW_END,
};

const struct option_row cmd_disk_log_options[] = {
    ROW_DISK(SLOT(disk)),
    ROW_END,
};

const struct option_row cmd_disk_export_options[] = {
    ROW_DISK(SLOT(disk)),
    ROW_OPERAND_OPTIONAL("FILE", FILE, SLOT(file), "where to; repart wants a folder"),
    ROW_WORD("format", "FORMAT", "sfdisk repart", SLOT(format), "sfdisk or repart",
             .required = true),
    ROW_END,
};

/* A disk that is only looked at, with its table. */
struct look {
    struct disk *disk;
    struct table *table;
};

static void look_close(struct look *look)
{
    table_free(look->table);
    disk_close(look->disk);
}

#define _cleanup_look_ __attribute__((cleanup(look_close)))

static int look_open(struct cli *cli, const char *path, struct look *look, struct err *e)
{
    unsigned sector;

    if (cli_sector(cli, &sector, e) < 0)
        return -1;
    look->disk = disk_open(path, false, sector, e);
    if (look->disk == NULL)
        return -1;
    look->table = table_read(disk_blockdev(look->disk), e);
    return look->table == NULL ? -1 : 0;
}

/* ---- changes ---- */

static int change(struct cli *cli, const struct disk_options *options, change_edit_fn *edit,
                  void *arg, struct change *change, struct err *e)
{
    unsigned sector;

    if (cli_sector(cli, &sector, e) < 0)
        return -1;
    change->edit = edit;
    change->arg = arg;
    change->options.serial = cli->serial;
    change->options.wwn = cli->wwn;
    change->options.lose = options->lose.items;
    change->options.n_lose = options->lose.n;
    change->job.journal = options->journal;
    if (change_read(change, options->disk, sector, e) < 0)
        return -1;
    return 0;
}

int cmd_disk_restore(struct cli *cli, int argc, char **argv, struct err *e)
{
    _cleanup_change_ struct change job = {.options.replaces = true, .options.restores = true};
    struct disk_options options = {0};

    if (options_parse(cli, argc, argv, &options, e) < 0 ||
        change(cli, &options, edit_restore, (void *)options.file, &job, e) < 0)
        return -1;
    return steps_do(cli, &job.job, options.file, false, e);
}

int cmd_disk_undo(struct cli *cli, int argc, char **argv, struct err *e)
{
    _cleanup_change_ struct change job = {0};
    struct disk_options options = {0};

    if (options_parse(cli, argc, argv, &options, e) < 0 ||
        change(cli, &options, edit_undo, NULL, &job, e) < 0)
        return -1;
    return steps_do(cli, &job.job, "its log before the last change", false, e);
}

int cmd_disk_finish(struct cli *cli, int argc, char **argv, struct err *e)
{
    _cleanup_change_ struct change job = {0};
    struct disk_options options = {0};

    if (options_parse(cli, argc, argv, &options, e) < 0)
        return -1;
    if (options.cancel)
        return cli->dry_run ? 0 : at_boot_cancel(options.disk, e);
    if (change(cli, &options, edit_none, NULL, &job, e) < 0)
        return -1;
    return steps_do(cli, &job.job, "its journal", false, e);
}

/* ---- check ---- */

/* What the table says of itself, then what it shares with other disks. */
struct findings {
    struct survey *survey;
    struct damage *shared;
    size_t n_shared;
};

static void findings_clear(struct findings *findings)
{
    damage_free(findings->shared, findings->n_shared);
    survey_free(findings->survey);
}

#define _cleanup_findings_ __attribute__((cleanup(findings_clear)))

static const struct damage *finding(const struct findings *findings, size_t i)
{
    const struct survey *survey = findings->survey;

    if (i < survey->n_damage)
        return &survey->damage[i];
    return i - survey->n_damage < findings->n_shared ? &findings->shared[i - survey->n_damage]
                                                     : NULL;
}

static int print_damage_json(const struct findings *findings, struct err *e)
{
    json_t *list = json_array();
    const struct damage *damage;

    for (size_t i = 0; (damage = finding(findings, i)) != NULL; i++)
        json_array_append_new(list,
                              json_pack("{s:s, s:i, s:s, s:b}", "kind", damage_name(damage->kind),
                                        "partition", (int)damage->number, "text", damage->text,
                                        "mends", damage_mends(damage->kind)));
    return cli_print_json("damage", list, e);
}

static void print_damage(const struct findings *findings)
{
    const struct survey *survey = findings->survey;
    const struct damage *damage;
    size_t i;

    for (i = 0; (damage = finding(findings, i)) != NULL; i++)
        printf("%s: %s%s\n", damage_name(damage->kind), damage->text,
               damage_mends(damage->kind) ? "  [--repair mends it]" : "");
    if (survey->table != TABLE_NONE && survey->pending == NULL && i == 0)
        printf("nothing is wrong with the partition table of %s\n", survey->path);
}

/* What is left when nothing can be mended, or not without guessing. */
static int damage_error(const struct findings *findings, struct err *e)
{
    const char *path = findings->survey->path;
    const struct damage *damage;
    size_t n, mends = 0;

    for (n = 0; (damage = finding(findings, n)) != NULL; n++)
        mends += damage_mends(damage->kind);
    if (findings->survey->table == TABLE_NONE) {
        err_set(e, ERR_NOT_FOUND, "%s has no partition table", path);
        return err_hint(e, "`berth disk restore` puts back what `disk backup` kept");
    }
    if (findings->survey->pending != NULL) {
        err_set(e, ERR_VERIFY, "%s: work on partition %u was interrupted", path,
                findings->survey->pending->number);
        return err_hint(e, "berth disk finish %s", path);
    }
    if (n == 0)
        return 0;
    err_set(e, ERR_VERIFY, "%s: %s", path, finding(findings, 0)->text);
    return mends > 0 ? err_hint(e, "berth disk check --repair %s mends %zu of %zu", path, mends, n)
                     : err_hint(e, "berth does not guess: `berth disk backup` it before you try "
                                   "anything");
}

static int repair(struct cli *cli, const struct disk_options *options, struct err *e)
{
    _cleanup_change_ struct change job = {.options.repair = true};

    if (change(cli, options, edit_none, NULL, &job, e) < 0)
        return -1;
    return steps_do(cli, &job.job, "a sound table", false, e);
}

int cmd_disk_check(struct cli *cli, int argc, char **argv, struct err *e)
{
    struct disk_options options = {0};
    _cleanup_findings_ struct findings findings = {0};
    unsigned sector;

    if (options_parse(cli, argc, argv, &options, e) < 0 || cli_sector(cli, &sector, e) < 0)
        return -1;
    if (options.repair)
        return repair(cli, &options, e);
    findings.survey = observe_path(options.disk, sector, 0, e);
    if (findings.survey == NULL ||
        duplicates_find(findings.survey, &findings.shared, &findings.n_shared, e) < 0)
        return -1;
    if (cli->json) {
        if (print_damage_json(&findings, e) < 0)
            return -1;
    } else {
        print_damage(&findings);
    }
    fflush(stdout);
    return damage_error(&findings, e);
}

/* ---- backup, log, export ---- */

/* A file that is there stays: it may be the disk itself, or the only backup. */
static int put(struct cli *cli, const char *file, const char *text, struct err *e)
{
    if (file == NULL) {
        fputs(text, stdout);
        return 0;
    }
    if (access(file, F_OK) == 0) {
        err_set(e, ERR_REFUSED, "%s exists, and is not overwritten", file);
        return err_hint(e, "remove it first, or take another name");
    }
    if (cli->dry_run) {
        printf("would write %s\n", file);
        return 0;
    }
    return io_replace_file(file, text, strlen(text), 0644, e);
}

/* While work is pending the table shows neither what was nor what will be. */
static int refuse_pending(const struct look *look, const char *path, struct err *e)
{
    _cleanup_history_ struct history *history = NULL;

    if (disk_log_read(disk_blockdev(look->disk), look->table, &history, e) < 0)
        return -1;
    if (history->pending == NULL)
        return 0;
    err_set(e, ERR_REFUSED, "work on partition %u of %s was interrupted", history->pending->number,
            path);
    return err_hint(e, "berth disk finish %s", path);
}

int cmd_disk_backup(struct cli *cli, int argc, char **argv, struct err *e)
{
    struct disk_options options = {0};
    _cleanup_look_ struct look look = {0};
    _cleanup_free_ char *text = NULL;

    if (options_parse(cli, argc, argv, &options, e) < 0 ||
        look_open(cli, options.disk, &look, e) < 0 || refuse_pending(&look, options.disk, e) < 0)
        return -1;
    text = backup_print(disk_blockdev(look.disk), look.table, options.disk, e);
    return text == NULL ? -1 : put(cli, options.file, text, e);
}

static int print_log_json(const struct history *history, struct err *e)
{
    json_t *list = json_array();

    for (size_t i = 0; i < history->n; i++)
        json_array_append_new(list,
                              json_pack("{s:I, s:o}", "time", (json_int_t)history->entries[i].time,
                                        "text", cli_text_json(history->entries[i].text)));
    return cli_print_json("log", list, e);
}

int cmd_disk_log(struct cli *cli, int argc, char **argv, struct err *e)
{
    struct disk_options options = {0};
    _cleanup_look_ struct look look = {0};
    _cleanup_history_ struct history *history = NULL;

    if (options_parse(cli, argc, argv, &options, e) < 0 ||
        look_open(cli, options.disk, &look, e) < 0 ||
        disk_log_read(disk_blockdev(look.disk), look.table, &history, e) < 0)
        return -1;
    if (cli->json)
        return print_log_json(history, e);
    for (size_t i = 0; i < history->n; i++) {
        time_t when = (time_t)history->entries[i].time;
        struct tm local;
        char text[32] = "";

        if (localtime_r(&when, &local) != NULL)
            strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &local);
        printf("%s  %s\n", text, history->entries[i].text);
    }
    if (history->n == 0)
        printf("%s has no log of berth's\n", options.disk);
    else if (history->undo != NULL)
        printf("`berth disk undo %s` takes the last one back\n", options.disk);
    return 0;
}

int cmd_disk_export(struct cli *cli, int argc, char **argv, struct err *e)
{
    struct disk_options options = {0};
    _cleanup_look_ struct look look = {0};
    _cleanup_free_ char *text = NULL;

    if (options_parse(cli, argc, argv, &options, e) < 0 ||
        look_open(cli, options.disk, &look, e) < 0)
        return -1;
    if (look.table->kind == TABLE_NONE)
        return err_set(e, ERR_NOT_FOUND, "%s has no partition table", options.disk);
    if (refuse_pending(&look, options.disk, e) < 0)
        return -1;
    if (strcmp(options.format, "repart") == 0) {
        if (options.file == NULL)
            return err_set(e, ERR_USAGE, "repart is a folder of files: say which one");
        if (cli->dry_run) {
            printf("would make the folder %s\n", options.file);
            return 0;
        }
        return repart_print(look.table, disk_blockdev(look.disk), options.file, e);
    }
    if (strcmp(options.format, "sfdisk") != 0)
        return err_set(e, ERR_USAGE, "--format %s: expected sfdisk or repart", options.format);
    text = sfdisk_print(look.table, disk_blockdev(look.disk), options.disk, e);
    return text == NULL ? -1 : put(cli, options.file, text, e);
}
