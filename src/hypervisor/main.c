// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * main.c: berth-monitor: reads its description, shrinks, makes the machine, shrinks further, and
 * runs it.
 *
 * It is told everything by descriptors and looks at no argument and no environment. Its exit status
 * is an enum ending; a failure before the guest runs is said on standard error.
 */
#include "hypervisor/sandbox.h"

#include <signal.h>
#include <stdio.h>
#include <unistd.h>

static struct description description;
static struct vm vm;
static struct sandbox sandbox;

int main(void)
{
    struct vm_entry entry = {sandbox_enter_cpu, sandbox_enter_loop, &sandbox, 0};
    struct err err;

    signal(SIGPIPE, SIG_IGN); /* who is at the other end of a line may end before the guest */
    if (description_read(DESCRIPTION_FD, &description, &err) < 0 ||
        sandbox_shrink(&sandbox, &description, &err) < 0 || vm_make(&vm, &description, &err) < 0 ||
        sandbox_seal(&sandbox, &vm, &err) < 0) {
        fprintf(stderr, "%s\n", err.text);
        return ENDING_FAILED;
    }
    entry.lacks = sandbox.lacks;
    _exit((int)vm_run(&vm, &entry, &err));
}
