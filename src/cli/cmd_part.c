// SPDX-License-Identifier: GPL-3.0-or-later
/* cmd_part.c: berth part table, add, rm, set, resize, move, format, wipe: one edit each, the same
 * path for all. */
#include "cli/cli.h"
#include "cli/options.h"
#include "cli/steps.h"
#include "flow/edit.h"

#include <string.h>
#include <unistd.h>

/* What all of them can be told. */
struct part_options {
    const char *disk;
    const char *make; /* the size of a new file */
    const char *key_file, *journal;
    bool at_boot;
    struct option_list lose;
    struct edit edit;
};

#define SLOT(member) offsetof(struct part_options, member)
#define ROW_PART(member)                                                                           \
    ROW_OPERAND("PART", PARTITION, SLOT(member), "the partition's number or name")
#define ROW_LOSE                                                                                   \
    ROW_LIST("lose", "PART", PARTITION, SLOT(lose), "a partition whose content may be lost")
#define ROW_JOURNAL                                                                                \
    ROW_TEXT("journal", "FILE", FILE, SLOT(journal),                                               \
             "a file on another disk for the journal, where this one has no room")
#define ROW_AT_BOOT                                                                                \
    ROW_FLAG("at-boot", SLOT(at_boot),                                                             \
             "do it at the next boot: for what is mounted while the system runs")
#define ROW_ALIGN                                                                                  \
    ROW_TEXT("align", "SIZE", TEXT, SLOT(edit.align), "what starts and sizes are multiples of (1M)")
#define ROW_KEY ROW_TEXT("key-file", "FILE", FILE, SLOT(key_file), "the key of a new LUKS volume")

const struct option_row cmd_part_table_options[] = {
    ROW_DISK(SLOT(disk)),
    ROW_OPERAND("KIND", WORD, SLOT(edit.kind), "gpt or mbr", .words = "gpt mbr"),
    ROW_FLAG("convert", SLOT(edit.convert), "keep the partitions, in a table of this kind"),
    ROW_TEXT("size", "SIZE", TEXT, SLOT(make), "make the image file, when there is none"),
    ROW_LOSE,
    ROW_COMMON("yes"),
    ROW_END,
};

const struct option_row cmd_part_add_options[] = {
    ROW_DISK(SLOT(disk)),
    ROW_TEXT("name", "NAME", TEXT, SLOT(edit.name), "its name", .empty = true),
    ROW_WORD("size", "SIZE", "rest", SLOT(edit.size),
             "how large: 10G, 30% of the disk, or rest, which is what it gets without"),
    ROW_TEXT("start", "SIZE", TEXT, SLOT(edit.start),
             "where it begins: 10GiB, 50%; else in the first free range with room"),
    ROW_TEXT("gap", "GAP", GAP, SLOT(edit.gap), "in which free range: largest, or its number"),
    ROW_TEXT("type", "TYPE", TYPE, SLOT(edit.type),
             "a name, a GUID or an MBR code; else what goes with the filesystem, or linux"),
    ROW_TEXT("fs", "FS", FS, SLOT(edit.fs), "make this filesystem in it; else it stays empty"),
    ROW_TEXT("label", "LABEL", TEXT, SLOT(edit.label),
             "the filesystem's label; else the partition's name"),
    ROW_TEXT("uuid", "GUID", TEXT, SLOT(edit.uuid), "the partition's GUID; else a random one"),
    ROW_TEXT("number", "N", TEXT, SLOT(edit.number), "its number; else the lowest that is free"),
    ROW_FLAG("logical", SLOT(edit.logical), "inside the extended partition of an MBR"),
    ROW_FLAG("active", SLOT(edit.active), "flagged as the one that a BIOS boots"),
    ROW_ALIGN,
    ROW_KEY,
    ROW_LOSE,
    ROW_COMMON("yes"),
    ROW_END,
};

const struct option_row cmd_part_rm_options[] = {
    ROW_DISK(SLOT(disk)), ROW_PART(edit.part), ROW_LOSE, ROW_COMMON("yes"), ROW_END,
};

const struct option_row cmd_part_set_options[] = {
    ROW_DISK(SLOT(disk)),
    ROW_PART(edit.part),
    ROW_TEXT("name", "NAME", TEXT, SLOT(edit.name), "its new name", .empty = true),
    ROW_TEXT("type", "TYPE", TYPE, SLOT(edit.type), "a name, a GUID or an MBR code"),
    ROW_WORD("uuid", "GUID", "new", SLOT(edit.uuid), "its new GUID, or new"),
    ROW_TEXT("attributes", "LIST", ATTRIBUTE, SLOT(edit.attributes),
             "all that it shall have: required, no-block-io, legacy-boot, grow-fs, read-only, "
             "hidden, no-auto, or bits by number, separated by commas",
             .empty = true),
    ROW_FLAG("active", SLOT(edit.active), "flag it as the one that a BIOS boots"),
    ROW_FLAG("inactive", SLOT(edit.inactive), "take that flag away"),
    ROW_COMMON("yes"),
    ROW_END,
};

const struct option_row cmd_part_resize_options[] = {
    ROW_DISK(SLOT(disk)),
    ROW_PART(edit.part),
    ROW_WORD("size", "SIZE", "rest", SLOT(edit.size), "10G, +1G, -1G, or rest", .required = true),
    ROW_ALIGN,
    ROW_AT_BOOT,
    ROW_TEXT("key-file", "FILE", FILE, SLOT(key_file),
             "the key of a LUKS volume, so that what is in it is resized, too"),
    ROW_LOSE,
    ROW_JOURNAL,
    ROW_COMMON("yes"),
    ROW_END,
};

const struct option_row cmd_part_move_options[] = {
    ROW_DISK(SLOT(disk)),
    ROW_PART(edit.part),
    ROW_TEXT("start", "SIZE", TEXT, SLOT(edit.start), "where it shall begin: 10GiB, 50%, +1G, -1G",
             .required = true),
    ROW_AT_BOOT,
    ROW_LOSE,
    ROW_JOURNAL,
    ROW_COMMON("yes"),
    ROW_END,
};

const struct option_row cmd_part_format_options[] = {
    ROW_DISK(SLOT(disk)),
    ROW_PART(edit.part),
    ROW_TEXT("fs", "FS", FS, SLOT(edit.fs),
             "ext4, ext3, ext2, vfat, ntfs, swap, btrfs, xfs or luks", .required = true),
    ROW_TEXT("label", "LABEL", TEXT, SLOT(edit.label), "its label; else the partition's name"),
    ROW_TEXT("type", "TYPE", TYPE, SLOT(edit.type),
             "the partition's new type; else what goes with the filesystem"),
    ROW_KEY,
    ROW_LOSE,
    ROW_COMMON("yes"),
    ROW_END,
};

const struct option_row cmd_part_wipe_options[] = {
    ROW_DISK(SLOT(disk)), ROW_PART(edit.part), ROW_LOSE, ROW_COMMON("yes"), ROW_END,
};

static int add_word(struct strings *words, const char *word, struct err *e)
{
    return strings_add(words, word, strlen(word), e);
}

/* The command for the initramfs: the partition by its GUID, and where it shall be in bytes, so that
 * it means the same however often it is given. */
static int words_at_boot(const struct change *change, const struct part_options *options,
                         struct strings *words, struct err *e)
{
    const struct table_entry *there = table_find(change->there, options->edit.part, e);
    const struct table_entry *wanted =
        there != NULL ? table_entry_by_uuid(change->wanted.table, &there->uuid) : NULL;
    bool moves = change->edit == edit_move;
    char uuid[GUID_TEXT], bytes[24];

    if (wanted == NULL)
        return -1;
    snprintf(bytes, sizeof(bytes), "%llu",
             (unsigned long long)(moves ? wanted->range.start : wanted->range.bytes));
    if (add_word(words, "part", e) < 0 || add_word(words, moves ? "move" : "resize", e) < 0 ||
        add_word(words, guid_print(&there->uuid, uuid), e) < 0 ||
        add_word(words, moves ? "--start" : "--size", e) < 0 || add_word(words, bytes, e) < 0)
        return -1;
    if (options->edit.align != NULL &&
        (add_word(words, "--align", e) < 0 || add_word(words, options->edit.align, e) < 0))
        return -1;
    for (size_t i = 0; i < options->lose.n; i++)
        if (add_word(words, "--lose", e) < 0 || add_word(words, options->lose.items[i], e) < 0)
            return -1;
    return 0;
}

static int schedule(struct cli *cli, struct change *change, const struct part_options *options,
                    struct err *e)
{
    _cleanup_strings_ struct strings words = {0};

    if (words_at_boot(change, options, &words, e) < 0)
        return -1;
    return steps_schedule(cli, &change->job, &words, e);
}

/* The size of the file that is made. */
static int parse_make(const struct part_options *options, struct change_options *change,
                      struct err *e)
{
    if (size_parse_bytes(options->make, &change->make_bytes, e) < 0) {
        err_wrap(e, "--size");
        return err_hint(e, "a size is a number and its unit: 512MiB, 20G");
    }
    if (options->edit.convert)
        return err_set(e, ERR_USAGE, "--size %s: a new file has nothing that could be converted",
                       options->make);
    if (access(options->disk, F_OK) == 0)
        return err_set(e, ERR_USAGE, "--size %s: %s is there already; its size is not changed",
                       options->make, options->disk);
    return 0;
}

/* Where no file is there is none to convert, and none to name. */
static int hint_make(const struct part_options *options, struct err *e)
{
    if (access(options->disk, F_OK) == 0 || options->edit.convert || options->make != NULL)
        return -1;
    return err_hint(e, "--size 10G makes an image file of that size");
}

/* Files are not there when the next boot does it. */
static int check_at_boot(const struct part_options *options, struct err *e)
{
    if (!options->at_boot)
        return 0;
    if (options->journal != NULL)
        return err_set(e, ERR_USAGE, "--journal %s: at boot there is no such file",
                       options->journal);
    if (options->key_file != NULL)
        return err_set(e, ERR_USAGE, "--key-file %s: at boot there is no such file",
                       options->key_file);
    return 0;
}

/* The one path: options, edit, plan, steps. */
static int change(struct cli *cli, int argc, char **argv, change_edit_fn *edit, bool wipes,
                  struct err *e)
{
    _cleanup_change_ struct change change = {.edit = edit};
    struct part_options options = {0};
    unsigned sector;

    if (options_parse(cli, argc, argv, &options, e) < 0 || cli_sector(cli, &sector, e) < 0 ||
        check_at_boot(&options, e) < 0 || edit_start(&options.edit, e) < 0)
        return -1;
    if (options.make != NULL && parse_make(&options, &change.options, e) < 0)
        return -1;
    change.arg = &options.edit;
    change.options.serial = cli->serial;
    change.options.wwn = cli->wwn;
    change.options.lose = options.lose.items;
    change.options.n_lose = options.lose.n;
    change.options.replaces = edit == edit_table && !options.edit.convert;
    change.options.repair = options.edit.convert; /* a power cut may have left half of it */
    change.options.cures = edit == edit_rm || (edit == edit_set && options.edit.uuid != NULL);
    change.options.wipe = wipes ? options.edit.part : NULL;
    change.job.journal = options.journal;
    change.job.key_file = options.key_file;
    change.options.at_boot = options.at_boot;
    if (change_read(&change, options.disk, sector, e) < 0)
        return edit == edit_table && e->code == ERR_NOT_FOUND ? hint_make(&options, e) : -1;
    if (options.at_boot)
        return schedule(cli, &change, &options, e);
    return steps_do(cli, &change.job, "is as this command wants it", false, e);
}

int cmd_part_table(struct cli *cli, int argc, char **argv, struct err *e)
{
    return change(cli, argc, argv, edit_table, false, e);
}

int cmd_part_add(struct cli *cli, int argc, char **argv, struct err *e)
{
    return change(cli, argc, argv, edit_add, false, e);
}

int cmd_part_rm(struct cli *cli, int argc, char **argv, struct err *e)
{
    return change(cli, argc, argv, edit_rm, false, e);
}

int cmd_part_set(struct cli *cli, int argc, char **argv, struct err *e)
{
    return change(cli, argc, argv, edit_set, false, e);
}

int cmd_part_resize(struct cli *cli, int argc, char **argv, struct err *e)
{
    return change(cli, argc, argv, edit_resize, false, e);
}

int cmd_part_move(struct cli *cli, int argc, char **argv, struct err *e)
{
    return change(cli, argc, argv, edit_move, false, e);
}

int cmd_part_format(struct cli *cli, int argc, char **argv, struct err *e)
{
    return change(cli, argc, argv, edit_format, false, e);
}

int cmd_part_wipe(struct cli *cli, int argc, char **argv, struct err *e)
{
    return change(cli, argc, argv, edit_wipe, true, e);
}
