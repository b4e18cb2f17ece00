// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * block_load.c: reads and writes a disk from inside a guest, past the guest's cache, and says for
 * each load how it went. Static: the guest has no libraries.
 *
 *     block_load DEVICE MILLISECONDS FLUSHES
 *
 * A load takes so long, and longer until it has had LEAST requests: what its begin and end cost is
 * then little of it.
 *
 * A line before each load, to be answered with an empty one when the host's page cache has nothing
 * of the disk; one when it begins; and one after it, which ends with operations, how many of them a
 * second, and the microseconds that 99 of 100 took at most:
 *
 *     BENCH ready read-4k-1
 *     BENCH begin read-4k-1
 *     BENCH load read-4k-1 1234 2468.0 812
 *
 * Then as many writes that are flushed one by one, and "BENCH flushed N".
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define KIB     1024U
#define DEPTH   16
#define SAMPLES (1 << 16)
#define PAGE    4096U
#define HUGE    (2048 * KIB)
#define LEAST   256
#define STRIDE  577 /* pages, odd */
#define ALL     (DEPTH * 1024 * KIB)

static const struct load {
    const char *name;
    unsigned bytes, depth; /* of a request; requests at once */
    bool write, random, scattered;
} loads[] = {
    {"read-4k-1", 4 * KIB, 1, false, true, false},
    {"write-4k-1", 4 * KIB, 1, true, true, false},
    {"read-4k-16", 4 * KIB, 16, false, true, false},
    {"write-4k-16", 4 * KIB, 16, true, true, false},
    {"read-1m-1", 1024 * KIB, 1, false, false, false},
    {"write-1m-1", 1024 * KIB, 1, true, false, false},
    {"read-1m-4", 1024 * KIB, 4, false, false, false},
    {"write-1m-4", 1024 * KIB, 4, true, false, false},
    {"read-1m-scattered", 1024 * KIB, 1, false, false, true},
    {"write-1m-scattered", 1024 * KIB, 1, true, false, true},
};

static struct disk {
    int fd;
    uint64_t bytes;
    uint8_t *huge, *scattered; /* memory for DEPTH requests: in huge pages, and in small ones */
} disk;

static uint32_t took_us[SAMPLES];

static uint64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000U + (uint64_t)t.tv_nsec;
}

static uint64_t next_random(void)
{
    static uint64_t state = 88172645463325252U; /* the same places in every run */

    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

/* In huge pages, or in small ones that follow each other here and not in the guest's physical
 * memory, since they are first touched in another order. */
static uint8_t *map_memory(bool huge)
{
    uint8_t *all =
        mmap(NULL, ALL + HUGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (all == MAP_FAILED)
        err(1, "memory");
    all += HUGE - (uintptr_t)all % HUGE;
    (void)madvise(all, ALL, huge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
    for (size_t i = 0; !huge && i < ALL / PAGE; i++)
        all[i * STRIDE % (ALL / PAGE) * PAGE] = 1;
    memset(all, 0x5a, ALL);
    return all;
}

/* Bytes of this process that lie in huge pages. A kernel with less than 512 MiB has none. */
static uint64_t count_huge(void)
{
    FILE *file = fopen("/proc/self/smaps_rollup", "r");
    char line[256];
    unsigned long kib = 0;

    while (file != NULL && fgets(line, sizeof(line), file) != NULL)
        if (sscanf(line, "AnonHugePages: %lu", &kib) == 1)
            break;
    if (file != NULL)
        fclose(file);
    return (uint64_t)kib * KIB;
}

struct run {
    const struct load *load;
    aio_context_t context;
    struct iocb requests[DEPTH];
    uint64_t begun[DEPTH], next;
    unsigned done;
};

static void submit(struct run *run, unsigned i)
{
    const struct load *load = run->load;
    uint64_t places = disk.bytes / load->bytes;
    uint64_t place = load->random ? next_random() % places : run->next++ % places;
    uint8_t *memory = (load->scattered ? disk.scattered : disk.huge) + (size_t)i * load->bytes;
    struct iocb *request = &run->requests[i];

    *request = (struct iocb){.aio_fildes = (uint32_t)disk.fd,
                             .aio_lio_opcode = load->write ? IOCB_CMD_PWRITE : IOCB_CMD_PREAD,
                             .aio_buf = (uintptr_t)memory,
                             .aio_nbytes = load->bytes,
                             .aio_offset = (int64_t)(place * load->bytes),
                             .aio_data = i};
    run->begun[i] = now_ns();
    if (syscall(SYS_io_submit, run->context, 1, &request) != 1)
        err(1, "%s: submitting", load->name);
}

/* Takes what is done and, before `until`, replaces it. Returns how many are under way then. */
static unsigned reap(struct run *run, unsigned under_way, uint64_t until)
{
    struct io_event events[DEPTH];
    long n = syscall(SYS_io_getevents, run->context, 1, DEPTH, events, NULL);
    uint64_t now = now_ns();

    for (long i = 0; i < n; i++) {
        unsigned which = (unsigned)events[i].data;

        if (events[i].res != (int64_t)run->load->bytes)
            errx(1, "%s: %lld", run->load->name, (long long)events[i].res);
        took_us[run->done++ % SAMPLES] = (uint32_t)((now - run->begun[which]) / 1000);
        if (now < until || run->done + under_way <= LEAST)
            submit(run, which);
        else
            under_way--;
    }
    return under_way;
}

static int by_value(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

static void say_result(const struct run *run, uint64_t ns)
{
    unsigned n = run->done < SAMPLES ? run->done : SAMPLES;

    qsort(took_us, n, sizeof(took_us[0]), by_value);
    printf("BENCH load %s %u %.1f %u\n", run->load->name, run->done,
           (double)run->done * 1e9 / (double)ns, took_us[n * 99 / 100]);
}

static void perform(const struct load *load, uint64_t ns)
{
    struct run run = {.load = load};
    unsigned under_way = load->depth;
    char answer[16];
    uint64_t begin;

    if (syscall(SYS_io_setup, DEPTH, &run.context) < 0)
        err(1, "io_setup");
    if (fdatasync(disk.fd) < 0) /* what the load before has left to write */
        err(1, "flushing");
    printf("BENCH ready %s\n", load->name);
    (void)!fgets(answer, sizeof(answer), stdin);
    printf("BENCH begin %s\n", load->name);
    begin = now_ns();
    for (unsigned i = 0; i < load->depth; i++)
        submit(&run, i);
    while (under_way > 0)
        under_way = reap(&run, under_way, begin + ns);
    say_result(&run, now_ns() - begin);
    syscall(SYS_io_destroy, run.context);
}

static void flush(unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        if (pwrite(disk.fd, disk.huge, PAGE, 0) != PAGE || fdatasync(disk.fd) < 0)
            err(1, "flushing");
    printf("BENCH flushed %u\n", n);
}

int main(int argc, char **argv)
{
    if (argc != 4)
        errx(2, "block_load DEVICE MILLISECONDS FLUSHES");
    setvbuf(stdout, NULL, _IOLBF, 0);
    disk.fd = open(argv[1], O_RDWR | O_DIRECT);
    if (disk.fd < 0)
        err(1, "%s", argv[1]);
    disk.bytes = (uint64_t)lseek(disk.fd, 0, SEEK_END);
    disk.huge = map_memory(true);
    disk.scattered = map_memory(false);
    if (atoi(argv[2]) > 0 && count_huge() < ALL)
        errx(1, "no huge pages here");
    for (size_t i = 0; i < sizeof(loads) / sizeof(loads[0]) && atoi(argv[2]) > 0; i++)
        perform(&loads[i], strtoull(argv[2], NULL, 10) * 1000000U);
    flush((unsigned)atoi(argv[3]));
    return 0;
}
