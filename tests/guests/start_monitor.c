// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * start_monitor.c: builds a run description from words on the command line and becomes the monitor:
 *
 *     start_monitor MONITOR KEY=VALUE...
 *
 * kernel= payload= initrd= disk= direct= overlay= state= are paths; serial= console= net= control=
 * numbers of open descriptors; memory= is MiB; cpus= append= name= stream= (of the network: 0 for a
 * tap) and restore= (1: goes on from state) as they say. Without serial= it is standard output;
 * without control= one that nobody listens on.
 *
 * How it is started: uid= becomes that user; window=AT+BYTES: the guest's disk is these bytes of
 * disk=; victim= a descriptor: there is a process that the monitor could trace, its id in the
 * environment's VICTIM, until that descriptor ends.
 */
#include "core/overlay_store.h"
#include "hypervisor/description.h"

#include <err.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

static struct description d = {.magic = DESCRIPTION_MAGIC,
                               .memory = 64,
                               .cpus = 1,
                               .kernel = -1,
                               .payload = -1,
                               .initrd = -1,
                               .serial = -1,
                               .console = -1,
                               .control = -1,
                               .state = -1,
                               .net = -1,
                               .mac = {0x52, 0x54, 0x00, 0x12, 0x34, 0x56},
                               .rng = 1,
                               .overlay = -1,
                               .overlay_map = -1};

static struct {
    uid_t uid;
    int victim;
} how = {.victim = -1};

/* Above what the description's own descriptor takes. */
static int open_high(const char *path, int flags)
{
    int fd = open(path, flags), high;

    if (fd < 0)
        err(1, "%s", path);
    high = fcntl(fd, F_DUPFD, 10);
    close(fd);
    return high;
}

static void set_disk(const char *path)
{
    int fd = open_high(path, O_RDWR);

    d.disk_bytes = (uint64_t)lseek(fd, 0, SEEK_END);
    d.sector = 512;
    d.n_ranges = 1;
    d.ranges[0] = (struct storage_range){.bytes = d.disk_bytes, .fd = fd};
}

/* As berth opens a device. */
static void set_direct(const char *path)
{
    d.ranges[0].direct = open_high(path, O_RDWR | O_DIRECT);
}

static void set_overlay(const char *path)
{
    struct overlay_map head = {.bytes = d.disk_bytes, .below_bytes = d.disk_bytes};
    int map = memfd_create("map", 0);

    d.overlay = open_high(path, O_RDWR);
    d.overlay_map = fcntl(map, F_DUPFD, 10);
    if (write(map, &head, sizeof(head)) < 0 ||
        ftruncate(map, (off_t)overlay_map_bytes(d.disk_bytes)) < 0)
        err(1, "the map");
    close(map);
}

static void set_window(const char *text)
{
    char *plus;

    d.ranges[0].at = strtoull(text, &plus, 10);
    d.ranges[0].bytes = d.disk_bytes = strtoull(plus, NULL, 10);
}

/* A descriptor as the monitor wants it: beyond 3, never waiting. */
static int descriptor(const char *number)
{
    int fd = fcntl(atoi(number), F_DUPFD, 10);

    if (fd < 0)
        err(1, "descriptor %s", number);
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    return fd;
}

static void set(const char *key, const char *value)
{
    const struct {
        const char *key;
        int32_t *fd;
    } files[] = {{"kernel", &d.kernel}, {"payload", &d.payload}, {"initrd", &d.initrd}},
      numbers[] = {
          {"serial", &d.serial}, {"console", &d.console}, {"net", &d.net}, {"control", &d.control}};

    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
        if (strcmp(files[i].key, key) == 0)
            *files[i].fd = open_high(value, O_RDONLY);
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        if (strcmp(numbers[i].key, key) == 0)
            *numbers[i].fd = descriptor(value);
    if (strcmp(key, "disk") == 0)
        set_disk(value);
    if (strcmp(key, "direct") == 0)
        set_direct(value);
    if (strcmp(key, "overlay") == 0)
        set_overlay(value);
    if (strcmp(key, "window") == 0)
        set_window(value);
    if (strcmp(key, "uid") == 0)
        how.uid = (uid_t)atoi(value);
    if (strcmp(key, "victim") == 0)
        how.victim = atoi(value);
    if (strcmp(key, "state") == 0)
        d.state = open_high(value, O_RDWR);
    if (strcmp(key, "restore") == 0)
        d.restore = (uint8_t)atoi(value);
    if (strcmp(key, "memory") == 0)
        d.memory = strtoull(value, NULL, 10);
    if (strcmp(key, "cpus") == 0)
        d.cpus = (uint32_t)atoi(value);
    if (strcmp(key, "append") == 0)
        snprintf(d.command_line, sizeof(d.command_line), "%s", value);
    if (strcmp(key, "net") == 0 && d.net_kind == DESCRIPTION_NET_NONE)
        d.net_kind = DESCRIPTION_NET_STREAM;
    if (strcmp(key, "stream") == 0)
        d.net_kind = atoi(value) != 0 ? DESCRIPTION_NET_STREAM : DESCRIPTION_NET_TAP;
}

/* ---- who starts it ---- */

/* What has called exec since its ids changed can be traced by its equals. */
static void start_victim(int until)
{
    int started[2];
    char id[16], byte;
    pid_t pid;

    if (pipe2(started, O_CLOEXEC) < 0 || (pid = fork()) < 0)
        err(1, "a victim");
    if (pid == 0) {
        dup2(until, STDIN_FILENO);
        execlp("cat", "cat", NULL);
        _exit(1);
    }
    close(started[1]);
    (void)!read(started[0], &byte, 1); /* ends when exec has closed the other end */
    snprintf(id, sizeof(id), "%d", pid);
    setenv("VICTIM", id, 1);
}

static void become(void)
{
    if (how.uid != 0 && (setgroups(0, NULL) < 0 || setresgid(how.uid, how.uid, how.uid) < 0 ||
                         setresuid(how.uid, how.uid, how.uid) < 0))
        err(1, "user %u", how.uid);
    if (how.victim >= 0)
        start_victim(how.victim);
}

int main(int argc, char **argv)
{
    int memory = memfd_create("description", 0), ends[2];

    if (argc < 2 || memory < 0)
        errx(2, "start_monitor MONITOR KEY=VALUE...");
    d.kvm = open_high("/dev/kvm", O_RDWR);
    for (int i = 2; i < argc; i++) {
        char *equals = strchr(argv[i], '=');

        if (equals == NULL)
            errx(2, "%s: expected KEY=VALUE", argv[i]);
        *equals = '\0';
        set(argv[i], equals + 1);
    }
    d.memory <<= 20;
    if (d.serial < 0)
        d.serial = descriptor("1");
    if (d.control < 0 && socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends) == 0)
        d.control = fcntl(ends[0], F_DUPFD, 10);
    if (getrandom(d.seed, sizeof(d.seed), 0) < 0 || getrandom(d.place, sizeof(d.place), 0) < 0 ||
        getrandom(d.generation, sizeof(d.generation), 0) < 0)
        err(1, "getrandom");
    if (write(memory, &d, sizeof(d)) != (ssize_t)sizeof(d) || dup2(memory, DESCRIPTION_FD) < 0)
        err(1, "the description");
    become();
    execl(argv[1], "berth-monitor", NULL);
    err(1, "%s", argv[1]);
}
