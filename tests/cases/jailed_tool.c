// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * jailed_tool.c: takes the place of grub-fstest, as one that was taken over by what it read would:
 * tries what it must not be able to, says on standard error which of it worked, and fails.
 *
 *     jailed_tool -- IMAGE COMMAND ...
 */
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define FDS    1024
#define BEHIND ((off_t)303 << 20) /* the partition starts at 3 MiB and has 300 MiB */

static void tried(const char *what, bool worked)
{
    fprintf(stderr, "%s %s, ", what, worked ? "works" : "denied");
}

/* Past the window, in the file that holds the partition: what is not its own there is all "o". */
static bool reads_outside(void)
{
    char byte = '\0';

    for (int fd = STDERR_FILENO + 1; fd < FDS && byte != 'o'; fd++)
        if (pread(fd, &byte, 1, 0) < 1 && pread(fd, &byte, 1, BEHIND) < 1)
            (void)!read(fd, &byte, 1);
    return byte == 'o';
}

static bool writes(void)
{
    for (int fd = STDERR_FILENO + 1; fd < FDS; fd++)
        if (pwrite(fd, "x", 1, 0) == 1 || write(fd, "x", 1) == 1)
            return true;
    return false;
}

int main(int argc, char **argv)
{
    char start[4] = "";
    int image;
    pid_t pid;

    tried("outside", reads_outside());
    tried("write", writes());
    tried("open", open("/etc/passwd", O_RDONLY) >= 0 || open("/proc/self/maps", O_RDONLY) >= 0);
    tried("socket", socket(AF_UNIX, SOCK_STREAM, 0) >= 0);
    pid = fork();
    if (pid == 0)
        _exit(0);
    tried("fork", pid > 0);
    image = argc > 2 ? open(argv[2], O_RDONLY) : -1;
    fprintf(stderr, "its image %s\n",
            image >= 0 && pread(image, start, 4, 0) == 4 && start[0] == 'X' ? "is there"
                                                                            : "is not");
    return 1;
}
