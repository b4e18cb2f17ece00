// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * completion_bash.c: completion for bash, without the help of the bash-completion package.
 *
 * The tables become one case statement that sets, for a command, its options, which kind of value
 * each wants, and the kinds of its operands; a fixed part walks over the words typed so far.
 */
#include "cli/completion.h"

#include <string.h>

static const char driver[] =
    "# Sets plain to the word $1 without its quotes, and quote to one that is still open.\n"
    "_berth_plain() {\n"
    "    local c i\n"
    "    plain= quote=\n"
    "    for ((i = 0; i < ${#1}; i++)); do\n"
    "        c=${1:i:1}\n"
    "        if [[ $c == \\\\ && $quote != \\' ]]; then\n"
    "            ((++i)) && plain+=${1:i:1}\n"
    "        elif [[ -n $quote && $c == \"$quote\" ]]; then\n"
    "            quote=\n"
    "        elif [[ -z $quote && $c == [\\'\\\"] ]]; then\n"
    "            quote=$c\n"
    "        else\n"
    "            plain+=$c\n"
    "        fi\n"
    "    done\n"
    "}\n"
    "\n"
    "_berth_suggest() {\n"
    "    local kind=$1 cur line before= plain quote\n"
    "    _berth_plain \"$2\"\n"
    "    cur=$plain\n"
    "    case $kind in\n"
    "    file | disk) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- \"$cur\") ;;\n"
    "    folder) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- \"$cur\") ;;\n"
    "    esac\n"
    "    case $kind in\n"
    "    '' | text | file | folder) return ;;\n"
    "    word:*)\n"
    "        mapfile -t COMPREPLY < <(compgen -W \"${kind#word:}\" -- \"$cur\")\n"
    "        return ;;\n"
    "    column | attribute) [[ $cur == *,* ]] && before=${cur%,*}, ;;\n"
    "    esac\n"
    "    while IFS= read -r line; do\n"
    "        [[ $before$line == \"$cur\"* ]] || continue\n"
    "        [[ -n $quote || $kind == disk ]] || printf -v line %q \"$line\"\n"
    "        COMPREPLY+=(\"$before$line\")\n"
    "    done < <(berth complete \"$kind\" ${disk:+\"$disk\"} 2>/dev/null)\n"
    "}\n"
    "\n"
    "# Sets kind to what the option $1 wants behind it; empty when it wants nothing.\n"
    "_berth_kind() {\n"
    "    local pair\n"
    "    kind=\n"
    "    while IFS= read -r pair; do\n"
    "        [[ $pair == \"$1=\"* ]] && kind=${pair#*=}\n"
    "    done <<<\"$common_values\"$'\\n'\"$values\"\n"
    "}\n"
    "\n"
    "# With --disk, a command has no operand DISK.\n"
    "_berth_drop_disk() {\n"
    "    [[ -z $named || ${operands[0]} != disk ]] || operands=(\"${operands[@]:1}\")\n"
    "}\n"
    "\n"
    "_berth() {\n"
    "    local cur=${COMP_WORDS[COMP_CWORD]} word command= disk= named= kind= whole= i n=0\n"
    "    local next= options= values= common common_values plain quote\n"
    "    local -a operands=()\n"
    "    COMPREPLY=()\n"
    "    [[ $cur == = ]] && cur=\n"
    "    _berth_common\n"
    "    _berth_command ''\n"
    "    for ((i = 1; i < COMP_CWORD; i++)); do\n"
    "        word=${COMP_WORDS[i]}\n"
    "        case $word in\n"
    "        =) ;;\n"
    "        -*)\n"
    "            _berth_kind \"$word\"\n"
    "            if [[ ${COMP_WORDS[i + 1]} == = ]]; then\n"
    "                ((i++))\n"
    "            elif [[ $kind == maybe:* ]]; then\n"
    "                kind=\n"
    "            fi\n"
    "            kind=${kind#maybe:}\n"
    "            [[ -n $kind ]] || continue\n"
    "            if ((++i < COMP_CWORD)) && [[ $word == --disk ]]; then\n"
    "                disk=${COMP_WORDS[i]} named=1\n"
    "                _berth_drop_disk\n"
    "            fi ;;\n"
    "        *)\n"
    "            if [[ -n $whole ]]; then\n"
    "                [[ ${operands[n]%...} == @(disk|command) && -z $disk ]] && disk=$word\n"
    "                [[ ${operands[n]} == *... ]] || ((n++))\n"
    "            else\n"
    "                command=${command:+$command }$word\n"
    "                _berth_command \"$command\"\n"
    "                _berth_drop_disk\n"
    "            fi ;;\n"
    "        esac\n"
    "    done\n"
    "    _berth_plain \"$disk\"\n"
    "    disk=${plain/#\\~\\//$HOME/}\n"
    "    if ((i > COMP_CWORD)) || [[ ${COMP_WORDS[COMP_CWORD]} == = && -n $kind ]]; then\n"
    "        _berth_suggest \"$kind\" \"$cur\"\n"
    "    elif [[ $cur == -* ]]; then\n"
    "        mapfile -t COMPREPLY < <(compgen -W \"$options $common\" -- \"$cur\")\n"
    "    elif [[ -n $whole ]]; then\n"
    "        _berth_suggest \"${operands[n]%...}\" \"$cur\"\n"
    "    else\n"
    "        mapfile -t COMPREPLY < <(compgen -W \"$next\" -- \"$cur\")\n"
    "    fi\n"
    "}\n"
    "\n"
    "complete -F _berth berth\n";

static void print_kind(FILE *out, const struct option_row *row)
{
    if (row->of == VALUE_WORD)
        fprintf(out, "word:%s", row->words);
    else
        fprintf(out, "%s", value_word(row->of));
}

static void print_names(FILE *out, const struct option_row *row)
{
    const char *before = "";

    for (; row->kind != OPTION_END; row++) {
        if (option_is_operand(row) || row->kind == OPTION_COMMON)
            continue;
        fprintf(out, "%s--%s", before, row->name);
        before = " ";
        if (row->letter != 0)
            fprintf(out, " -%c", row->letter);
    }
}

/* A line "--option=kind" for each option that wants a value; "maybe:" before the kind where it
 * takes one behind "=" only. */
static void print_values(FILE *out, const struct option_row *row)
{
    const char *before = "";

    for (; row->kind != OPTION_END; row++) {
        if (!completion_has_value(row) && row->kind != OPTION_MAYBE)
            continue;
        fprintf(out, "%s--%s=%s", before, row->name, row->kind == OPTION_MAYBE ? "maybe:" : "");
        print_kind(out, row);
        before = "\n";
        if (row->letter != 0) {
            fprintf(out, "\n-%c=", row->letter);
            print_kind(out, row);
        }
    }
}

static void print_operands(FILE *out, const struct option_row *row)
{
    const char *before = "";

    for (; row->kind != OPTION_END; row++) {
        if (!option_is_operand(row))
            continue;
        fprintf(out, "%s'", before);
        print_kind(out, row);
        fprintf(out, "%s'", row->kind == OPERAND_LIST ? "..." : "");
        before = " ";
    }
}

static void print_command(FILE *out, const struct command *command)
{
    fprintf(out, "    '%s')\n        whole=1\n        options='", command->words);
    print_names(out, command->options);
    fprintf(out, "'\n        values='");
    print_values(out, command->options);
    fprintf(out, "'\n        operands=(");
    print_operands(out, command->options);
    fprintf(out, ") ;;\n");
}

/* What may follow nothing, or the first word of commands of two. */
static void print_next(FILE *out)
{
    fprintf(out, "    '') next='");
    for (size_t i = 0; i < n_commands; i++) {
        char word[32];

        if (completion_has(&commands[i]) && completion_is_new_word(&commands[i]))
            fprintf(out, "%s%s", i > 0 ? " " : "",
                    completion_first_word(&commands[i], word, sizeof(word)));
    }
    fprintf(out, "' ;;\n");
}

static void print_family(FILE *out, const struct command *head)
{
    char word[32], other[32];

    completion_first_word(head, word, sizeof(word));
    fprintf(out, "    '%s') next='", word);
    for (size_t i = 0; i < n_commands; i++) {
        const char *second = completion_second_word(&commands[i]);

        if (second != NULL && completion_has(&commands[i]) &&
            strcmp(completion_first_word(&commands[i], other, sizeof(other)), word) == 0)
            fprintf(out, "%s%s", &commands[i] != head ? " " : "", second);
    }
    fprintf(out, "' ;;\n");
}

void completion_bash(FILE *out)
{
    fprintf(out, "# Completion of berth for bash; made by `berth completion bash`.\n\n"
                 "_berth_common() {\n    common='");
    print_names(out, common_options);
    fprintf(out, "'\n    common_values='");
    print_values(out, common_options);
    fprintf(out, "'\n}\n\n# Sets what is known of the command $1, which may be half of one.\n"
                 "_berth_command() {\n    next= options= values= whole= operands=()\n"
                 "    case $1 in\n");
    print_next(out);
    for (size_t i = 0; i < n_commands; i++) {
        if (!completion_has(&commands[i]))
            continue;
        if (completion_second_word(&commands[i]) != NULL && completion_is_new_word(&commands[i]))
            print_family(out, &commands[i]);
        print_command(out, &commands[i]);
    }
    fprintf(out, "    esac\n}\n\n%s", driver);
}
