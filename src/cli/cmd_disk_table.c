// SPDX-License-Identifier: GPL-3.0-or-later
/* cmd_disk_table.c: berth disk check, backup, restore, undo, finish, log: what is done with a table
 * as a whole. */
#include "apply/observe.h"
#include "cli/cli.h"
#include "cli/disk_look.h"
#include "cli/disk_note.h"
#include "cli/options.h"
#include "cli/steps.h"
#include "cli/text.h"
#include "core/cleanup.h"
#include "core/io.h"
#include "core/shell.h"
#include "flow/at_boot.h"
#include "flow/backup.h"
#include "flow/edit.h"
#include "flow/take_back.h"
#include "partition/duplicates.h"

#include <string.h>
#include <time.h>
#include <unistd.h>

struct disk_options {
    const char *disk, *file, *journal, *key_file;
    bool repair, cancel;
    struct option_list lose;
};

#define SLOT(member) offsetof(struct disk_options, member)
#define ROW_LOSE                                                                                   \
    ROW_LIST("lose", "PART", PARTITION, SLOT(lose), "a partition whose content may be lost")
#define ROW_KEY                                                                                    \
    ROW_TEXT("key-file", "FILE", FILE, SLOT(key_file), "the passphrase of the LUKS volume")

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
    ROW_KEY,
    ROW_COMMON("yes"),
    ROW_END,
};

const struct option_row cmd_disk_finish_options[] = {
    ROW_DISK(SLOT(disk)),
    ROW_TEXT("journal", "FILE", FILE, SLOT(journal), "the file that has the journal"),
    ROW_KEY,
    ROW_LIST("lose", "PART", PARTITION, SLOT(lose),
             "a partition that moves over what was put there"),
    ROW_FLAG("cancel", SLOT(cancel), "take back what was left to the next boot"),
    ROW_COMMON("yes"),
    ROW_END,
};

const struct option_row cmd_disk_log_options[] = {
    ROW_DISK(SLOT(disk)),
    ROW_TEXT("journal", "FILE", FILE, SLOT(journal), "what that journal says, not the disk's own"),
    ROW_END,
};

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
    change->job.key_file = options->key_file;
    if (change_read(change, options->disk, sector, e) < 0)
        return -1;
    return 0;
}

int cmd_disk_restore(struct cli *cli, int argc, char **argv, struct err *e)
{
    _cleanup_change_ struct change job = {
        .options.replaces = true, .options.restores = true, .options.repair = true};
    _cleanup_free_ char *wanted = NULL;
    struct disk_options options = {0};

    if (options_parse(cli, argc, argv, &options, e) < 0 ||
        change(cli, &options, edit_restore, (void *)options.file, &job, e) < 0)
        return -1;
    wanted = io_format(e, "is what %s says", options.file);
    return wanted == NULL ? -1 : steps_do(cli, &job.job, wanted, false, e);
}

/* A change that was cut short may have left one copy of the table as it was: the other one is
 * mended. */
int cmd_disk_undo(struct cli *cli, int argc, char **argv, struct err *e)
{
    _cleanup_change_ struct change job = {.options.repair = true, .options.takes_back = true};
    struct disk_options options = {0};

    if (options_parse(cli, argc, argv, &options, e) < 0 ||
        change(cli, &options, edit_undo, (void *)options.journal, &job, e) < 0)
        return -1;
    return steps_do(cli, &job.job, "is as it was before its last change", false, e);
}

/* A table that was being written leaves no work: its copies are mended by another command. */
static int note_copies(struct job *job, struct err *e)
{
    if (job->plan->n_steps > 0 || !job->survey->copies_differ)
        return 0;
    return plan_note(job->plan, e,
                     "the copies of its partition table differ: `berth disk check --repair %s` "
                     "brings them in line",
                     shell_quote(job->path).text);
}

int cmd_disk_finish(struct cli *cli, int argc, char **argv, struct err *e)
{
    _cleanup_change_ struct change job = {.options.only_finishes = true};
    struct disk_options options = {0};

    if (options_parse(cli, argc, argv, &options, e) < 0)
        return -1;
    if (options.journal != NULL && access(options.journal, F_OK) < 0)
        return err_errno(e, "--journal %s", options.journal);
    if (options.cancel)
        return cli->dry_run ? 0 : at_boot_cancel(options.disk, e);
    if (change(cli, &options, edit_none, NULL, &job, e) < 0 || note_copies(&job.job, e) < 0)
        return -1;
    return steps_do(cli, &job.job, "has no work that was interrupted", false, e);
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

/* Without a table there is nothing that could be written anew. */
static bool is_mended(const struct findings *findings, const struct damage *damage)
{
    return findings->survey->table != TABLE_NONE && damage_mends(damage->kind);
}

static int print_damage_json(const struct findings *findings, struct err *e)
{
    json_t *list = json_array();
    const struct damage *damage;

    for (size_t i = 0; (damage = finding(findings, i)) != NULL; i++)
        json_array_append_new(list,
                              json_pack("{s:s, s:i, s:s, s:b}", "kind", damage_name(damage->kind),
                                        "partition", (int)damage->number, "text", damage->text,
                                        "mends", is_mended(findings, damage)));
    return cli_print_json("damage", list, e);
}

static void print_damage(const struct findings *findings)
{
    const struct survey *survey = findings->survey;
    const struct damage *damage;
    struct err why;
    size_t i;

    for (i = 0; (damage = finding(findings, i)) != NULL; i++)
        printf("%s: %s%s\n", damage_name(damage->kind), damage->text,
               is_mended(findings, damage) ? "  [--repair mends it]" : "");
    if (survey->table != TABLE_NONE && survey->pending == NULL && i == 0 &&
        change_refuse_half_moved(survey, &why) == 0)
        printf("nothing is wrong with the partition table of %s\n", survey->path);
}

/* A GPT's backup behind something that nobody knows may yet be the disk's. */
static int no_table_error(const struct survey *survey, struct err *e)
{
    static const char restore[] = "`berth disk restore` puts back what `disk backup` kept";

    err_set(e, ERR_NOT_FOUND, "%s has no partition table", survey->path);
    if (survey->fs != NULL || survey->n_damage == 0)
        return err_hint(e, "%s", restore);
    return err_hint(e,
                    "%s; where the GPT is this disk's, `gdisk %s`, then 1, w, writes its backup "
                    "over what is in front: keep a copy of that",
                    restore, shell_quote(survey->path).text);
}

/* What is left when nothing can be mended, or not without guessing. */
static int damage_error(const struct findings *findings, struct err *e)
{
    const char *path = findings->survey->path;
    const struct damage *worst = damage_worst(findings->survey->damage, findings->survey->n_damage);
    const struct damage *damage;
    size_t n, mends = 0;

    for (n = 0; (damage = finding(findings, n)) != NULL; n++)
        mends += is_mended(findings, damage);
    if (findings->survey->table == TABLE_NONE && worst == NULL)
        return no_table_error(findings->survey, e);
    if (findings->survey->worker != NULL)
        return err_set(e, ERR_IN_USE, "%s: work on partition %u is %s", path,
                       findings->survey->pending->number, findings->survey->worker);
    if (findings->survey->pending != NULL) {
        err_set(e, ERR_VERIFY, "%s: work on partition %u was interrupted", path,
                findings->survey->pending->number);
        return err_hint(e, "%s", pending_command(findings->survey->pending, path, NULL).text);
    }
    if (change_refuse_half_moved(findings->survey, e) < 0) {
        e->code = ERR_VERIFY;
        return err_wrap(e, "%s", path);
    }
    if (n == 0)
        return 0;
    err_set(e, ERR_VERIFY, "%s: %s", path, finding(findings, 0)->text);
    if (mends > 0 && worst == NULL)
        return err_hint(e, "`berth disk check --repair %s` mends %zu of %zu",
                        shell_quote(path).text, mends, n);
    if (findings->survey->n_damage == 0)
        return duplicates_hint(findings->survey, &findings->shared[0], e);
    return change_hint_damage(findings->survey->damage, findings->survey->n_damage, path, e);
}

/* What forbids no change, and is no table that could be called sound. */
static int check_beside(const struct table *there, const char *path, struct err *e)
{
    for (size_t i = 0; i < there->n_damage; i++)
        if (there->damage[i].kind == DAMAGE_GPT_BESIDE) {
            err_set(e, ERR_VERIFY, "%s: %s", path, there->damage[i].text);
            return change_hint_damage(there->damage, there->n_damage, path, e);
        }
    return 0;
}

static int repair(struct cli *cli, const struct disk_options *options, struct err *e)
{
    _cleanup_change_ struct change job = {.options.repair = true};

    if (change(cli, options, edit_none, NULL, &job, e) < 0 ||
        check_beside(job.there, options->disk, e) < 0)
        return -1;
    return steps_do(cli, &job.job, "has a sound table", false, e);
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
        plan_check_identity(findings.survey, cli->serial, cli->wwn, e) < 0 ||
        duplicates_find(findings.survey, &findings.shared, &findings.n_shared, e) < 0)
        return -1;
    if (cli->json) {
        if (print_damage_json(&findings, e) < 0)
            return -1;
    } else if (!cli->quiet) {
        print_damage(&findings);
        disk_note_unreachable(findings.survey);
    }
    return cli_flush(e) < 0 ? -1 : damage_error(&findings, e);
}

/* ---- backup, log ---- */

int cmd_disk_backup(struct cli *cli, int argc, char **argv, struct err *e)
{
    struct disk_options options = {0};
    _cleanup_disk_look_ struct disk_look look = {0};
    _cleanup_free_ char *text = NULL;

    if (options_parse(cli, argc, argv, &options, e) < 0 ||
        disk_look_open(cli, options.disk, &look, e) < 0 ||
        disk_look_refuse_pending(&look, options.disk, e) < 0)
        return -1;
    text = backup_print(disk_blockdev(look.disk), look.table, options.disk, e);
    return text == NULL ? -1 : cli_write_file(cli, options.file, text, e);
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

static int read_log(const struct disk_options *options, const struct disk_look *look,
                    struct history **history, struct err *e)
{
    struct blockdev *bd = disk_blockdev(look->disk);

    if (options->journal == NULL)
        return disk_log_read(bd, look->table, history, e);
    return disk_log_read_file(options->journal, bd, look->table, history, e) < 0
               ? err_wrap(e, "--journal")
               : 0;
}

/* What can be taken back, or what has made that impossible. */
static void print_undo(const struct disk_options *options, const struct disk_look *look,
                       const struct history *history)
{
    const char *journal = options->journal;
    struct err why;

    if (undo_check(history, journal, disk_blockdev(look->disk), look->table, &why) < 0)
        printf("the last one is not taken back: %s%s%s\n", why.text, *why.hint != '\0' ? "; " : "",
               why.hint);
    else
        printf("`berth disk undo %s%s%s` takes the last one back\n",
               shell_quote(options->disk).text, journal != NULL ? " --journal " : "",
               journal != NULL ? shell_quote(journal).text : "");
}

int cmd_disk_log(struct cli *cli, int argc, char **argv, struct err *e)
{
    struct disk_options options = {0};
    _cleanup_disk_look_ struct disk_look look = {0};
    _cleanup_history_ struct history *history = NULL;

    if (options_parse(cli, argc, argv, &options, e) < 0 ||
        disk_look_open(cli, options.disk, &look, e) < 0 ||
        read_log(&options, &look, &history, e) < 0)
        return -1;
    if (cli->json)
        return print_log_json(history, e);
    for (size_t i = 0; i < history->n; i++) {
        time_t when = (time_t)history->entries[i].time;
        struct tm local;
        char text[32] = "";

        if (localtime_r(&when, &local) != NULL)
            strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &local);
        strcat(text, "  ");
        text_print(stdout, text, history->entries[i].text);
    }
    if (history->n == 0)
        printf("%s has no log of berth's\n",
               options.journal != NULL ? options.journal : options.disk);
    else if (history->undo != NULL)
        print_undo(&options, &look, history);
    return 0;
}
