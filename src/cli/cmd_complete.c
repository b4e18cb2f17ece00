// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * cmd_complete.c: berth complete KIND [DISK]: the values a shell may suggest, one a line.
 *
 * For shells, not for people: what cannot be found out is left out, without a word. Names come from
 * disks and end up on a command line, so those with a character that a shell could take for more
 * than itself are left out, too, but for blanks, which each shell's script quotes; a partition
 * still has its number.
 */
#include "apply/observe.h"
#include "block/disk_list.h"
#include "cli/cli.h"
#include "cli/completion.h"
#include "cli/disk_column.h"
#include "cli/disk_rows.h"
#include "cli/options.h"
#include "cli/text.h"
#include "core/cleanup.h"
#include "engine/running.h"
#include "fs/fs.h"
#include "images/store.h"
#include "partition/attribute.h"
#include "partition/type.h"

#include <ctype.h>
#include <string.h>

struct complete_options {
    const char *kind, *disk;
};

#define SLOT(member) offsetof(struct complete_options, member)

const struct option_row cmd_complete_options[] = {
    ROW_OPERAND("KIND", TEXT, SLOT(kind), "the kind of value"),
    ROW_OPERAND_OPTIONAL("DISK", DISK, SLOT(disk), "the disk that has it"),
    ROW_END,
};

static bool is_plain(const char *text)
{
    _cleanup_free_ char *safe = text_safe(text);

    if (safe == NULL || *text == '\0' || *text == '-' || *text == ' ' || strcmp(safe, text) != 0)
        return false;
    for (; *text != '\0'; text++)
        if ((unsigned char)*text < 0x80 && !isalnum((unsigned char)*text) &&
            strchr("-_.+/:@%, ", *text) == NULL)
            return false;
    return true;
}

static void suggest(const char *text)
{
    if (text != NULL && is_plain(text))
        puts(text);
}

static void suggest_disks(const char *disk)
{
    struct disk_device *list;
    struct err ignored;
    size_t n;

    (void)disk;
    if (disk_list(false, &list, &n, &ignored) < 0)
        return;
    for (size_t i = 0; i < n; i++)
        suggest(list[i].path);
    disk_list_free(list, n);
}

static void suggest_partitions(const char *disk)
{
    struct err ignored;
    _cleanup_survey_ struct survey *survey =
        disk != NULL ? observe_path(disk, 0, 0, &ignored) : NULL;

    for (size_t i = 0; survey != NULL && i < survey->n_partitions; i++)
        printf("%u\n", survey->partitions[i].number);
    for (size_t i = 0; survey != NULL && i < survey->n_partitions; i++)
        suggest(survey->partitions[i].name);
}

static void suggest_types(const char *disk)
{
    const struct partition_type *type;

    (void)disk;
    for (size_t i = 0; (type = partition_type_at(i)) != NULL; i++)
        suggest(type->name);
}

static void suggest_filesystems(const char *disk)
{
    const struct fs_ops *fs;

    (void)disk;
    for (size_t i = 0; (fs = fs_at(i)) != NULL; i++)
        suggest(fs->name);
}

static void suggest_images(const char *disk)
{
    struct image *images;
    struct err ignored;
    size_t n;

    (void)disk;
    if (store_list(&images, &n, &ignored) < 0)
        return;
    for (size_t i = 0; i < n; i++) {
        suggest(images[i].name);
        image_free(&images[i]);
    }
    free(images);
}

static void suggest_running(const char *disk)
{
    struct running_list list;
    struct err ignored;

    (void)disk;
    if (running_find_all(&list, &ignored) == 0)
        for (size_t i = 0; i < list.n; i++)
            suggest(list.items[i].name);
    running_list_free(&list);
}

static void suggest_systems(const char *disk)
{
    struct err ignored;
    _cleanup_free_ char *path = NULL;
    _cleanup_survey_ struct survey *survey = NULL;

    if (observe_default_disk(disk, &path, &ignored) == 0)
        survey = observe_path(path, 0, OBSERVE_RECORD, &ignored);
    for (size_t i = 0; survey != NULL && survey->record != NULL && i < survey->record->n_systems;
         i++)
        suggest(survey->record->systems[i].name);
}

static void suggest_columns(const char *disk)
{
    (void)disk;
    for (size_t i = 0; i < N_COLUMNS; i++)
        suggest(disk_columns[i].heading);
}

static void suggest_attributes(const char *disk)
{
    const char *name;

    (void)disk;
    for (size_t i = 0; (name = attribute_name_at(i)) != NULL; i++)
        suggest(name);
}

static void suggest_gaps(const char *disk)
{
    struct err ignored;
    _cleanup_survey_ struct survey *survey =
        disk != NULL ? observe_path(disk, 0, 0, &ignored) : NULL;
    _cleanup_free_ struct disk_row *rows = NULL;
    size_t n = 0;

    suggest("largest");
    if (survey == NULL || disk_rows(survey, &rows, &n, &ignored) < 0)
        return;
    for (size_t i = 0; i < n; i++)
        if (rows[i].gap != 0)
            printf("%u\n", rows[i].gap);
}

static void suggest_commands(const char *disk)
{
    (void)disk;
    for (size_t i = 0; i < n_commands; i++) {
        char word[32];

        if (completion_has(&commands[i]) && completion_is_new_word(&commands[i]))
            suggest(completion_first_word(&commands[i], word, sizeof(word)));
    }
}

static void suggest_subcommands(const char *family)
{
    for (size_t i = 0; i < n_commands && family != NULL; i++) {
        char word[32];

        completion_first_word(&commands[i], word, sizeof(word));
        if (completion_has(&commands[i]) && strcmp(word, family) == 0)
            suggest(completion_second_word(&commands[i]));
    }
}

static const struct {
    enum value_kind kind;
    void (*suggest)(const char *disk);
} kinds[] = {
    {VALUE_DISK, suggest_disks},           {VALUE_PARTITION, suggest_partitions},
    {VALUE_TYPE, suggest_types},           {VALUE_FS, suggest_filesystems},
    {VALUE_IMAGE, suggest_images},         {VALUE_SYSTEM, suggest_systems},
    {VALUE_RUNNING, suggest_running},      {VALUE_COLUMN, suggest_columns},
    {VALUE_ATTRIBUTE, suggest_attributes}, {VALUE_GAP, suggest_gaps},
    {VALUE_COMMAND, suggest_commands},     {VALUE_SUBCOMMAND, suggest_subcommands},
};

int cmd_complete(struct cli *cli, int argc, char **argv, struct err *e)
{
    struct complete_options options = {0};

    if (options_parse(cli, argc, argv, &options, e) < 0)
        return -1;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (strcmp(options.kind, value_word(kinds[i].kind)) == 0)
            kinds[i].suggest(options.disk != NULL ? options.disk : cli->disk);
    return 0;
}
