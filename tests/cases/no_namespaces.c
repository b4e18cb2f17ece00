// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * no_namespaces.c: becomes another program where nobody gets a namespace:
 *
 *     no_namespaces PROGRAM ARGUMENT...
 *
 * As root: the bound on namespaces counts for a user namespace and what is in it, so one is made,
 * in which every id is itself, and the host's bound stays.
 */
#include <err.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void write_text(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);

    if (fd < 0 || write(fd, text, strlen(text)) < 0)
        err(1, "%s", path);
    close(fd);
}

/* Maps every id to itself, from outside, once the parent has left the namespace. */
static _Noreturn void map_ids(int told)
{
    char path[64], byte;

    if (read(told, &byte, 1) != 1)
        _exit(1);
    for (int i = 0; i < 2; i++) {
        snprintf(path, sizeof(path), "/proc/%d/%s", getppid(), i == 0 ? "gid_map" : "uid_map");
        write_text(path, "0 0 4294967295");
    }
    _exit(0);
}

int main(int argc, char **argv)
{
    int tell[2], status;
    pid_t helper;

    if (argc < 2)
        errx(2, "no_namespaces PROGRAM ARGUMENT...");
    if (pipe2(tell, O_CLOEXEC) < 0 || (helper = fork()) < 0)
        err(1, "a helper");
    if (helper == 0)
        map_ids(tell[0]);
    if (unshare(CLONE_NEWUSER) < 0 || write(tell[1], "x", 1) != 1 ||
        waitpid(helper, &status, 0) < 0 || status != 0)
        err(1, "a user namespace");
    write_text("/proc/sys/user/max_user_namespaces", "0");
    execvp(argv[1], argv + 1);
    err(1, "%s", argv[1]);
}
