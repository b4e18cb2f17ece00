// SPDX-License-Identifier: GPL-3.0-or-later
/* An initramfs that is written, and what berth tells itself in it. */
#include "core/cleanup.h"
#include "initramfs/initramfs.h"
#include "initramfs/work_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <zlib.h>

#include <cmocka.h>

#define UUID "8d6b5b1c-5c0f-4f2e-9a33-0d8a2f6b7c01"

static struct err e;

/* How often the archive has an entry of that name: in newc the name and its NUL follow a header of
 * 110 characters, the last 8 of which are the check that is zero. */
static unsigned count(const char *archive, size_t len, const char *name)
{
    char wanted[200];
    size_t n = (size_t)snprintf(wanted, sizeof(wanted), "00000000%s", name) + 1;
    const char *at = archive;
    unsigned found = 0;

    while ((at = memmem(at, len - (size_t)(at - archive), wanted, n)) != NULL) {
        found++;
        at++;
    }
    return found;
}

/* What is in the file, unpacked; new. */
static char *unpack(int fd, size_t *len)
{
    size_t room = (size_t)64 << 20;
    char *data = malloc(room);
    gzFile in;
    int got;

    assert_non_null(data);
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    in = gzdopen(dup(fd), "rb");
    assert_non_null(in);
    got = gzread(in, data, (unsigned)room);
    gzclose(in);
    assert_true(got > 0 && (size_t)got < room);
    *len = (size_t)got;
    return data;
}

static void a_program_comes_with_its_loader_and_libraries_once(void **state)
{
    _cleanup_close_ int fd = memfd_create("initramfs", MFD_CLOEXEC);
    _cleanup_initramfs_ struct initramfs *ir = initramfs_new(fd, true, &e);
    _cleanup_free_ char *archive = NULL;
    size_t len;

    (void)state;
    assert_non_null(ir);
    assert_int_equal(initramfs_add_program(ir, "/bin/cat", "init", &e), 0);
    assert_int_equal(initramfs_add_program(ir, "/bin/ls", "usr/bin/ls", &e), 0);
    assert_int_equal(initramfs_add_data(ir, "berth/text", 0644, "hello there", 11, &e), 0);
    assert_int_equal(initramfs_finish(ir, &e), 0);
    archive = unpack(fd, &len);
    assert_memory_equal(archive, "070701", 6);
    assert_int_equal(count(archive, len, "init"), 1);
    assert_int_equal(count(archive, len, "usr"), 1);
    assert_int_equal(count(archive, len, "usr/bin/ls"), 1);
    assert_int_equal(count(archive, len, "lib64/ld-linux-x86-64.so.2"), 1);
    assert_int_equal(count(archive, len, "lib/x86_64-linux-gnu/libc.so.6"), 1);
    assert_non_null(memmem(archive, len, "hello there", 11));
}

static void a_program_that_is_not_there_is_an_error(void **state)
{
    _cleanup_close_ int fd = memfd_create("initramfs", MFD_CLOEXEC);
    _cleanup_initramfs_ struct initramfs *ir = initramfs_new(fd, true, &e);

    (void)state;
    assert_non_null(ir);
    assert_int_equal(initramfs_add_program(ir, "/nowhere/tool", "tool", &e), -1);
    assert_non_null(strstr(e.text, "/nowhere/tool"));
}

static void the_work_reads_back_as_it_was_written(void **state)
{
    char serial[] = "S \"1\"";
    struct work_file work = {.serial = serial};
    _cleanup_work_file_ struct work_file read = {0};
    _cleanup_free_ char *text = NULL;

    (void)state;
    assert_int_equal(guid_parse(UUID, &work.table, &e), 0);
    assert_int_equal(strings_add(&work.argv, "part", 4, &e), 0);
    assert_int_equal(strings_add(&work.argv, "resize", 6, &e), 0);
    text = work_file_print(&work, &e);
    assert_non_null(text);
    assert_int_equal(work_file_parse(text, strlen(text), &read, &e), 0);
    assert_true(guid_equal(&read.table, &work.table));
    assert_string_equal(read.serial, serial);
    assert_null(read.wwn);
    assert_int_equal(read.argv.n, 2);
    assert_string_equal(read.argv.items[1], "resize");
    strings_clear(&work.argv);
}

static void work_without_disk_or_command_is_an_error(void **state)
{
    static const char *const texts[] = {"", "[]", "{\"argv\": [\"part\"]}",
                                        "{\"disk\": \"" UUID "\", \"argv\": []}",
                                        "{\"disk\": \"" UUID "\", \"argv\": [\"part\", 1]}"};

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        _cleanup_work_file_ struct work_file work = {0};

        assert_int_equal(work_file_parse(texts[i], strlen(texts[i]), &work, &e), -1);
        assert_int_equal(e.code, ERR_SYNTAX);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_program_comes_with_its_loader_and_libraries_once),
        cmocka_unit_test(a_program_that_is_not_there_is_an_error),
        cmocka_unit_test(the_work_reads_back_as_it_was_written),
        cmocka_unit_test(work_without_disk_or_command_is_an_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
