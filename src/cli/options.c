// SPDX-License-Identifier: GPL-3.0-or-later
/* options.c: getopt_long by a table. */
#include "cli/options.h"
#include "cli/cli.h"

#include <getopt.h>
#include <stdint.h>
#include <string.h>

#define ROWS_MAX   64
#define USAGE_MOST 100 /* a longer synopsis is no hint */
#define FIRST_LONG 256 /* what getopt_long returns for row 0, beyond every letter */

#define COMMON(member) offsetof(struct cli, member)

const struct option_row common_options[] = {
    ROW_FLAG("json", COMMON(json), "print JSON", .letter = 'J'),
    ROW_FLAG("dry-run", COMMON(dry_run), "print what would be done", .letter = 'n'),
    ROW_FLAG("yes", COMMON(yes), "do not ask", .letter = 'y'),
    ROW_FLAG("quiet", COMMON(quiet), "errors only", .letter = 'q'),
    ROW_FLAG("verbose", COMMON(verbose), "say more", .letter = 'v'),
    ROW_VALUE(OPTION_MAYBE, "color", "WHEN", WORD, COMMON(color_when),
              "colours: always, never or auto", .words = "always never auto"),
    ROW_TEXT("disk", "D", DISK, COMMON(disk), "a device or an image file"),
    ROW_TEXT("serial", "S", TEXT, COMMON(serial), "refuse a device with another serial number"),
    ROW_TEXT("wwn", "W", TEXT, COMMON(wwn), "refuse a device with another WWN"),
    ROW_WORD("sector-size", "BYTES", "512 4096", COMMON(sector_size),
             "of a file that does not show it"),
    ROW_FLAG("help", COMMON(help), "explain the command", .letter = 'h'),
    ROW_FLAG("version", COMMON(version), "print the version", .letter = 'V'),
    ROW_END,
};

static const char *const value_words[] = {
#define VALUE(kind, word) word,
#include "cli/value.def"
#undef VALUE
};

const char *value_word(enum value_kind kind)
{
    return value_words[kind];
}

bool option_is_operand(const struct option_row *row)
{
    return row->kind >= OPERAND;
}

const struct option_row *option_common(const char *name)
{
    const struct option_row *row = common_options;

    while (row->kind != OPTION_END && strcmp(row->name, name) != 0)
        row++;
    return row;
}

void option_synopsis(const struct option_row *row, char *buf, size_t len)
{
    const struct option_row *known = row->kind == OPTION_COMMON ? option_common(row->name) : row;
    bool operand = option_is_operand(row);
    bool optional = operand ? row->kind == OPERAND_OPTIONAL : !row->required;
    bool list = row->kind == OPTION_LIST || row->kind == OPERAND_LIST;

    snprintf(buf, len, "%s%s%s%s%s%s%s", optional ? "[" : "", operand ? "" : "--", row->name,
             known->value != NULL ? " " : "", known->value != NULL ? known->value : "",
             optional ? "]" : "", list ? "..." : "");
}

/* A command's own rows and the common ones, in the form that getopt_long wants. */
struct parser {
    const struct option_row *rows[ROWS_MAX];
    char *slots[ROWS_MAX]; /* what the row's slot is an offset in */
    struct option longs[ROWS_MAX + 1];
    char letters[2 * ROWS_MAX + 3];
    bool given[ROWS_MAX];
    size_t n;
};

static void add_rows(struct parser *p, const struct option_row *rows, void *slots)
{
    for (; rows->kind != OPTION_END && p->n < ROWS_MAX; rows++) {
        bool flag = rows->kind == OPTION_FLAG, maybe = rows->kind == OPTION_MAYBE;
        char letter[] = {rows->letter, flag ? '\0' : ':', '\0'};

        if (option_is_operand(rows) || rows->kind == OPTION_COMMON)
            continue;
        p->rows[p->n] = rows;
        p->slots[p->n] = slots;
        p->longs[p->n] = (struct option){rows->name,
                                         flag    ? no_argument
                                         : maybe ? optional_argument
                                                 : required_argument,
                                         NULL, FIRST_LONG + (int)p->n};
        strcat(p->letters, letter);
        p->n++;
    }
}

/* The row that getopt_long's answer stands for. */
static size_t row_of(const struct parser *p, int found)
{
    size_t row = 0;

    if (found >= FIRST_LONG)
        return (size_t)(found - FIRST_LONG);
    while (row < p->n && p->rows[row]->letter != found)
        row++;
    return row;
}

static int append(struct option_list *list, const char *item, const char *name, struct err *e)
{
    if (list->n == OPTION_LIST_MAX)
        return err_set(e, ERR_USAGE, "%s is given more than %d times", name, OPTION_LIST_MAX);
    list->items[list->n++] = item;
    return 0;
}

/* The command as messages call it. */
static const char *words_of(const struct cli *cli)
{
    return cli->command != NULL ? cli->command->words : "berth";
}

/* An empty value is mostly a shell's variable that was never set. */
static int check_value(const struct cli *cli, const struct option_row *row, const char *value,
                       struct err *e)
{
    const char *dashes = option_is_operand(row) ? "" : "--";

    if (value == NULL || *value != '\0' || row->empty)
        return 0;
    return err_set(e, ERR_USAGE, "%s: %s%s is empty: \"\" says nothing", words_of(cli), dashes,
                   row->name);
}

/* Which of two values a person means is not ours to guess. What stands before the command has its
 * slots in cli, which are NULL until one is given. */
static int check_once(const struct cli *cli, struct parser *p, size_t i, struct err *e)
{
    const char *before = *(const char **)(p->slots[i] + p->rows[i]->slot);
    bool again = p->given[i] || (p->slots[i] == (const char *)cli && before != NULL);

    p->given[i] = true;
    if (!again)
        return 0;
    return err_set(e, ERR_USAGE, "%s: --%s is given twice, as \"%s\" and \"%s\": which of them?",
                   words_of(cli), p->rows[i]->name, before, optarg != NULL ? optarg : "");
}

static int take(const struct cli *cli, struct parser *p, size_t i, struct err *e)
{
    const struct option_row *row = p->rows[i];
    char *slot = p->slots[i] + row->slot;

    if (row->kind == OPTION_FLAG) {
        *(bool *)slot = true;
        return 0;
    }
    if (check_value(cli, row, optarg, e) < 0)
        return -1;
    if (row->kind == OPTION_LIST)
        return append((struct option_list *)slot, optarg, row->name, e);
    if (check_once(cli, p, i, e) < 0)
        return -1;
    *(const char **)slot = optarg != NULL ? optarg : "";
    return 0;
}

/* Takes the options; the operands are at optind and after it. */
static int take_options(struct cli *cli, struct parser *p, int argc, char **argv, struct err *e)
{
    int found;

    opterr = 0;
    optind = 0; /* GNU: start afresh */
    while ((found = getopt_long(argc, argv, p->letters, p->longs, NULL)) != -1) {
        size_t row = row_of(p, found);

        if (found == ':')
            return err_set(e, ERR_USAGE, "%s: %s needs a value", words_of(cli), argv[optind - 1]);
        if (found == '?' && optopt != 0 && optopt < FIRST_LONG)
            return err_set(e, ERR_USAGE, "%s: there is no option -%c", words_of(cli), optopt);
        if (found == '?' || row >= p->n)
            return err_set(e, ERR_USAGE, "%s: there is no option %s", words_of(cli),
                           argv[optind - 1]);
        if (take(cli, p, row, e) < 0)
            return -1;
    }
    return cli_set_color(cli, e);
}

/* One operand from the words that are left; how many it takes, -1 when it lacks one. */
static int take_operand(struct cli *cli, const struct option_row *row, int argc, char **argv,
                        char *slots, struct err *e)
{
    const char **slot = (const char **)(slots + row->slot);

    if (row->kind == OPERAND_DISK && cli->disk != NULL) {
        *slot = cli->disk;
        return 0;
    }
    if (argc == 0 && row->kind == OPERAND_OPTIONAL)
        return 0;
    if (argc == 0)
        return err_set(e, ERR_USAGE, "%s: expected %s", words_of(cli), row->name);
    if (row->kind != OPERAND_LIST) {
        *slot = argv[0];
        return check_value(cli, row, argv[0], e) < 0 ? -1 : 1;
    }
    for (int i = 0; i < argc; i++)
        if (check_value(cli, row, argv[i], e) < 0 ||
            append((struct option_list *)(slots + row->slot), argv[i], row->name, e) < 0)
            return -1;
    return argc;
}

static int take_operands(struct cli *cli, int argc, char **argv, char *slots, struct err *e)
{
    const struct option_row *row;
    int at = 0;

    for (row = cli->command->options; row->kind != OPTION_END; row++) {
        int used =
            option_is_operand(row) ? take_operand(cli, row, argc - at, argv + at, slots, e) : 0;

        if (used < 0)
            return -1;
        at += used;
    }
    if (at < argc)
        return err_set(e, ERR_USAGE, "%s: \"%s\" is one word too many", words_of(cli), argv[at]);
    return 0;
}

/* Lists and flags are never required, so what is missing is a NULL text. */
static int check_required(const struct cli *cli, const char *slots, struct err *e)
{
    const struct option_row *row;

    for (row = cli->command->options; row->kind != OPTION_END; row++)
        if (row->required && *(const char *const *)(slots + row->slot) == NULL)
            return err_set(e, ERR_USAGE, "%s: --%s is missing", words_of(cli), row->name);
    return 0;
}

/* "disk show DISK [--output LIST]", made from the command's options. */
static void command_synopsis(const struct command *command, char *buf, size_t len)
{
    size_t fill = (size_t)snprintf(buf, len, "%s", command->words);

    for (const struct option_row *row = command->options; row->kind != OPTION_END; row++) {
        char one[80];

        option_synopsis(row, one, sizeof(one));
        if (fill < len)
            fill += (size_t)snprintf(buf + fill, len - fill, " %s", one);
    }
}

int options_parse(struct cli *cli, int argc, char **argv, void *slots, struct err *e)
{
    struct parser parser = {.letters = ":"};
    char usage[400];

    add_rows(&parser, cli->command->options, slots);
    add_rows(&parser, common_options, cli);
    if (take_options(cli, &parser, argc, argv, e) == 0 &&
        take_operands(cli, argc - optind, argv + optind, slots, e) == 0 &&
        check_required(cli, slots, e) == 0)
        return 0;
    command_synopsis(cli->command, usage, sizeof(usage));
    return strlen(usage) > USAGE_MOST ? err_hint(e, "berth %s --help", cli->command->words)
                                      : err_hint(e, "berth %s", usage);
}

int options_parse_front(struct cli *cli, int argc, char **argv, struct err *e)
{
    struct parser parser = {.letters = "+:"};
    char *shifted[argc + 2]; /* getopt passes over the first word */

    shifted[0] = (char *)(uintptr_t) "berth";
    memcpy(shifted + 1, argv, (size_t)argc * sizeof(*argv));
    shifted[argc + 1] = NULL;
    add_rows(&parser, common_options, cli);
    return take_options(cli, &parser, argc + 1, shifted, e) < 0 ? -1 : optind - 1;
}
