// SPDX-License-Identifier: GPL-3.0-or-later
/* completion_zsh.c: completion for zsh: each command becomes a call of _arguments (zshcompsys(1)).
 */
#include "cli/completion.h"

#include <string.h>

static const char values[] =
    "# Suggests values of the kind that the last argument names, of the disk that the words "
    "before\n"
    "# name; what stands in front of it is compadd's.\n"
    "_berth_value() {\n"
    "    local kind=${@[-1]} disk=${(Q)${_berth_disk:-$line[1]}}\n"
    "    local -a found\n"
    "    case $kind in\n"
    "    disk) _files \"${@[1,-2]}\" ;;\n"
    "    column|attribute) compset -P '*,' ;;\n"
    "    esac\n"
    "    found=(${(f)\"$(berth complete $kind ${disk:+${disk/#\\~\\//$HOME/}} 2>/dev/null)\"})\n"
    "    compadd \"${@[1,-2]}\" -a found\n"
    "}\n";

/* Text inside a specification in single quotes: its own special characters and the shell's. */
static void print_escaped(FILE *out, const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '\'')
            fputs("'\\''", out);
        else if (strchr("[]:\\", *text) != NULL)
            fprintf(out, "\\%c", *text);
        else
            fputc(*text, out);
    }
}

/* ":SIZE:action", what completes a value. */
static void print_action(FILE *out, const struct option_row *row, const char *what)
{
    fprintf(out, ":%s:", what);
    switch (row->of) {
    case VALUE_TEXT:
        fputc(' ', out); /* nothing to suggest */
        break;
    case VALUE_WORD:
        fprintf(out, "(%s)", row->words);
        break;
    case VALUE_FILE:
        fprintf(out, "_files");
        break;
    case VALUE_FOLDER:
        fprintf(out, "_files -/");
        break;
    default:
        fprintf(out, "_berth_value %s", value_word(row->of));
    }
}

static void print_option(FILE *out, const struct option_row *row)
{
    const char *many = row->kind == OPTION_LIST ? "*" : "";
    const char *equals = completion_has_value(row) ? "=" : row->kind == OPTION_MAYBE ? "=-" : "";

    fprintf(out, "        ");
    if (row->letter != 0 && row->kind == OPTION_LIST)
        fprintf(out, "'*'{-%c,--%s%s}'", row->letter, row->name, equals);
    else if (row->letter != 0)
        fprintf(out, "'(-%c --%s)'{-%c,--%s%s}'", row->letter, row->name, row->letter, row->name,
                equals);
    else
        fprintf(out, "'%s--%s%s", many, row->name, equals);
    fputc('[', out);
    print_escaped(out, row->purpose);
    fputc(']', out);
    if (row->kind == OPTION_MAYBE)
        fputc(':', out);
    if (row->kind == OPTION_MAYBE || completion_has_value(row))
        print_action(out, row, row->value);
    fprintf(out, "'\n");
}

static void print_rows(FILE *out, const struct option_row *row)
{
    unsigned operand = 0;

    for (; row->kind != OPTION_END; row++) {
        if (row->kind == OPTION_COMMON)
            continue;
        if (!option_is_operand(row)) {
            print_option(out, row);
            continue;
        }
        fprintf(out, "        ");
        if (row->kind == OPERAND_LIST)
            fprintf(out, "'*");
        else
            fprintf(out, "$((%u - skip))'%s", ++operand, row->kind == OPERAND_OPTIONAL ? ":" : "");
        print_action(out, row, row->name);
        fprintf(out, "'\n");
    }
}

static bool takes_disk(const struct command *command)
{
    const struct option_row *row = command->options;

    while (row->kind != OPTION_END && row->kind != OPERAND_DISK)
        row++;
    return row->kind == OPERAND_DISK;
}

/* What completes the words behind one that is typed: those of a family, or a whole command's. */
static void print_rest(FILE *out, const struct command *command, const char *word, bool family)
{
    fprintf(out, "    rest:%s)\n", word);
    if (family) {
        fprintf(out, "        _berth_%s ;;\n", word);
        return;
    }
    fprintf(out, "        skip=%s\n        rows=(\n",
            takes_disk(command) ? "${_berth_disk:+1}" : "0");
    print_rows(out, command->options);
    fprintf(out, "        )\n        rows=(${rows:#0:*})\n        _arguments -s -S $_berth_common "
                 "$rows ;;\n");
}

/* The word of a command that stands behind the family's, or behind `berth` where family is NULL;
 * NULL when this command adds none. */
static const char *next_word(const struct command *c, const char *family, char *buf, size_t len)
{
    completion_first_word(c, buf, len);
    if (!completion_has(c))
        return NULL;
    if (family == NULL)
        return completion_is_new_word(c) ? buf : NULL;
    return strcmp(buf, family) == 0 ? completion_second_word(c) : NULL;
}

static void print_next(FILE *out, const char *family)
{
    for (size_t i = 0; i < n_commands; i++) {
        const struct command *c = &commands[i];
        bool head = family == NULL && completion_second_word(c) != NULL;
        char buf[32];
        const char *word = next_word(c, family, buf, sizeof(buf));

        if (word == NULL)
            continue;
        fprintf(out, "        '%s:", word);
        print_escaped(out, head ? "more commands" : c->purpose);
        fprintf(out, "'\n");
    }
}

/* The function that completes one word more: behind `berth` where family is NULL. */
static void print_function(FILE *out, const char *family)
{
    fprintf(out, "_berth%s%s() {\n    local curcontext=$curcontext state line\n",
            family != NULL ? "_" : "", family != NULL ? family : "");
    fprintf(out, "    local -A opt_args\n    local -a next rows\n    local -i skip\n");
    if (family == NULL) /* with --disk, a command has no operand DISK */
        fprintf(out, "    local _berth_disk=${words[(r)--disk=*]#--disk=}\n"
                     "    (( $words[(I)--disk] )) && _berth_disk=$words[$words[(I)--disk]+1]\n");
    fprintf(out, "    next=(\n");
    print_next(out, family);
    fprintf(out, "    )\n    _arguments -C -s -S $_berth_common '1: :->next' '*:: :->rest'\n"
                 "    case $state:$line[1] in\n    next:*)\n"
                 "        _describe -t commands command next ;;\n");
    for (size_t i = 0; i < n_commands; i++) {
        char buf[32];
        const char *word = next_word(&commands[i], family, buf, sizeof(buf));

        if (word != NULL)
            print_rest(out, &commands[i], word,
                       family == NULL && completion_second_word(&commands[i]) != NULL);
    }
    fprintf(out, "    esac\n}\n\n");
}

void completion_zsh(FILE *out)
{
    char first[32];

    fprintf(out,
            "#compdef berth\n# Completion of berth for zsh; made by `berth completion zsh`.\n\n"
            "%s\n",
            values);
    for (size_t i = 0; i < n_commands; i++)
        if (completion_second_word(&commands[i]) != NULL && completion_is_new_word(&commands[i]) &&
            completion_has(&commands[i]))
            print_function(out, completion_first_word(&commands[i], first, sizeof(first)));
    print_function(out, NULL);
    fprintf(out, "typeset -ga _berth_common\n_berth_common=(\n");
    print_rows(out, common_options);
    fprintf(out, ")\n\nif [[ $funcstack[1] == _berth ]]; then\n    _berth \"$@\"\n"
                 "else\n    compdef _berth berth\nfi\n");
}
