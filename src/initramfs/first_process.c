// SPDX-License-Identifier: GPL-3.0-or-later
/* first_process.c: what an initramfs of berth's does before its work and after it. */
#include "initramfs/first_process.h"
#include "core/cleanup.h"
#include "core/io.h"
#include "initramfs/work_file.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define SYNC_SECONDS 60
#define END_SECONDS  30 /* drivers may wait for their devices meanwhile */
#define STATS_BYTES  ((size_t)1 << 20)

static void mount_all(void)
{
    static const struct {
        const char *type, *folder, *options;
    } mounts[] = {{"proc", "/proc", NULL},
                  {"sysfs", "/sys", NULL},
                  {"devtmpfs", "/dev", NULL},
                  {"tmpfs", "/run", "mode=755"},
                  {"tmpfs", "/tmp", "mode=1777,size=80%"}};

    for (size_t i = 0; i < sizeof(mounts) / sizeof(mounts[0]); i++) {
        mkdir(mounts[i].folder, 0755);
        if (mount(mounts[i].type, mounts[i].folder, mounts[i].type, 0, mounts[i].options) < 0)
            printf("berth: mounting %s: %s\n", mounts[i].folder, strerror(errno));
    }
}

static void open_console(void)
{
    int fd = open("/dev/console", O_RDWR | O_NOCTTY);

    for (int i = 0; fd >= 0 && i <= 2; i++)
        dup2(fd, i);
    if (fd > 2)
        close(fd);
    setvbuf(stdout, NULL, _IOLBF, 0);
}

/* 0 when it is loaded, now or before. */
static int load_module(const char *path)
{
    _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0 || syscall(SYS_finit_module, fd, "", 0) == 0 || errno == EEXIST)
        return 0;
    return -1;
}

/* Twice: some modules want another one that they do not name, which comes later in the list. */
static void load_modules(void)
{
    _cleanup_free_ char *list = NULL;
    struct err e;

    if (io_read_file("/" WORK_MODULES, 1 << 20, &list, NULL, &e) < 0)
        return;
    for (int pass = 0; pass < 2; pass++) {
        _cleanup_free_ char *copy = strdup(list);
        char *next = copy, *path;

        while ((path = strsep(&next, "\n")) != NULL)
            if (*path != '\0' && load_module(path) < 0 && pass == 1)
                printf("berth: %s does not load: %s\n", path, strerror(errno));
    }
}

/* In a process of its own: it never ends on a disk that no longer answers. What counts was flushed
 * before. */
static void sync_for_a_while(void)
{
    pid_t pid = fork();

    if (pid == 0) {
        sync();
        _exit(0);
    }
    for (int i = 0; i < SYNC_SECONDS * 10 && pid > 0 && waitpid(pid, NULL, WNOHANG) == 0; i++)
        usleep(100000);
}

void first_process_begin(void)
{
    mount_all();
    open_console();
    setenv("PATH", "/usr/sbin:/usr/bin:/sbin:/bin", 1);
    setenv("LC_ALL", "C", 1);
    setenv("BERTH_STATE", "/tmp", 1);
    load_modules();
}

/* Drivers get the time to put their devices to rest. One that never does is left out by the
 * kernel's emergency restart or power-off (Documentation/admin-guide/sysrq.rst). */
_Noreturn void first_process_end(int how)
{
    sync_for_a_while();
    if (fork() == 0) {
        reboot(how);
        _exit(1);
    }
    for (;;) {
        _cleanup_close_ int trigger = open("/proc/sysrq-trigger", O_WRONLY | O_CLOEXEC);
        struct err ignored;

        sleep(END_SECONDS);
        (void)io_write(trigger, how == RB_AUTOBOOT ? "b" : "o", 1, &ignored);
    }
}

/*
 * From the lines of /proc/diskstats (the kernel's Documentation/admin-guide/iostats.rst). The other
 * counters do not tell: those of time go on while a request hangs.
 */
uint64_t first_process_traffic(void)
{
    _cleanup_free_ char *text = NULL;
    char *next, *line;
    uint64_t sum = 0;
    struct err ignored;

    if (io_read_file("/proc/diskstats", STATS_BYTES, &text, NULL, &ignored) < 0)
        return 0;
    next = text;
    while ((line = strsep(&next, "\n")) != NULL) {
        unsigned long long reads, writes, discards = 0, flushes = 0;

        if (sscanf(line,
                   " %*u %*u %*s %llu %*u %*u %*u %llu %*u %*u %*u %*u %*u %*u %llu %*u %*u %*u "
                   "%llu",
                   &reads, &writes, &discards, &flushes) >= 2)
            sum += reads + writes + discards + flushes;
    }
    return sum;
}
