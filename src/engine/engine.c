// SPDX-License-Identifier: GPL-3.0-or-later
/* engine.c: the end of an engine. */
#include "engine/engine.h"
#include "core/cleanup.h"

#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>

void engine_last_words(int fd, char *words, size_t len)
{
    char tail[1024];
    off_t end = lseek(fd, 0, SEEK_CUR);
    off_t start = end > (off_t)sizeof(tail) - 1 ? end - (off_t)sizeof(tail) + 1 : 0;
    ssize_t got = pread(fd, tail, (size_t)(end - start), start);
    char *line;

    while (got > 0 && (tail[got - 1] == '\n' || tail[got - 1] == '\r'))
        got--;
    tail[got > 0 ? got : 0] = '\0';
    line = strrchr(tail, '\n');
    snprintf(words, len, "%s", line != NULL ? line + 1 : tail);
}

/* Of a process that another one started. */
static void wait_for_end(int pidfd)
{
    struct pollfd end = {pidfd, POLLIN, 0};

    while (poll(&end, 1, -1) < 0 && errno == EINTR)
        ;
}

void engine_end(struct engine *engine, bool kill_it, int *status, char *words, size_t len)
{
    pid_t ended;

    if (kill_it)
        (void)pidfd_send_signal(engine->pidfd, SIGKILL, NULL, 0);
    *status = 0;
    while ((ended = waitpid(engine->pid, status, 0)) < 0 && errno == EINTR)
        ;
    if (ended < 0)
        wait_for_end(engine->pidfd);
    else
        engine->ops->settle(engine, *status);
    if (len > 0)
        engine_last_words(engine->words, words, len);
    cleanup_close(&engine->pidfd);
    cleanup_close(&engine->serial);
    cleanup_close(&engine->console);
    cleanup_close(&engine->words);
    engine->ops->close(engine);
}
