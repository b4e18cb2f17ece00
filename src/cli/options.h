// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * options.h: what a command can be told, as a table. Parsing, --help, the synopsis and the shells'
 * completion are all made from it, so none of them knows an option that another does not.
 *
 * A command `cmd_x` of command.def has its rows in `const struct option_row cmd_x_options[]`, which
 * ends with ROW_END, and a struct whose members the rows' slots are.
 */
#ifndef BERTH_CLI_OPTIONS_H
#define BERTH_CLI_OPTIONS_H

#include "core/err.h"

#include <stdbool.h>
#include <stddef.h>

struct cli;

enum option_kind {
    OPTION_END,       /* behind the last row */
    OPTION_FLAG,      /* slot: bool */
    OPTION_TEXT,      /* slot: const char *; given once at most */
    OPTION_LIST,      /* slot: struct option_list, all of them in order */
    OPTION_MAYBE,     /* slot: const char *, "" when given without =VALUE; once at most */
    OPTION_COMMON,    /* an option of every command, named here since this one has a use for it */
    OPERAND,          /* slot: const char * */
    OPERAND_DISK,     /* the same; --disk D says it as well */
    OPERAND_OPTIONAL, /* slot: const char *, NULL when it is not given; after all OPERANDs */
    OPERAND_LIST,     /* slot: struct option_list: one or more; the last operand */
};

enum value_kind {
#define VALUE(kind, word) VALUE_##kind,
#include "cli/value.def"
#undef VALUE
};

#define OPTION_LIST_MAX 256

struct option_list {
    const char *items[OPTION_LIST_MAX];
    size_t n;
};

struct option_row {
    enum option_kind kind;
    const char *name;    /* "no-reboot", without the dashes; of an operand what help calls it */
    const char *value;   /* what help calls the option's value: "SIZE" */
    enum value_kind of;  /* what to suggest for the value or the operand */
    const char *words;   /* of VALUE_WORD: "auto kvm qemu" */
    size_t slot;         /* offsetof in the command's struct */
    const char *purpose; /* for --help: lower case, no full stop */
    char letter;         /* the short form, or 0 */
    bool required;       /* the command fails without this OPTION_TEXT */
    bool empty;          /* its value may be "", which says something */
};

/*
 * Rows. of is the second part of a VALUE_ name; what may follow are designated members that few
 * rows have: .letter = 'o', .required = true.
 */
#define ROW_FLAG(name_, slot_, purpose_, ...)                                                      \
    {                                                                                              \
        .kind = OPTION_FLAG, .name = name_, .slot = slot_, .purpose = purpose_, __VA_ARGS__        \
    }
#define ROW_VALUE(kind_, name_, value_, of_, slot_, purpose_, ...)                                 \
    {                                                                                              \
        .kind = kind_, .name = name_, .value = value_, .of = VALUE_##of_, .slot = slot_,           \
        .purpose = purpose_, __VA_ARGS__                                                           \
    }
#define ROW_TEXT(...) ROW_VALUE(OPTION_TEXT, __VA_ARGS__)
#define ROW_LIST(...) ROW_VALUE(OPTION_LIST, __VA_ARGS__)
#define ROW_WORD(name, value, words_, slot, purpose, ...)                                          \
    ROW_VALUE(OPTION_TEXT, name, value, WORD, slot, purpose, .words = words_, __VA_ARGS__)
#define ROW_COMMON(name_)                                                                          \
    {                                                                                              \
        .kind = OPTION_COMMON, .name = name_                                                       \
    }
#define ROW_DISK(slot)                                                                             \
    ROW_VALUE(OPERAND_DISK, "DISK", NULL, DISK, slot, "a device or an image file")
#define ROW_OPERAND(name, of, slot, purpose, ...)                                                  \
    ROW_VALUE(OPERAND, name, NULL, of, slot, purpose, __VA_ARGS__)
#define ROW_OPERAND_OPTIONAL(name, of, slot, purpose, ...)                                         \
    ROW_VALUE(OPERAND_OPTIONAL, name, NULL, of, slot, purpose, __VA_ARGS__)
#define ROW_OPERAND_LIST(name, of, slot, purpose, ...)                                             \
    ROW_VALUE(OPERAND_LIST, name, NULL, of, slot, purpose, __VA_ARGS__)
#define ROW_END                                                                                    \
    {                                                                                              \
        .kind = OPTION_END                                                                         \
    }

/* The options that all commands have; their slots are members of struct cli. */
extern const struct option_row common_options[];

bool option_is_operand(const struct option_row *row);

/* The common option of that name, or the row at their end. */
const struct option_row *option_common(const char *name);

/* "NAME", "[NAME]", "NAME...", "--option VALUE", "[--option VALUE]..." */
void option_synopsis(const struct option_row *row, char *buf, size_t len);

/* "disk", "partition", as `berth complete` knows the kind. */
const char *value_word(enum value_kind kind);

/* Parses argv (argv[0] is the command's last word) by the rows of cli->command and those all
 * commands have. `slots` is the command's struct, zeroed or with its defaults; NULL where it has
 * none. What is put there stays argv's. ERR_USAGE names the word that is wrong. */
int options_parse(struct cli *cli, int argc, char **argv, void *slots, struct err *e);

/* Takes common options from the front of argv. Returns the index of the first other word, which may
 * be argc; -1 on failure. */
int options_parse_front(struct cli *cli, int argc, char **argv, struct err *e);

#endif
