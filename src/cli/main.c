// SPDX-License-Identifier: GPL-3.0-or-later
/* main.c: the program, or the first process of an initramfs. */
#include "cli/cli.h"

int main(int argc, char **argv)
{
    if (init_is_wanted(argv))
        init_main();
    return cli_main(argc, argv, false);
}
