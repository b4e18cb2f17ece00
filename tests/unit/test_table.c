// SPDX-License-Identifier: GPL-3.0-or-later
/* The GPT: what is written reads back, what is wrong is found and named. Cuts: test_table_cut.c. */
#include "core/size.h"
#include "partition/gpt.h"
#include "partition/type.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "table_world.h"

static struct table *two_partitions(struct blockdev *bd, const char *second)
{
    struct err e;
    struct guid uuid;
    struct table *table;

    assert_int_equal(guid_parse("11111111-2222-3333-4444-555555555555", &uuid, &e), 0);
    table = table_new(bd, TABLE_GPT, &uuid, &e);
    assert_non_null(table);
    for (unsigned i = 0; i < 2; i++) {
        struct table_entry entry = {
            .number = table_free_number(table),
            .range = {MIB + i * 2 * MIB, 2 * MIB},
            .type = partition_type(i == 0 ? "esp" : "root")->guid,
            .attributes = i == 0 ? 0 : PARTITION_NO_AUTO,
        };

        assert_int_equal(entry.number, i + 1);
        guid_derive(&uuid, i == 0 ? "one" : "two", &entry.uuid);
        strcpy(entry.name, i == 0 ? "esp" : second);
        assert_int_equal(table_insert(table, &entry, &e), 0);
    }
    return table;
}

static void check_reads_back(unsigned sector)
{
    struct err e;
    struct blockdev *bd = mem_open(64 * MIB, sector, &e);
    struct table *table = two_partitions(bd, "dev"), *read;

    assert_int_equal(table_write(bd, table, &e), 0);
    read = table_read(bd, &e);
    assert_non_null(read);
    assert_int_equal(read->kind, TABLE_GPT);
    assert_false(read->copies_differ);
    assert_int_equal(read->n, 2);
    assert_memory_equal(read->entries, table->entries, 2 * sizeof(struct table_entry));
    assert_true(guid_equal(&read->uuid, &table->uuid));
    table_free(read);
    table_free(table);
    blockdev_close(bd);
}

static void a_table_reads_back_with_512_byte_sectors(void **state)
{
    (void)state;
    check_reads_back(512);
}

static void a_table_reads_back_with_4096_byte_sectors(void **state)
{
    (void)state;
    check_reads_back(4096);
}

static void a_blank_disk_has_no_table(void **state)
{
    struct err e;
    struct blockdev *bd = mem_open(8 * MIB, 512, &e);
    struct table *table = table_read(bd, &e);

    (void)state;
    assert_non_null(table);
    assert_int_equal(table->kind, TABLE_NONE);
    table_free(table);
    blockdev_close(bd);
}

static void boot_code_survives_a_new_table(void **state)
{
    struct err e;
    struct blockdev *bd = mem_open(64 * MIB, 512, &e);
    struct table *table = two_partitions(bd, "dev");
    char code[440], after[440];

    (void)state;
    memset(code, 0x5a, sizeof(code));
    assert_int_equal(blockdev_pwrite(bd, code, sizeof(code), 0, &e), 0);
    assert_int_equal(table_write(bd, table, &e), 0);
    assert_int_equal(blockdev_pread(bd, after, sizeof(after), 0, &e), 0);
    assert_memory_equal(code, after, sizeof(code));
    table_free(table);
    blockdev_close(bd);
}

/* ---- a disk with two partitions, to be damaged ---- */

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof(*w));
    struct err e;

    w->bd = mem_open(64 * MIB, 512, &e);
    w->table = two_partitions(w->bd, "dev");
    *state = w;
    return table_write(w->bd, w->table, &e);
}

/* Writing what was read mends all of it. */
static void expect_mended(struct world *w)
{
    struct table *mended;
    struct err e;

    assert_null(table_problem(w->table));
    assert_int_equal(table_write(w->bd, w->table, &e), 0);
    mended = table_read(w->bd, &e);
    assert_int_equal(mended->n_damage, 0);
    assert_false(mended->copies_differ);
    assert_true(table_equal(mended, w->table));
    table_free(mended);
}

static uint64_t backup_at(const struct world *w)
{
    return w->bd->bytes - w->bd->sector;
}

/* Changes both copies in one entry (by index) at an offset in it, with right checksums. */
static void put_in_entry(struct world *w, unsigned index, size_t at, const void *bytes, size_t n)
{
    const uint64_t headers[] = {w->bd->sector, backup_at(w)};

    for (size_t i = 0; i < 2; i++) {
        struct gpt_header header;
        uint8_t *entries;
        struct err e;
        size_t all;

        assert_int_equal(blockdev_pread(w->bd, &header, sizeof(header), headers[i], &e), 0);
        all = (size_t)header.n_entries * header.entry_bytes;
        entries = malloc(all);
        blockdev_pread(w->bd, entries, all, header.entries_lba * w->bd->sector, &e);
        memcpy(entries + index * header.entry_bytes + at, bytes, n);
        header.entries_crc = gpt_crc(entries, all);
        header.header_crc = 0;
        header.header_crc = gpt_crc(&header, sizeof(header));
        world_put(w, header.entries_lba * w->bd->sector, entries, all);
        world_put(w, headers[i], &header, sizeof(header));
        free(entries);
    }
}

static void a_damaged_primary_is_found_and_mended(void **state)
{
    struct world *w = *state;

    world_put(w, 512 + 40, "x", 1);
    world_has_damage(w, DAMAGE_PRIMARY, "checksum");
    assert_int_equal(w->table->n, 2);
    assert_true(w->table->copies_differ);
    expect_mended(w);
}

static void a_damaged_entry_of_the_primary_is_found_and_mended(void **state)
{
    struct world *w = *state;

    world_put(w, 1024 + 128 + 60, "x", 1);
    world_has_damage(w, DAMAGE_PRIMARY, "entries' checksum");
    assert_string_equal(w->table->entries[1].name, "dev");
    expect_mended(w);
}

static void a_damaged_backup_is_found_and_mended(void **state)
{
    struct world *w = *state;

    world_put(w, backup_at(w), "x", 1);
    world_has_damage(w, DAMAGE_BACKUP, "not there");
    assert_true(w->table->copies_differ);
    expect_mended(w);
}

static void two_damaged_copies_forbid_changes(void **state)
{
    struct world *w = *state;

    world_put(w, 512 + 40, "x", 1);
    world_put(w, backup_at(w) + 40, "x", 1);
    world_has_damage(w, DAMAGE_BOTH_COPIES, "both copies");
    assert_int_equal(w->table->kind, TABLE_GPT);
    assert_non_null(table_problem(w->table));
}

static void copies_that_differ_are_brought_in_line(void **state)
{
    struct world *w = *state;
    struct table *other = two_partitions(w->bd, "new");
    struct cut_recorder recorder = cut_record(w->bd);
    uint8_t *before = malloc(w->bd->bytes);
    struct err e;

    blockdev_pread(w->bd, before, w->bd->bytes, 0, &e);
    assert_int_equal(table_write(&recorder.bd, other, &e), 0);
    world_put(w, 0, before, MIB); /* the primary as it was */
    world_has_damage(w, DAMAGE_COPIES_DIFFER, "differ");
    assert_string_equal(w->table->entries[1].name, "dev");
    expect_mended(w);
    cut_clear(&recorder);
    free(before);
    table_free(other);
}

static void a_missing_protective_mbr_is_found_and_mended(void **state)
{
    struct world *w = *state;
    uint8_t zeros[512] = {0};

    world_put(w, 0, zeros, sizeof(zeros));
    world_has_damage(w, DAMAGE_NO_PROTECTIVE_MBR, "sector 0");
    expect_mended(w);
}

static void a_hybrid_mbr_is_listed_and_forbids_changes(void **state)
{
    struct world *w = *state;
    /* behind the protective record: 0x0c, from LBA 2048, 4096 sectors, as the first partition */
    uint8_t record[16] = {0, 0, 0, 0, 0x0c, 0, 0, 0, 0, 8, 0, 0, 0, 16, 0, 0};

    world_put(w, 446 + 16, record, sizeof(record));
    world_has_damage(w, DAMAGE_HYBRID, "partition 1");
    assert_non_null(table_problem(w->table));
    record[12] = 1;
    world_put(w, 446 + 16, record, sizeof(record));
    world_has_damage(w, DAMAGE_HYBRID_OUT_OF_STEP, "record 2");
}

static void overlapping_partitions_are_named(void **state)
{
    struct world *w = *state;
    uint64_t first = 2048 + 1;

    put_in_entry(w, 1, 32, &first, sizeof(first));
    world_has_damage(w, DAMAGE_OVERLAP, "partition 2 overlaps partition 1");
}

static void a_partition_out_of_range_is_named(void **state)
{
    struct world *w = *state;
    uint64_t last = UINT64_MAX - 1;

    put_in_entry(w, 1, 40, &last, sizeof(last));
    world_has_damage(w, DAMAGE_OUT_OF_RANGE, "partition 2");
    last = w->bd->bytes;
    put_in_entry(w, 1, 40, &last, sizeof(last));
    world_has_damage(w, DAMAGE_OUT_OF_RANGE, "partition 2 lies past the end of the disk");
}

static void two_partitions_of_one_guid_are_named(void **state)
{
    struct world *w = *state;

    put_in_entry(w, 1, 16, &w->table->entries[0].uuid, sizeof(struct guid));
    world_has_damage(w, DAMAGE_DUPLICATE_GUID, "partition 2 has the same GUID as partition 1");
}

/* ---- disks of other sizes ---- */

static struct blockdev *copy_to(struct blockdev *from, uint64_t bytes)
{
    struct err e;
    struct blockdev *to = mem_open(bytes, from->sector, &e);
    uint64_t n = bytes < from->bytes ? bytes : from->bytes;
    uint8_t *all = malloc(n);

    blockdev_pread(from, all, n, 0, &e);
    blockdev_pwrite(to, all, n, 0, &e);
    free(all);
    return to;
}

static void a_disk_that_was_enlarged_has_more_room_and_gets_its_backup_moved(void **state)
{
    struct world *w = *state;
    struct blockdev *larger = copy_to(w->bd, 80 * MIB);
    uint64_t old_end = extent_end(&w->table->usable);

    blockdev_close(w->bd);
    w->bd = larger;
    world_has_damage(w, DAMAGE_BACKUP_NOT_AT_END, "enlarged");
    assert_int_equal(w->table->last_usable, old_end);
    assert_int_equal(extent_end(&w->table->usable), 80 * MIB - 33 * 512);
    expect_mended(w);
    world_read(w);
    assert_int_equal(w->table->last_usable, 80 * MIB - 33 * 512);
}

static void the_backup_of_an_enlarged_disk_is_found_without_a_whole_primary(void **state)
{
    struct world *w = *state;
    struct blockdev *larger = copy_to(w->bd, 80 * MIB);

    blockdev_close(w->bd);
    w->bd = larger;
    world_put(w, 512 + 60, "x", 1);
    world_has_damage(w, DAMAGE_PRIMARY, "checksum");
    assert_int_equal(w->table->n, 2);
    expect_mended(w);
}

static void shrink_to(struct world *w, uint64_t bytes)
{
    struct blockdev *smaller = copy_to(w->bd, bytes);

    blockdev_close(w->bd);
    w->bd = smaller;
}

static void a_disk_that_is_too_small_forbids_changes(void **state)
{
    struct world *w = *state;
    uint64_t end = extent_end(&w->table->entries[w->table->n - 1].range);

    shrink_to(w, end); /* where the backup would have to be */
    world_has_damage(w, DAMAGE_DISK_SMALLER, "smaller than its partition table");
    assert_non_null(table_problem(w->table));
}

static void a_disk_that_lost_free_space_only_is_mended(void **state)
{
    struct world *w = *state;

    shrink_to(w, 63 * MIB);
    world_has_damage(w, DAMAGE_FREE_END_GONE, "smaller than its partition table");
    expect_mended(w);
}

static void the_largest_disk_there_can_be_has_a_table(void **state)
{
    struct err e;
    struct blockdev *bd = mem_open(INT64_MAX, 512, &e);
    struct table *table, *read;
    struct table_entry rest = {.number = 3, .type = partition_type("linux")->guid};

    (void)state;
    assert_non_null(bd);
    table = two_partitions(bd, "dev");
    rest.range.start = 16 * MIB;
    rest.range.bytes = extent_end(&table->usable) - rest.range.start;
    guid_derive(&table->uuid, "rest", &rest.uuid);
    assert_int_equal(table_insert(table, &rest, &e), 0);
    assert_int_equal(table_write(bd, table, &e), 0);
    read = table_read(bd, &e);
    assert_true(table_equal(read, table));
    assert_int_equal(read->n_damage, 0);
    table_free(read);
    table_free(table);
    blockdev_close(bd);
}

static void a_disk_without_room_for_a_gpt_gets_none(void **state)
{
    struct err e;
    struct blockdev *bd = mem_open(68 * 512, 512, &e);
    struct guid uuid = {{1}};

    (void)state;
    assert_non_null(bd);
    bd->bytes = 67 * 512;
    assert_null(table_new(bd, TABLE_GPT, &uuid, &e));
    assert_int_equal(e.code, ERR_NO_SPACE);
    blockdev_close(bd);
}

/* ---- what stays ---- */

static void an_unchanged_table_is_not_written(void **state)
{
    world_writes_nothing(*state);
}

static void bytes_that_berth_does_not_know_stay(void **state)
{
    struct world *w = *state;
    uint8_t after[72];
    char odd[72] =
        "\x3d\xd8\xbe\xdc\0\0r\0e\0s\0t\0"; /* a floppy disk, and what is behind the name's end */
    struct err e;

    put_in_entry(w, 1, 56, odd, sizeof(odd));
    world_read(w);
    assert_string_equal(w->table->entries[1].name, "\U0001f4be");
    w->table->entries[1].attributes ^= TABLE_ACTIVE;
    assert_int_equal(table_write(w->bd, w->table, &e), 0);
    blockdev_pread(w->bd, after, sizeof(after), 1024 + 128 + 56, &e);
    assert_memory_equal(after, odd, sizeof(after));
}

static void every_write_is_at_one_of_the_tables_places(void **state)
{
    struct world *w = *state;

    strcpy(w->table->entries[1].name, "new");
    world_writes_in_places(w);
}

/* Entries of another size, more of them, elsewhere: as other tools make them. */
static void a_table_of_another_shape_keeps_it(void **state)
{
    struct err e;
    struct blockdev *bd = mem_open(64 * MIB, 512, &e);
    struct table *table = two_partitions(bd, "dev"), *read;

    (void)state;
    table->slots = 1000;
    table->entry_bytes = 512;
    table->entries_at = 600 * 512;
    table->usable = (struct extent){2 * MIB, 60 * MIB};
    table->entries[0].number = 7;
    table->entries[0].range = (struct extent){6 * MIB, 512};
    table->entries[1].number = 1000;
    table->entries[1].range.start = 9 * MIB + 512;
    assert_int_equal(table_write(bd, table, &e), 0);
    read = table_read(bd, &e);
    assert_true(table_equal(read, table));
    assert_int_equal(read->n_damage, 0);
    read->slots = read->entry_bytes = 0; /* as one made by hand */
    read->entries_at = 0;
    strcpy(read->entries[0].name, "other");
    assert_int_equal(table_write(bd, read, &e), 0);
    table_free(read);
    read = table_read(bd, &e);
    assert_int_equal(read->slots, 1000);
    assert_int_equal(read->entry_bytes, 512);
    assert_int_equal(read->entries_at, 600 * 512);
    assert_string_equal(read->entries[0].name, "other");
    table_free(read);
    table_free(table);
    blockdev_close(bd);
}

/* ---- what cannot be written ---- */

static void names_that_do_not_fit_are_refused(void **state)
{
    struct world *w = *state;
    char *name = w->table->entries[1].name;
    struct err e;

    memset(name, 'x', 36);
    name[36] = '\0';
    assert_int_equal(table_write(w->bd, w->table, &e), 0);
    strcpy(
        name,
        "\U0001f4be\U0001f4be\U0001f4be\U0001f4be\U0001f4be\U0001f4be\U0001f4be\U0001f4be\U0001f4be"
        "\U0001f4be\U0001f4be\U0001f4be\U0001f4be\U0001f4be\U0001f4be\U0001f4be\U0001f4be"
        "\U0001f4be");
    assert_int_equal(table_write(w->bd, w->table, &e), 0);
    strcat(name, "x");
    world_refuses(w, ERR_USAGE, "partition 2: the name");
    strcpy(name, "\xc0\x80");
    world_refuses(w, ERR_USAGE, "not UTF-8");
}

static void entries_that_collide_are_refused(void **state)
{
    struct world *w = *state;
    struct table_entry *second = &w->table->entries[1];
    const struct table_entry good = *second;

    second->range.start -= 512;
    world_refuses(w, ERR_NO_SPACE, "partition 2 overlaps partition 1");
    *second = good;
    second->range.bytes = extent_end(&w->table->usable);
    world_refuses(w, ERR_NO_SPACE, "partition 2");
    *second = good;
    second->range.start += 1;
    world_refuses(w, ERR_USAGE, "whole sectors");
    *second = good;
    second->uuid = w->table->entries[0].uuid;
    world_refuses(w, ERR_USAGE, "same GUID");
    *second = good;
    second->number = 129;
    world_refuses(w, ERR_NO_SPACE, "room for 128");
    *second = good;
    second->number = 1;
    world_refuses(w, ERR_USAGE, "more than one partition 1");
    *second = good;
    second->type = (struct guid){0};
    world_refuses(w, ERR_USAGE, "no type");
}

static void gaps_are_what_is_free(void **state)
{
    struct world *w = *state;
    struct extent *gaps;
    struct err e;
    size_t n;

    table_remove(w->table, 1);
    assert_int_equal(table_gaps(w->table, false, &gaps, &n, &e), 0);
    assert_int_equal(n, 2);
    assert_int_equal(gaps[0].start, MIB);
    assert_int_equal(gaps[0].bytes, 2 * MIB);
    assert_int_equal(gaps[1].start, 5 * MIB);
    assert_int_equal(extent_end(&gaps[1]), extent_end(&w->table->usable));
    free(gaps);
}

/* A filesystem that was made on the whole disk is not hidden by what is left of a GPT at its end.
 */
static void a_backup_behind_something_else_is_only_left_over(void **state)
{
    struct world *w = *state;
    uint8_t *zeros = calloc(1, 34 * 512);

    world_put(w, 0, zeros, 34 * 512);
    world_has_damage(w, DAMAGE_PRIMARY, "not there");
    world_put(w, 1080, "\x53\xef", 2); /* an ext superblock */
    world_has_damage(w, DAMAGE_STALE_SIGNATURE, "has left its backup");
    assert_int_equal(w->table->kind, TABLE_NONE);
    free(zeros);
}

#define DAMAGED(test) cmocka_unit_test_setup_teardown(test, setup, world_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_table_reads_back_with_512_byte_sectors),
        cmocka_unit_test(a_table_reads_back_with_4096_byte_sectors),
        cmocka_unit_test(a_blank_disk_has_no_table),
        cmocka_unit_test(boot_code_survives_a_new_table),
        DAMAGED(a_damaged_primary_is_found_and_mended),
        DAMAGED(a_damaged_entry_of_the_primary_is_found_and_mended),
        DAMAGED(a_damaged_backup_is_found_and_mended),
        DAMAGED(two_damaged_copies_forbid_changes),
        DAMAGED(copies_that_differ_are_brought_in_line),
        DAMAGED(a_missing_protective_mbr_is_found_and_mended),
        DAMAGED(a_hybrid_mbr_is_listed_and_forbids_changes),
        DAMAGED(overlapping_partitions_are_named),
        DAMAGED(a_partition_out_of_range_is_named),
        DAMAGED(two_partitions_of_one_guid_are_named),
        DAMAGED(a_disk_that_was_enlarged_has_more_room_and_gets_its_backup_moved),
        DAMAGED(the_backup_of_an_enlarged_disk_is_found_without_a_whole_primary),
        DAMAGED(a_disk_that_is_too_small_forbids_changes),
        DAMAGED(a_disk_that_lost_free_space_only_is_mended),
        cmocka_unit_test(the_largest_disk_there_can_be_has_a_table),
        cmocka_unit_test(a_disk_without_room_for_a_gpt_gets_none),
        DAMAGED(an_unchanged_table_is_not_written),
        DAMAGED(bytes_that_berth_does_not_know_stay),
        DAMAGED(every_write_is_at_one_of_the_tables_places),
        cmocka_unit_test(a_table_of_another_shape_keeps_it),
        DAMAGED(names_that_do_not_fit_are_refused),
        DAMAGED(entries_that_collide_are_refused),
        DAMAGED(gaps_are_what_is_free),
        DAMAGED(a_backup_behind_something_else_is_only_left_over),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
