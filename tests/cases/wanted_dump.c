// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * wanted_dump.c: the wanted tables of berth's library, for tests that compare them with those of
 * other tools.
 *
 *     wanted_dump sfdisk FILE SECTOR SCRIPT         the table that the script wants, as JSON
 *     wanted_dump repart FILE SECTOR FOLDER SEED    the table that the folder wants, as JSON
 *     wanted_dump write-sfdisk FILE SECTOR SCRIPT   makes it the table of the FILE
 *     wanted_dump table FILE SECTOR                 the table that is there, as JSON
 *     wanted_dump print-sfdisk FILE SECTOR          the table that is there as an sfdisk script
 *     wanted_dump print-repart FILE SECTOR FOLDER   ... as a new folder of repart.d files
 *
 * Exits with berth's status for the error.
 */
#include "core/cleanup.h"
#include "core/io.h"
#include "partition/wanted.h"

#include <jansson.h>
#include <string.h>

#define SCRIPT_MOST ((size_t)1 << 20)

static json_t *entry_json(const struct table *table, const struct table_entry *entry)
{
    char type[GUID_TEXT], uuid[GUID_TEXT];

    table_uuid_print(table->kind, &entry->uuid, uuid);
    if (table->kind == TABLE_MBR)
        snprintf(type, sizeof(type), "%x", entry->code);
    else
        guid_print(&entry->type, type);
    return json_pack("{s:i, s:I, s:I, s:s, s:s, s:s, s:I}", "number", (int)entry->number, "start",
                     (json_int_t)entry->range.start, "size", (json_int_t)entry->range.bytes, "type",
                     type, "uuid", uuid, "name", entry->name, "attributes",
                     (json_int_t)entry->attributes);
}

static int print_table(const struct table *table, const struct wanted *wanted)
{
    json_t *partitions = json_array(), *formats = json_array(), *all;
    char uuid[GUID_TEXT], code[3];

    for (size_t i = 0; i < table->n; i++)
        json_array_append_new(partitions, entry_json(table, &table->entries[i]));
    for (size_t i = 0; wanted != NULL && i < wanted->n_formats; i++)
        json_array_append_new(
            formats, json_pack("{s:i, s:s, s:s}", "number", (int)wanted->formats[i].number, "fs",
                               wanted->formats[i].fs, "label", wanted->formats[i].label));
    if (table->extended.range.bytes > 0) {
        snprintf(code, sizeof(code), "%x", table->extended.code);
        json_array_append_new(
            partitions, json_pack("{s:i, s:I, s:I, s:s}", "number", (int)table->extended.number,
                                  "start", (json_int_t)table->extended.range.start, "size",
                                  (json_int_t)table->extended.range.bytes, "type", code));
    }
    guid_print(&table->uuid, uuid);
    all = json_pack("{s:s, s:s, s:I, s:I, s:i, s:o, s:o}", "kind",
                    table->kind == TABLE_GPT   ? "gpt"
                    : table->kind == TABLE_MBR ? "mbr"
                                               : "none",
                    "uuid", uuid, "usable-start", (json_int_t)table->usable.start, "usable-end",
                    (json_int_t)extent_end(&table->usable), "slots", (int)table->slots,
                    "partitions", partitions, "formats", formats);
    json_dumpf(all, stdout, JSON_INDENT(1));
    putchar('\n');
    json_decref(all);
    return 0;
}

static int dump_sfdisk(struct blockdev *bd, const struct table *there, char **args, struct err *e)
{
    _cleanup_wanted_ struct wanted wanted = {0};
    _cleanup_free_ char *text = NULL;

    if (io_read_file(args[0], SCRIPT_MOST, &text, NULL, e) < 0 ||
        sfdisk_read(text, args[0], bd, there, &wanted, e) < 0)
        return -1;
    return print_table(wanted.table, &wanted);
}

static int write_sfdisk(struct blockdev *bd, const struct table *there, char **args, struct err *e)
{
    _cleanup_wanted_ struct wanted wanted = {0};
    _cleanup_free_ char *text = NULL;

    if (io_read_file(args[0], SCRIPT_MOST, &text, NULL, e) < 0 ||
        sfdisk_read(text, args[0], bd, there, &wanted, e) < 0)
        return -1;
    return table_write(bd, wanted.table, e);
}

static int dump_repart(struct blockdev *bd, const struct table *there, char **args, struct err *e)
{
    _cleanup_wanted_ struct wanted wanted = {0};
    struct guid seed;

    if (guid_parse(args[1], &seed, e) < 0 || repart_read(args[0], &seed, bd, there, &wanted, e) < 0)
        return -1;
    return print_table(wanted.table, &wanted);
}

static int dump_table(struct blockdev *bd, const struct table *there, char **args, struct err *e)
{
    (void)bd;
    (void)args;
    (void)e;
    return print_table(there, NULL);
}

static int print_sfdisk(struct blockdev *bd, const struct table *there, char **args, struct err *e)
{
    _cleanup_free_ char *text = sfdisk_print(there, bd, bd->name, e);

    (void)args;
    if (text == NULL)
        return -1;
    fputs(text, stdout);
    return 0;
}

static int print_repart(struct blockdev *bd, const struct table *there, char **args, struct err *e)
{
    return repart_print(there, bd, args[0], e);
}

static const struct {
    const char *name;
    int args;
    int (*run)(struct blockdev *bd, const struct table *there, char **args, struct err *e);
} modes[] = {
    {"write-sfdisk", 1, write_sfdisk}, {"sfdisk", 1, dump_sfdisk},
    {"repart", 2, dump_repart},        {"table", 0, dump_table},
    {"print-sfdisk", 0, print_sfdisk}, {"print-repart", 1, print_repart},
};

static int run(const char *mode, const char *file, const char *sector, char **args, int n,
               struct err *e)
{
    _cleanup_blockdev_ struct blockdev *bd =
        file_open(file, strncmp(mode, "write", 5) == 0, (unsigned)atoi(sector), e);
    _cleanup_table_ struct table *there = bd == NULL ? NULL : table_read(bd, e);

    if (there == NULL)
        return -1;
    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
        if (strcmp(modes[i].name, mode) == 0 && modes[i].args == n)
            return modes[i].run(bd, there, args, e);
    return err_set(e, ERR_USAGE, "no mode %s with %d arguments", mode, n);
}

int main(int argc, char **argv)
{
    struct err e;

    if (argc < 4)
        return 2;
    if (run(argv[1], argv[2], argv[3], argv + 4, argc - 4, &e) == 0)
        return 0;
    fprintf(stderr, "%s\n", e.text);
    return err_exit_status(e.code);
}
