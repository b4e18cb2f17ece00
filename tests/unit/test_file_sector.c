// SPDX-License-Identifier: GPL-3.0-or-later
/* The sector size of a disk in a file, by what is in it. */
#include "block/area.h"
#include "block/file_sector.h"
#include "core/size.h"

#include <endian.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#define LINUX    0x83
#define EXTENDED 0x0f

static int fd;

static int make_file(void **state)
{
    (void)state;
    fd = memfd_create("disk", MFD_CLOEXEC);
    return fd < 0 || ftruncate(fd, 256 * MIB) < 0 ? -1 : 0;
}

static int close_file(void **state)
{
    (void)state;
    return close(fd);
}

static void put(uint64_t offset, const void *bytes, size_t n)
{
    assert_int_equal(pwrite(fd, bytes, n, (off_t)offset), n);
}

/* A record of the boot record at that offset, which gets its signature. */
static void put_record(uint64_t offset, unsigned i, uint8_t code, uint32_t lba, uint32_t sectors)
{
    uint8_t record[16] = {[4] = code};

    lba = htole32(lba);
    sectors = htole32(sectors);
    memcpy(record + 8, &lba, sizeof(lba));
    memcpy(record + 12, &sectors, sizeof(sectors));
    put(offset + 446 + 16 * i, record, sizeof(record));
    put(offset + 510, "\x55\xaa", 2);
}

static void put_ext(uint64_t start)
{
    put(start + 1080, "\x53\xef", 2);
}

static void expect(unsigned sector, bool certain)
{
    bool found;

    assert_int_equal(file_sector(fd, &found), sector);
    assert_int_equal(found, certain);
}

static void a_file_without_a_table_has_512(void **state)
{
    (void)state;
    expect(512, true);
    put_record(0, 0, 0, 0, 0);
    expect(512, true);
}

static void a_gpt_shows_it_by_its_header(void **state)
{
    (void)state;
    put(4096, "EFI PART", 8);
    expect(4096, true);
    put(512, "EFI PART", 8);
    expect(512, true);
}

static void the_backup_of_a_gpt_shows_it_too(void **state)
{
    (void)state;
    put(256 * MIB - 4096, "EFI PART", 8);
    expect(4096, true);
}

static void partitions_that_fit_with_512_only_have_512(void **state)
{
    (void)state;
    put_record(0, 0, LINUX, 2048, 128 * MIB / 512);
    expect(512, true);
}

static void a_filesystem_where_4096_has_it_shows_4096(void **state)
{
    (void)state;
    put_record(0, 0, LINUX, 256, 4096);
    expect(4096, false);
    put_ext(MIB);
    expect(4096, true);
}

static void whole_mebibytes_with_4096_only_are_a_better_guess(void **state)
{
    (void)state;
    put_record(0, 0, LINUX, 256, 4096);
    put_record(0, 1, LINUX, 8192, 4096);
    expect(4096, false);
    put_record(0, 2, LINUX, 63, 100); /* with neither */
    expect(512, false);
}

static void a_filesystem_where_512_has_it_shows_512(void **state)
{
    (void)state;
    put_record(0, 0, LINUX, 2048, 4096);
    expect(512, false);
    put_ext(MIB);
    expect(512, true);
}

static void one_of_each_is_a_guess(void **state)
{
    (void)state;
    put_record(0, 0, LINUX, 256, 4096);
    put_ext(MIB);
    put_ext(256 * 512);
    expect(512, false);
}

/* 2048 sectors of 512 bytes are where everybody begins; of 4096, hardly anybody does. */
static void what_is_left_of_a_deleted_partition_is_not_taken_for_one(void **state)
{
    (void)state;
    put_record(0, 0, LINUX, 2048, 2048);
    put_ext(8 * MIB);
    expect(512, false);
}

static void several_filesystems_are_no_accident(void **state)
{
    (void)state;
    put_record(0, 0, LINUX, 2048, 2048);
    put_record(0, 1, LINUX, 4096, 2048);
    put_ext(8 * MIB);
    put_ext(16 * MIB);
    expect(4096, true);
}

static void a_chain_of_logical_partitions_shows_it(void **state)
{
    (void)state;
    put_record(0, 0, EXTENDED, 256, 8192);
    expect(4096, false);
    put_record(MIB, 0, LINUX, 256, 512);
    expect(4096, true);
}

static void the_boot_sector_of_a_fat_is_no_chain(void **state)
{
    static const char code[64] = "This is not a bootable disk.  Please insert a bootable floppy.";

    (void)state;
    put_record(0, 0, EXTENDED, 256, 8192);
    put_record(MIB, 0, LINUX, 256, 512);
    put(MIB + 446, code, sizeof(code));
    expect(4096, false);
}

static void a_boot_sector_of_code_is_no_table(void **state)
{
    static const char code[64] = "This is not a bootable disk.  Please insert a bootable floppy.";

    (void)state;
    put(446, code, sizeof(code));
    put(510, "\x55\xaa", 2);
    expect(512, true);
}

static void a_table_without_partitions_does_not_show_it(void **state)
{
    (void)state;
    put(440, "\x01\x02\x03\x04", 4);
    put(510, "\x55\xaa", 2);
    expect(512, false);
}

/* A log in front of the first mebibyte, written on a disk with such sectors. */
static void put_log(unsigned sector)
{
    struct extent place = {512 * KIB, 512 * KIB};
    struct err e;
    struct blockdev *bd = file_from_fd(dup(fd), "disk", sector, &e);
    _cleanup_area_ struct area area;

    assert_int_equal(area_choose(bd, &place, 1, &area, &e), 0);
    assert_int_equal(area_write(&area, "log", 3, &e), 0);
    blockdev_close(bd);
}

static void the_log_of_berths_work_shows_it(void **state)
{
    (void)state;
    put(440, "\x01\x02\x03\x04", 4);
    put(510, "\x55\xaa", 2);
    put_log(4096);
    expect(4096, true);
    put_record(0, 0, LINUX, 2048, 2048);
    expect(4096, true);
    put_log(512); /* the newest counts */
    expect(512, true);
    put_log(4096);
    put_record(0, 0, LINUX, 2048, 128 * MIB / 512); /* it cannot be */
    expect(512, true);
}

static void the_log_of_another_mbr_shows_nothing(void **state)
{
    (void)state;
    put(440, "\x01\x02\x03\x04", 4);
    put(510, "\x55\xaa", 2);
    put_log(4096);
    put(440, "\x02", 1);
    expect(512, false);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_file, close_file)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_file_without_a_table_has_512),
        TEST(a_gpt_shows_it_by_its_header),
        TEST(the_backup_of_a_gpt_shows_it_too),
        TEST(partitions_that_fit_with_512_only_have_512),
        TEST(a_filesystem_where_4096_has_it_shows_4096),
        TEST(whole_mebibytes_with_4096_only_are_a_better_guess),
        TEST(a_filesystem_where_512_has_it_shows_512),
        TEST(the_log_of_berths_work_shows_it),
        TEST(the_log_of_another_mbr_shows_nothing),
        TEST(one_of_each_is_a_guess),
        TEST(what_is_left_of_a_deleted_partition_is_not_taken_for_one),
        TEST(several_filesystems_are_no_accident),
        TEST(a_chain_of_logical_partitions_shows_it),
        TEST(the_boot_sector_of_a_fat_is_no_chain),
        TEST(a_boot_sector_of_code_is_no_table),
        TEST(a_table_without_partitions_does_not_show_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
