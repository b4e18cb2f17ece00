// SPDX-License-Identifier: GPL-3.0-or-later
/* cmd_completion.c: berth completion bash | zsh | fish. */
#include "cli/cli.h"
#include "cli/completion.h"
#include "cli/options.h"

#include <string.h>

struct completion_options {
    const char *shell;
};

const struct option_row cmd_completion_options[] = {
    ROW_VALUE(OPERAND, "SHELL", NULL, WORD, offsetof(struct completion_options, shell),
              "bash, zsh or fish", .words = "bash zsh fish"),
    ROW_END,
};

int cmd_completion(struct cli *cli, int argc, char **argv, struct err *e)
{
    static const struct {
        const char *name;
        void (*print)(FILE *out);
    } shells[] = {{"bash", completion_bash}, {"zsh", completion_zsh}, {"fish", completion_fish}};
    struct completion_options options = {0};

    if (options_parse(cli, argc, argv, &options, e) < 0)
        return -1;
    for (size_t i = 0; i < sizeof(shells) / sizeof(shells[0]); i++) {
        if (strcmp(options.shell, shells[i].name) != 0)
            continue;
        shells[i].print(stdout);
        return 0;
    }
    return err_set(e, ERR_USAGE, "completion %s: expected bash, zsh or fish", options.shell);
}
