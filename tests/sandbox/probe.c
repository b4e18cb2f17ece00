// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * probe.c: linked into berth-monitor-probe, a monitor that tries what its sandbox must deny.
 *
 * The environment says what: PROBE_THREAD, "cpu" or "loop"; PROBE_CALL, a row of the table below;
 * PROBE_PORT and VICTIM, what to connect to and to trace; PROBE_WITHOUT, layers to leave out. When
 * the process survives, its exit status says what came of the call: ALLOWED, or DENIED and errno.
 * It takes the way of any ending, which both lists allow.
 */
#include "hypervisor/sandbox.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { ALLOWED = 99, DENIED = 100 };

static long number(const char *name)
{
    const char *text = getenv(name);

    return text != NULL ? strtol(text, NULL, 10) : 0;
}

static bool opens(const struct vm *vm)
{
    (void)vm;
    return open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC) >= 0;
}

static bool connects(const struct vm *vm)
{
    struct sockaddr_in there = {.sin_family = AF_INET,
                                .sin_port = htons((uint16_t)number("PROBE_PORT")),
                                .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    (void)vm;
    return fd >= 0 && connect(fd, (struct sockaddr *)&there, sizeof(there)) == 0;
}

/* A program that ends with ALLOWED. */
static bool executes(const struct vm *vm)
{
    char *argv[] = {"sh", "-c", "exit 99", NULL};

    (void)vm;
    return execve("/bin/sh", argv, argv + 3) == 0;
}

static bool traces(const struct vm *vm)
{
    (void)vm;
    return ptrace(PTRACE_SEIZE, (pid_t)number("VICTIM"), NULL, NULL) == 0;
}

static bool maps_code(const struct vm *vm)
{
    (void)vm;
    return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) !=
           MAP_FAILED;
}

/* The last byte of the window, so that the descriptor and the call are known to be good, and one
 * more. Only the device loop may write at all. */
static bool writes_outside(const struct vm *vm)
{
    const struct storage_range *range = &vm->description->ranges[0];

    return pwrite(range->fd, "xy", 2, (off_t)(range->at + range->bytes - 1)) == 2;
}

static bool writes_inside(const struct vm *vm)
{
    const struct storage_range *range = &vm->description->ranges[0];

    return pwrite(range->fd, "xy", 2, (off_t)(range->at + range->bytes - 2)) == 2;
}

/* So many bytes from the window's last block on, by the descriptor that goes past the page cache.
 */
static bool writes_direct(const struct vm *vm, size_t bytes)
{
    static uint8_t blocks[2 * STORAGE_ALIGNED] __attribute__((aligned(STORAGE_ALIGNED)));
    const struct storage_range *range = &vm->description->ranges[0];
    uint64_t last = range->at + range->bytes - STORAGE_ALIGNED;

    memset(blocks, 'd', sizeof(blocks));
    return pwrite(range->direct, blocks, bytes, (off_t)last) == (ssize_t)bytes;
}

static bool writes_direct_outside(const struct vm *vm)
{
    return writes_direct(vm, 2 * STORAGE_ALIGNED);
}

static bool writes_direct_inside(const struct vm *vm)
{
    return writes_direct(vm, STORAGE_ALIGNED);
}

/* Two places of memory, from so many bytes before the window's end on. */
static bool writes_list(const struct vm *vm, unsigned before)
{
    const struct storage_range *range = &vm->description->ranges[0];
    struct iovec places[] = {{"x", 1}, {"y", 1}};

    return pwritev(range->fd, places, 2, (off_t)(range->at + range->bytes - before)) == 2;
}

static bool writes_list_outside(const struct vm *vm)
{
    return writes_list(vm, 1);
}

static bool writes_list_inside(const struct vm *vm)
{
    return writes_list(vm, 2);
}

static bool punches_behind(const struct vm *vm)
{
    const struct storage_range *range = &vm->description->ranges[0];

    return fallocate(range->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                     (off_t)(range->at + range->bytes), 4096) == 0;
}

static bool makes_a_machine(const struct vm *vm)
{
    return ioctl(vm->fd, KVM_CREATE_VCPU, 9) >= 0;
}

static bool forks(const struct vm *vm)
{
    pid_t pid = fork();

    (void)vm;
    if (pid == 0)
        _exit(0);
    return pid > 0;
}

static const struct {
    const char *name;
    bool (*does)(const struct vm *vm);
} calls[] = {
    {"open", opens},
    {"connect", connects},
    {"exec", executes},
    {"ptrace", traces},
    {"mmap exec", maps_code},
    {"pwrite outside", writes_outside},
    {"pwrite inside", writes_inside},
    {"direct pwrite outside", writes_direct_outside},
    {"direct pwrite inside", writes_direct_inside},
    {"pwritev outside", writes_list_outside},
    {"pwritev inside", writes_list_inside},
    {"punch outside", punches_behind},
    {"make a processor", makes_a_machine},
    {"fork", forks},
};

bool probe_leaves_out(const char *layer)
{
    const char *without = getenv("PROBE_WITHOUT");

    return without != NULL && strstr(without, layer) != NULL;
}

void probe_try(const char *thread, const struct vm *vm)
{
    const char *wanted = getenv("PROBE_CALL"), *where = getenv("PROBE_THREAD");
    struct outcome *outcome = vm->cpus.outcome;

    if (wanted == NULL || where == NULL || strcmp(where, thread) != 0)
        return;
    for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
        if (strcmp(wanted, calls[i].name) == 0)
            outcome_set(outcome, (enum ending)(calls[i].does(vm) ? ALLOWED : DENIED + errno), NULL);
}
