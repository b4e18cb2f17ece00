// SPDX-License-Identifier: GPL-3.0-or-later
/* keeper.c: berth's side. */
#include "engine/keeper.h"
#include "core/cleanup.h"
#include "core/io.h"
#include "core/jail.h"

#include <string.h>
#include <time.h>

#define ARGUMENTS_MAX 256

void keeper_init(struct keeper *keeper)
{
    memset(keeper, 0, sizeof(*keeper));
    hub_init(&keeper->hub);
    keeper->hub.foreground = true;
    keeper->since = time(NULL);
}

int keeper_was(struct keeper *keeper, bool *was, struct err *e)
{
    struct err why;

    *was = keeper_receive(keeper, &why) == 0;
    if (*was) {
        handover_install(&keeper->held);
        return 0;
    }
    keeper_init(keeper);
    if (why.code == ERR_NOT_FOUND)
        return 0;
    *e = why;
    return -1;
}

/* The words in `text` of so many bytes, each with its NUL. */
static int split(char *text, size_t bytes, char **argv, struct err *e)
{
    size_t n = 0;

    for (char *word = text; word < text + bytes; word += strlen(word) + 1) {
        if (n == ARGUMENTS_MAX - 1)
            return err_set(e, ERR_UNSUPPORTED, "more than %d arguments", ARGUMENTS_MAX - 1);
        argv[n++] = word;
    }
    argv[n] = NULL;
    return 0;
}

int keeper_become(struct keeper *keeper, const struct engine *engine, const char *path,
                  struct err *e)
{
    _cleanup_free_ char *line = NULL;
    char *argv[ARGUMENTS_MAX];
    size_t bytes;
    ssize_t len = readlink("/proc/self/exe", keeper->program, sizeof(keeper->program) - 1);

    if (len < 0)
        return err_errno(e, "/proc/self/exe");
    keeper->program[len] = '\0';
    if (io_read_file("/proc/self/cmdline", 1 << 20, &line, &bytes, e) < 0 ||
        split(line, bytes, argv, e) < 0)
        return -1;
    if (jail_close_inherited(e) < 0)
        return -1;
    keeper->pid = engine->pid;
    keeper->net = engine->net;
    keeper->pidfd = engine->pidfd;
    keeper->serial = engine->serial;
    keeper->console = engine->console;
    keeper->machine = engine->machine;
    keeper->words = engine->words;
    return keeper_pass(keeper, path, argv, e);
}
