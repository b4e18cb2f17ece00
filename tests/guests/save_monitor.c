// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * save_monitor.c: runs a monitor until its guest has said so many dots on its serial line, has the
 * machine saved while the guest goes on, and kills it:
 *
 *     save_monitor DOTS START_MONITOR MONITOR KEY=VALUE...
 *
 * What the guest said goes to standard output. It ends with 0 when the machine was saved.
 */
#include "hypervisor/control.h"

#include <err.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define WORDS 32

static _Noreturn void become_monitor(char **words, int n, int serial, int control)
{
    char *argv[WORDS + 2], word[32];

    snprintf(word, sizeof(word), "control=%d", control);
    for (int i = 0; i < n; i++)
        argv[i] = words[i];
    argv[n] = word;
    argv[n + 1] = NULL;
    dup2(serial, STDOUT_FILENO);
    execv(argv[0], argv);
    err(1, "%s", argv[0]);
}

static void hear_dots(int serial, int dots)
{
    char byte;

    while (dots > 0) {
        if (read(serial, &byte, 1) != 1)
            errx(1, "the guest ended with %d dots to go", dots);
        (void)!write(STDOUT_FILENO, &byte, 1);
        dots -= byte == '.';
    }
}

static void save(int control)
{
    struct control_packet packet = {.kind = CONTROL_SAVE};

    if (send(control, &packet, sizeof(packet), 0) < 0)
        err(1, "the monitor's socket");
    do
        if (recv(control, &packet, sizeof(packet), 0) != sizeof(packet))
            errx(1, "the monitor ended");
    while (packet.kind != CONTROL_SAVED);
    if (packet.text[0] != '\0')
        errx(1, "%s", packet.text);
}

int main(int argc, char **argv)
{
    int control[2], serial[2];
    pid_t monitor;

    if (argc < 4 || argc - 2 > WORDS)
        errx(2, "save_monitor DOTS START_MONITOR MONITOR KEY=VALUE...");
    if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, control) < 0 || pipe(serial) < 0 ||
        (monitor = fork()) < 0)
        err(1, "a monitor");
    if (monitor == 0) {
        close(control[0]);
        close(serial[0]);
        become_monitor(argv + 2, argc - 2, serial[1], control[1]);
    }
    close(control[1]);
    close(serial[1]);
    hear_dots(serial[0], atoi(argv[1]));
    save(control[0]);
    kill(monitor, SIGKILL);
    waitpid(monitor, NULL, 0);
    return 0;
}
