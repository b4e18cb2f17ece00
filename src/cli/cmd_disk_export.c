// SPDX-License-Identifier: GPL-3.0-or-later
/* cmd_disk_export.c: berth disk export: a disk's partitions in the words of other tools, or of a
 * machine file. All of them are what plan and apply read. */
#include "apply/observe.h"
#include "cli/cli.h"
#include "cli/disk_look.h"
#include "cli/options.h"
#include "cli/text.h"
#include "core/cleanup.h"
#include "core/shell.h"
#include "flow/export.h"
#include "partition/repart.h"
#include "partition/sfdisk.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct export_options {
    const char *disk, *file, *format;
};

#define SLOT(member) offsetof(struct export_options, member)

const struct option_row cmd_disk_export_options[] = {
    ROW_DISK(SLOT(disk)),
    ROW_OPERAND_OPTIONAL("FILE", FILE, SLOT(file), "where to; repart wants a folder"),
    ROW_WORD("format", "FORMAT", "sfdisk repart yaml", SLOT(format),
             "sfdisk, repart, or yaml: a machine file", .required = true),
    ROW_END,
};

/* A disk is found by an absolute path wherever the machine file lies. One that is absolute stays,
 * since /dev/disk/by-id names a device better than what it leads to. */
static char *absolute(const char *path, struct err *e)
{
    char *real = *path == '/' ? strdup(path) : realpath(path, NULL);

    if (real == NULL)
        err_errno(e, "%s", path);
    return real;
}

/* What a machine file cannot say stands in front, as comments. */
static char *yaml_text(const struct machine *machine, const struct strings *left_out, struct err *e)
{
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);
    int result;

    if (out == NULL) {
        err_no_memory(e);
        return NULL;
    }
    for (size_t i = 0; i < left_out->n; i++)
        text_wrap(out, "# ", left_out->items[i], 0);
    result = machine_print(machine, out, e);
    if (fclose(out) != 0 && result == 0)
        result = err_no_memory(e);
    if (result < 0) {
        free(text);
        return NULL;
    }
    return text;
}

static int export_yaml(struct cli *cli, const struct export_options *options, struct err *e)
{
    _cleanup_survey_ struct survey *survey = NULL;
    _cleanup_machine_ struct machine *machine = NULL;
    _cleanup_strings_ struct strings left_out = {0};
    _cleanup_free_ char *path = absolute(options->disk, e), *text = NULL;
    unsigned sector;

    if (path == NULL || cli_sector(cli, &sector, e) < 0)
        return -1;
    survey = observe_path(options->disk, sector, OBSERVE_RECORD, e);
    machine = survey != NULL ? export_machine(survey, path, &left_out, e) : NULL;
    text = machine != NULL ? yaml_text(machine, &left_out, e) : NULL;
    return text == NULL ? -1 : cli_write_file(cli, options->file, text, e);
}

static int usage_folder(const char *disk, struct err *e)
{
    err_set(e, ERR_USAGE, "repart is a folder of files: say which one");
    return err_hint(e, "berth disk export %s FOLDER --format repart", shell_quote(disk).text);
}

static bool is_folder(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static int export_repart(struct cli *cli, const struct export_options *options,
                         const struct disk_look *look, struct err *e)
{
    if (options->file == NULL)
        return usage_folder(options->disk, e);
    if (access(options->file, F_OK) == 0 && !is_folder(options->file)) {
        err_set(e, ERR_REFUSED, "%s exists, and is no folder", options->file);
        return err_hint(e, "remove it first, or take another name");
    }
    if (cli->dry_run) {
        printf("would make the folder %s\n", options->file);
        return 0;
    }
    return repart_print(look->table, disk_blockdev(look->disk), options->file, e);
}

static int export_sfdisk(struct cli *cli, const struct export_options *options,
                         const struct disk_look *look, struct err *e)
{
    _cleanup_free_ char *text =
        sfdisk_print(look->table, disk_blockdev(look->disk), options->disk, e);

    return text == NULL ? -1 : cli_write_file(cli, options->file, text, e);
}

int cmd_disk_export(struct cli *cli, int argc, char **argv, struct err *e)
{
    struct export_options options = {0};
    _cleanup_disk_look_ struct disk_look look = {0};

    if (options_parse(cli, argc, argv, &options, e) < 0)
        return -1;
    if (strcmp(options.format, "sfdisk") != 0 && strcmp(options.format, "repart") != 0 &&
        strcmp(options.format, "yaml") != 0)
        return err_set(e, ERR_USAGE, "--format %s: expected sfdisk, repart or yaml",
                       options.format);
    if (disk_look_open(cli, options.disk, &look, e) < 0)
        return -1;
    if (look.table->kind == TABLE_NONE)
        return err_set(e, ERR_NOT_FOUND, "%s has no partition table", options.disk);
    if (disk_look_refuse_pending(&look, options.disk, e) < 0)
        return -1;
    if (strcmp(options.format, "yaml") == 0)
        return export_yaml(cli, &options, e);
    return strcmp(options.format, "repart") == 0 ? export_repart(cli, &options, &look, e)
                                                 : export_sfdisk(cli, &options, &look, e);
}
