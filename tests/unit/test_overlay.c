// SPDX-License-Identifier: GPL-3.0-or-later
/* test_overlay.c: the copy-on-write layer against a plain copy in memory, and tools on it. */
#include "block/overlay.h"
#include "core/cleanup.h"
#include "core/size.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define DISK (1 * MIB + 1536) /* not a whole number of blocks */

struct fixture {
    struct blockdev *below, *overlay;
    uint8_t *model;    /* what the overlay should read as */
    uint8_t *original; /* what below should stay */
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    struct err e = {0};

    f->below = mem_open(DISK, 512, &e);
    f->model = malloc(DISK);
    f->original = malloc(DISK);
    srandom(7);
    for (size_t i = 0; i < DISK; i++)
        f->original[i] = (uint8_t)random();
    memset(f->original + 256 * KIB, 0, 256 * KIB);
    memcpy(f->model, f->original, DISK);
    assert_int_equal(blockdev_pwrite(f->below, f->original, 256 * KIB, 0, &e), 0);
    assert_int_equal(
        blockdev_pwrite(f->below, f->original + 512 * KIB, DISK - 512 * KIB, 512 * KIB, &e), 0);
    f->overlay = overlay_open(f->below, "/tmp", &e);
    assert_non_null(f->overlay);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    blockdev_close(f->overlay);
    blockdev_close(f->below);
    free(f->model);
    free(f->original);
    free(f);
    return 0;
}

static void assert_reads_as(struct blockdev *bd, const uint8_t *expected)
{
    uint8_t *got = malloc(DISK);
    struct err e = {0};

    assert_int_equal(blockdev_pread(bd, got, DISK, 0, &e), 0);
    assert_memory_equal(got, expected, DISK);
    free(got);
}

static void reads_what_is_below(void **state)
{
    struct fixture *f = *state;

    assert_reads_as(f->overlay, f->original);
}

static void random_changes_match_a_model_and_leave_below_alone(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};
    uint8_t buf[20000];

    for (int round = 0; round < 2000; round++) {
        uint64_t offset = (uint64_t)random() % DISK;
        size_t n = (size_t)random() % sizeof(buf);

        if (n > DISK - offset)
            n = (size_t)(DISK - offset);
        if (round % 3 == 0) {
            memset(f->model + offset, 0, n);
            assert_int_equal(blockdev_zero(f->overlay, offset, n, &e), 0);
        } else if (round % 3 == 1) {
            memset(buf, round, n);
            memcpy(f->model + offset, buf, n);
            assert_int_equal(blockdev_pwrite(f->overlay, buf, n, offset, &e), 0);
        } else {
            assert_int_equal(blockdev_pread(f->overlay, buf, n, offset, &e), 0);
            assert_memory_equal(buf, f->model + offset, n);
        }
    }
    assert_reads_as(f->overlay, f->model);
    assert_reads_as(f->below, f->original);
}

static void next_data_leaves_out_no_data(void **state)
{
    struct fixture *f = *state;
    struct extent data = {0};
    struct err e = {0};
    uint8_t *copy = calloc(1, DISK);

    memset(f->model + 300 * KIB, 0x5a, 5000);
    assert_int_equal(blockdev_pwrite(f->overlay, f->model + 300 * KIB, 5000, 300 * KIB, &e), 0);
    for (;;) {
        assert_int_equal(blockdev_next_data(f->overlay, extent_end(&data), &data, &e), 0);
        if (data.bytes == 0)
            break;
        assert_int_equal(blockdev_pread(f->overlay, copy + data.start, data.bytes, data.start, &e),
                         0);
    }
    assert_memory_equal(copy, f->model, DISK);
    free(copy);
}

static void a_forked_child_shares_its_changes(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};
    int status;

    memset(f->model + 4000, 0x77, 9000);
    if (fork() == 0)
        _exit(blockdev_pwrite(f->overlay, f->model + 4000, 9000, 4000, &e) == 0 ? 0 : 1);
    wait(&status);
    assert_int_equal(status, 0);
    assert_reads_as(f->overlay, f->model);
}

static void refuses_what_lies_behind_the_end(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};
    char byte = 0;

    assert_int_equal(blockdev_pwrite(f->overlay, &byte, 1, DISK, &e), -1);
    assert_int_equal(blockdev_pread(f->overlay, &byte, 1, UINT64_MAX, &e), -1);
}

static void lists_what_was_written_in_whole_blocks(void **state)
{
    struct fixture *f = *state;
    struct extent run;
    struct err e = {0};

    overlay_changed(f->overlay, 0, &run);
    assert_int_equal(run.bytes, 0);
    assert_int_equal(blockdev_pwrite(f->overlay, "x", 1, 5000, &e), 0);
    assert_int_equal(blockdev_zero(f->overlay, 12288, 8192, &e), 0);
    assert_int_equal(blockdev_pwrite(f->overlay, "x", 1, DISK - 1, &e), 0);
    overlay_changed(f->overlay, 0, &run);
    assert_int_equal(run.start, 4096);
    assert_int_equal(run.bytes, 4096);
    overlay_changed(f->overlay, extent_end(&run), &run);
    assert_int_equal(run.start, 12288);
    assert_int_equal(run.bytes, 8192);
    overlay_changed(f->overlay, extent_end(&run), &run);
    assert_int_equal(run.start, 1 * MIB);
    assert_int_equal(run.bytes, 1536);
    overlay_changed(f->overlay, extent_end(&run), &run);
    assert_int_equal(run.bytes, 0);
}

static void is_larger_than_what_is_below(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};
    _cleanup_blockdev_ struct blockdev *larger = overlay_open_sized(f->below, 2 * DISK, NULL, &e);
    _cleanup_free_ uint8_t *zeros = calloc(1, DISK), *got = malloc(DISK);

    assert_non_null(larger);
    assert_reads_as(larger, f->original);
    assert_int_equal(blockdev_pread(larger, got, DISK, DISK, &e), 0);
    assert_memory_equal(got, zeros, DISK);
    assert_int_equal(blockdev_pwrite(larger, "x", 1, DISK, &e), 0); /* in a block of both */
    assert_reads_as(larger, f->original);
}

static void forgets_what_lies_behind_a_cut(void **state)
{
    struct fixture *f = *state;
    struct extent run;
    struct err e = {0};
    char byte;

    assert_int_equal(blockdev_pwrite(f->overlay, "x", 1, 4096, &e), 0);
    assert_int_equal(blockdev_pwrite(f->overlay, "x", 1, 512 * KIB, &e), 0);
    assert_int_equal(overlay_cut(f->overlay, 512 * KIB, &e), 0);
    assert_int_equal(f->overlay->bytes, 512 * KIB);
    overlay_changed(f->overlay, 8192, &run);
    assert_int_equal(run.bytes, 0);
    assert_int_equal(blockdev_pread(f->overlay, &byte, 1, 4096, &e), 0);
    assert_int_equal(byte, 'x');
    assert_int_equal(blockdev_pread(f->overlay, &byte, 1, 512 * KIB, &e), -1);
    assert_int_equal(overlay_cut(f->overlay, DISK, &e), -1);
}

/* ---- tools on an overlay ---- */

static int run_tool(struct blockdev *overlay, const char *const *argv, int stdout_fd, struct err *e)
{
    struct spawn spawn = {.argv = argv, .stdin_fd = -1, .stdout_fd = stdout_fd};

    return overlay_run(overlay, &spawn, NULL, e);
}

/* cat copies within the kernel where it can, which would go past the library. */
static void a_tool_reads_what_is_below_and_what_is_changed(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};
    _cleanup_blockdev_ struct blockdev *copy = mem_open(DISK, 512, &e);
    char path[MEM_PATH], to[MEM_PATH];
    const char *argv[] = {"cp", "--sparse=never", overlay_path(f->overlay, path),
                          mem_path(copy, to), NULL};

    memset(f->model + 5000, 0x33, 5000);
    assert_int_equal(blockdev_pwrite(f->overlay, f->model + 5000, 5000, 5000, &e), 0);
    assert_int_equal(run_tool(f->overlay, argv, -1, &e), 0);
    assert_reads_as(copy, f->model);
}

static void a_tool_reads_a_slice_below(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};
    struct extent range = {128 * KIB + 512, 300 * KIB};
    _cleanup_blockdev_ struct blockdev *slice = slice_open(f->below, range, &e);
    _cleanup_blockdev_ struct blockdev *overlay = overlay_open(slice, NULL, &e);
    _cleanup_blockdev_ struct blockdev *copy = mem_open(range.bytes, 512, &e);
    _cleanup_free_ uint8_t *got = malloc(range.bytes);
    char path[MEM_PATH], to[MEM_PATH];
    const char *argv[] = {"cp", overlay_path(overlay, path), mem_path(copy, to), NULL};

    assert_int_equal(run_tool(overlay, argv, -1, &e), 0);
    assert_int_equal(blockdev_pread(copy, got, range.bytes, 0, &e), 0);
    assert_memory_equal(got, f->original + range.start, range.bytes);
}

static void what_a_tool_writes_leaves_below_alone(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};
    _cleanup_blockdev_ struct blockdev *source = mem_open(10000, 512, &e);
    char path[MEM_PATH], from[MEM_PATH], in[MEM_PATH + 8], out[MEM_PATH + 8];
    const char *argv[] = {"dd", in, out, "bs=1000", "seek=7", "conv=notrunc", NULL};

    memset(f->model + 7000, 0x44, 10000);
    assert_int_equal(blockdev_pwrite(source, f->model + 7000, 10000, 0, &e), 0);
    snprintf(in, sizeof(in), "if=%s", mem_path(source, from));
    snprintf(out, sizeof(out), "of=%s", overlay_path(f->overlay, path));
    assert_int_equal(run_tool(f->overlay, argv, -1, &e), 0);
    assert_reads_as(f->overlay, f->model);
    assert_reads_as(f->below, f->original);
}

static void a_hole_that_a_tool_punches_reads_as_zeros(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};
    char path[MEM_PATH];
    const char *argv[] = {
        "fallocate", "-p", "-o", "3000", "-l", "20000", overlay_path(f->overlay, path), NULL};

    memset(f->model + 3000, 0, 20000);
    assert_int_equal(run_tool(f->overlay, argv, -1, &e), 0);
    assert_reads_as(f->overlay, f->model);
    assert_reads_as(f->below, f->original);
}

static void a_tool_cannot_cut_or_extend_it(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};
    char path[MEM_PATH];
    const char *shorter[] = {"truncate", "-s", "1000", overlay_path(f->overlay, path), NULL};
    const char *longer[] = {"truncate", "-s", "2M", path, NULL};

    assert_int_equal(run_tool(f->overlay, shorter, -1, &e), 0);
    assert_reads_as(f->overlay, f->original);
    assert_int_equal(run_tool(f->overlay, longer, -1, &e), -1);
    assert_int_equal(e.code, ERR_TOOL);
}

/* ld.so goes on without a library that it cannot load. */
static void a_tool_that_ran_without_the_library_has_failed(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};
    char folder[] = "/tmp/test_overlay.XXXXXX", library[64];
    const char *argv[] = {"true", NULL};
    FILE *file;

    assert_int_equal(run_tool(f->overlay, argv, -1, &e), 0);
    assert_non_null(mkdtemp(folder));
    snprintf(library, sizeof(library), "%s/berth-overlay.so", folder);
    file = fopen(library, "w");
    assert_non_null(file);
    fputs("not a library", file);
    fclose(file);
    setenv("BERTH_LIBEXEC", folder, 1);
    assert_int_equal(run_tool(f->overlay, argv, -1, &e), -1);
    assert_int_equal(e.code, ERR_TOOL);
    assert_non_null(strstr(e.text, "berth-overlay.so"));
    unsetenv("BERTH_LIBEXEC");
    remove(library);
    remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(reads_what_is_below, setup, teardown),
        cmocka_unit_test_setup_teardown(random_changes_match_a_model_and_leave_below_alone, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(next_data_leaves_out_no_data, setup, teardown),
        cmocka_unit_test_setup_teardown(a_forked_child_shares_its_changes, setup, teardown),
        cmocka_unit_test_setup_teardown(refuses_what_lies_behind_the_end, setup, teardown),
        cmocka_unit_test_setup_teardown(lists_what_was_written_in_whole_blocks, setup, teardown),
        cmocka_unit_test_setup_teardown(is_larger_than_what_is_below, setup, teardown),
        cmocka_unit_test_setup_teardown(forgets_what_lies_behind_a_cut, setup, teardown),
        cmocka_unit_test_setup_teardown(a_tool_reads_what_is_below_and_what_is_changed, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_tool_reads_a_slice_below, setup, teardown),
        cmocka_unit_test_setup_teardown(what_a_tool_writes_leaves_below_alone, setup, teardown),
        cmocka_unit_test_setup_teardown(a_hole_that_a_tool_punches_reads_as_zeros, setup, teardown),
        cmocka_unit_test_setup_teardown(a_tool_cannot_cut_or_extend_it, setup, teardown),
        cmocka_unit_test_setup_teardown(a_tool_that_ran_without_the_library_has_failed, setup,
                                        teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
