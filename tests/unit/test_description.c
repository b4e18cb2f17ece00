// SPDX-License-Identifier: GPL-3.0-or-later
/* A run description is used only when every field of it makes sense. */
#include "hypervisor/description.h"
#include "hypervisor/machine.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define MIB (1ULL << 20)

static int some_fd;

static struct description good(void)
{
    struct description d = {.magic = DESCRIPTION_MAGIC,
                            .name = "dev",
                            .memory = 512 * MIB,
                            .cpus = 2,
                            .kvm = some_fd,
                            .kernel = some_fd,
                            .payload = -1,
                            .initrd = some_fd,
                            .serial = some_fd,
                            .console = -1,
                            .control = some_fd,
                            .state = -1,
                            .net = -1,
                            .disk_bytes = 10 * MIB,
                            .sector = 512,
                            .overlay = -1,
                            .overlay_map = -1,
                            .n_ranges = 3,
                            .ranges = {{.bytes = MIB},
                                       {.start = MIB, .bytes = 8 * MIB, .at = 100 * MIB},
                                       {.start = 9 * MIB, .bytes = MIB, .at = 9 * MIB}},
                            .command_line = "quiet"};

    for (unsigned i = 0; i < 3; i++)
        d.ranges[i].fd = some_fd;
    return d;
}

static void a_good_one_passes(void **state)
{
    struct description d = good();
    struct err e;

    (void)state;
    assert_int_equal(description_check(&d, &e), 0);
}

static void refused(const struct description *d, const char *field)
{
    struct err e;
    char expected[128];

    assert_int_equal(description_check(d, &e), -1);
    snprintf(expected, sizeof(expected), "the run description: %s makes no sense", field);
    assert_string_equal(e.text, expected);
}

/* Sets one member of a good one and expects its name in the refusal. */
#define REFUSED(member, value, field)                                                              \
    do {                                                                                           \
        struct description d = good();                                                             \
        d.member = value;                                                                          \
        refused(&d, field);                                                                        \
    } while (0)

static void each_wrong_field_is_named(void **state)
{
    (void)state;
    REFUSED(magic, 1, "magic");
    REFUSED(memory, 63 * MIB, "memory");
    REFUSED(memory, 512 * MIB + 4096, "memory");
    REFUSED(memory, UINT64_MAX / MIB * MIB, "memory");
    REFUSED(cpus, 0, "cpus");
    REFUSED(cpus, CPUS_MAX + 1, "cpus");
    REFUSED(kvm, -1, "kvm");
    REFUSED(kernel, 2, "kernel");
    REFUSED(control, 100000, "control");
    REFUSED(initrd, -2, "initrd");
    REFUSED(serial, 0, "serial");
    REFUSED(net, some_fd, "net");
    REFUSED(net_kind, DESCRIPTION_NET_TAP, "net");
    REFUSED(restore, 1, "state");
    REFUSED(sector, 520, "sector");
    REFUSED(disk_bytes, 0, "a disk of no bytes");
    REFUSED(disk_bytes, 10 * MIB + 1, "disk_bytes");
    REFUSED(disk_bytes, 11 * MIB, "ranges");
    REFUSED(n_ranges, 2, "ranges");
    REFUSED(n_ranges, STORAGE_RANGES + 1, "n_ranges");
    REFUSED(ranges[1].start, MIB + 512, "ranges");
    REFUSED(ranges[1].bytes, 0, "ranges");
    REFUSED(ranges[2].bytes, UINT64_MAX - 9 * MIB, "ranges");
    REFUSED(ranges[1].at, UINT64_MAX - MIB, "ranges");
    REFUSED(ranges[2].fd, -1, "ranges");
    REFUSED(ranges[2].direct, 100000, "ranges");
    REFUSED(overlay, some_fd, "overlay_map");
    REFUSED(overlay_map, some_fd, "overlay_map");
}

static void text_without_an_end_is_refused(void **state)
{
    struct description d = good();

    (void)state;
    memset(d.command_line, 'x', sizeof(d.command_line));
    refused(&d, "command_line");
    d = good();
    memset(d.name, 'x', sizeof(d.name));
    refused(&d, "name");
}

static void one_of_another_size_is_refused(void **state)
{
    struct description d;
    struct err e;
    int fd = memfd_create("description", 0);

    (void)state;
    assert_int_equal(ftruncate(fd, sizeof(d) - 1), 0);
    assert_int_equal(description_read(fd, &d, &e), -1);
    assert_int_equal(ftruncate(fd, sizeof(d) + 1), 0);
    assert_int_equal(description_read(fd, &d, &e), -1);
    close(fd);
}

/* Whatever is in it: what passes the check is a disk without gaps and memory within bounds. */
static void noise_is_survived(void **state)
{
    struct err e;

    (void)state;
    srandom(1);
    for (unsigned i = 0; i < 20000; i++) {
        struct description d = good();
        uint64_t at = 0;

        for (unsigned k = 0; k < 3; k++)
            ((uint8_t *)&d)[(size_t)random() % offsetof(struct description, seed)] ^=
                (uint8_t)(1 << random() % 8);
        if (description_check(&d, &e) < 0)
            continue;
        for (unsigned k = 0; k < d.n_ranges; k++) {
            assert_int_equal(d.ranges[k].start, at);
            at += d.ranges[k].bytes;
        }
        assert_int_equal(at, d.disk_bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_one_passes),
        cmocka_unit_test(each_wrong_field_is_named),
        cmocka_unit_test(text_without_an_end_is_refused),
        cmocka_unit_test(one_of_another_size_is_refused),
        cmocka_unit_test(noise_is_survived),
    };

    some_fd = fcntl(open("/dev/null", O_RDWR), F_DUPFD, 10);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
