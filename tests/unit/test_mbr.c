// SPDX-License-Identifier: GPL-3.0-or-later
/* The MBR: what it is told from, the chain of extended boot records and its damage, conversion.
 * Cuts: test_table_cut.c. */
#include "core/size.h"
#include "partition/mbr.h"
#include "partition/type.h"

#include <endian.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "table_world.h"

#define DISK (64 * MIB)

static void add(struct table *table, unsigned number, uint64_t start, uint64_t bytes, uint8_t code)
{
    struct table_entry entry = {.number = number, .range = {start, bytes}, .code = code};
    struct err e;

    assert_int_equal(table_insert(table, &entry, &e), 0);
}

/* 1, an extended 2 with 5, 6 and 7, and 3. */
static struct table *sample(struct blockdev *bd)
{
    struct guid id = {{0xd0, 0xe0, 0xe1, 0xc6}};
    struct err e;
    struct table *table = table_new(bd, TABLE_MBR, &id, &e);

    assert_non_null(table);
    table->extended = (struct table_extended){2, 0x0f, {10 * MIB, 30 * MIB}};
    add(table, 1, MIB, 9 * MIB, 0x83);
    add(table, 3, 40 * MIB, 8 * MIB, 0x07);
    add(table, 5, 11 * MIB, 4 * MIB, 0x83);
    add(table, 6, 16 * MIB, 4 * MIB, 0x82);
    add(table, 7, 25 * MIB, 4 * MIB, 0x83);
    return table;
}

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof(*w));
    struct err e;

    w->bd = mem_open(DISK, 512, &e);
    w->table = sample(w->bd);
    *state = w;
    if (table_write(w->bd, w->table, &e) < 0)
        return -1;
    world_read(w);
    return 0;
}

/* ---- reading back ---- */

static void check_reads_back(unsigned sector)
{
    struct err e;
    struct blockdev *bd = mem_open(DISK, sector, &e);
    struct table *table = sample(bd), *read;

    assert_int_equal(table_write(bd, table, &e), 0);
    read = table_read(bd, &e);
    assert_true(table_equal(read, table));
    assert_int_equal(read->n_damage, 0);
    assert_int_equal(read->entries[2].ebr, 10 * MIB);
    assert_true(read->entries[3].ebr > 10 * MIB && read->entries[3].ebr < 16 * MIB);
    table_free(read);
    table_free(table);
    blockdev_close(bd);
}

static void a_table_reads_back_with_either_sector_size(void **state)
{
    (void)state;
    check_reads_back(512);
    check_reads_back(4096);
}

static void a_partition_is_known_by_the_disks_id_and_its_number(void **state)
{
    struct world *w = *state;
    char text[GUID_TEXT];

    assert_string_equal(table_uuid_print(TABLE_MBR, &w->table->uuid, text), "c6e1e0d0");
    assert_string_equal(table_uuid_print(TABLE_MBR, &w->table->entries[2].uuid, text),
                        "c6e1e0d0-05");
    assert_true(guid_equal(&w->table->entries[2].type, &partition_type("linux")->guid));
}

static void removing_a_logical_partition_renumbers_those_behind_it(void **state)
{
    struct world *w = *state;
    struct guid uuid = table_mbr_uuid(w->table, 6);

    table_remove(w->table, 5);
    assert_int_equal(w->table->n, 4);
    assert_int_equal(w->table->entries[3].number, 6);
    assert_true(guid_equal(&w->table->entries[3].uuid, &uuid));
    world_write(w);
    world_read(w);
    assert_int_equal(w->table->entries[2].range.start, 16 * MIB);
    assert_int_equal(w->table->n_damage, 0);
}

/* Of a record with a link alone other tools say that it is damaged. */
static void the_first_boot_record_has_the_first_partition(void **state)
{
    struct world *w = *state;
    struct cut_recorder recorder = cut_record(w->bd);
    struct err e;

    table_remove(w->table, 5);
    assert_int_equal(table_write(&recorder.bd, w->table, &e), 0);
    assert_int_equal(recorder.n, 2); /* and a flush */
    assert_int_equal(recorder.writes[0].offset, 10 * MIB);
    cut_clear(&recorder);
    world_read(w);
    assert_int_equal(w->table->entries[2].range.start, 16 * MIB);
    assert_int_equal(w->table->entries[2].ebr, 10 * MIB);
}

/* One that another program made is not touched for the sake of something else. */
static void a_first_boot_record_without_a_partition_stays(void **state)
{
    struct world *w = *state;
    uint8_t records[64] = {[4] = 5};
    uint32_t link = htole32((uint32_t)((w->table->entries[3].ebr - 10 * MIB) / 512));
    uint32_t sectors = htole32(8192);

    memcpy(records + 8, &link, sizeof(link));
    memcpy(records + 12, &sectors, sizeof(sectors));
    world_put(w, 10 * MIB + 446, records, sizeof(records));
    assert_int_equal(world_read(w)->n, 4);
    assert_int_equal(w->table->n_damage, 0);
    world_writes_nothing(w);
}

static void removing_the_extended_partition_removes_the_logical_ones(void **state)
{
    struct world *w = *state;

    table_remove(w->table, 2);
    assert_int_equal(w->table->n, 2);
    assert_int_equal(table_free_number(w->table), 2);
    world_write(w);
    assert_int_equal(world_read(w)->n, 2);
}

static void an_unchanged_table_is_not_written(void **state)
{
    world_writes_nothing(*state);
}

/* Another type takes one sector, wherever it is in the chain. */
static void a_changed_type_is_one_write(void **state)
{
    struct world *w = *state;
    struct cut_recorder recorder = cut_record(w->bd);
    struct err e;

    w->table->entries[3].code = 0x8e;
    assert_int_equal(table_write(&recorder.bd, w->table, &e), 0);
    assert_int_equal(recorder.n, 2); /* and a flush */
    assert_int_equal(recorder.writes[0].bytes, 512);
    assert_int_equal(recorder.writes[0].offset, w->table->entries[3].ebr);
    cut_clear(&recorder);
}

static void every_write_is_at_one_of_the_tables_places(void **state)
{
    struct world *w = *state;

    w->table->entries[2].code = 0x8e;
    w->table->entries[4].range.bytes += MIB;
    w->table->extended.range.bytes -= MIB;
    w->table->entries[1].range.start -= MIB;
    world_writes_in_places(w);
}

static void gaps_leave_room_for_a_boot_record(void **state)
{
    struct world *w = *state;
    struct extent *gaps;
    struct err e;
    size_t n;

    assert_int_equal(table_gaps(w->table, false, &gaps, &n, &e), 0);
    assert_int_equal(n, 1);
    assert_int_equal(gaps[0].start, 48 * MIB);
    free(gaps);
    assert_int_equal(table_gaps(w->table, true, &gaps, &n, &e), 0);
    for (size_t i = 0; i < n; i++) {
        struct table_entry entry = {.number = 8, .range = gaps[i], .code = 0x83};
        struct table *copy = table_copy(w->table, &e);

        assert_int_equal(table_insert(copy, &entry, &e), 0);
        assert_int_equal(table_validate(copy, w->bd, &e), 0);
        table_free(copy);
    }
    assert_true(n >= 3);
    free(gaps);
}

/* ---- damage ---- */

/* The link of the chain's record at `at`, in sectors from the extended partition's start. */
static void put_link(struct world *w, uint64_t at, uint32_t lba)
{
    lba = htole32(lba);
    world_put(w, at + 446 + 16 + 8, &lba, sizeof(lba));
}

static void a_loop_in_the_chain_is_found(void **state)
{
    struct world *w = *state;
    uint64_t third = w->table->entries[4].ebr;
    uint8_t link[16] = {0, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0};

    world_put(w, third + 446 + 16, link, sizeof(link));
    world_has_damage(w, DAMAGE_EBR_LOOP, "partition 8");
    put_link(w, third, (uint32_t)((third - 10 * MIB) / 512));
    world_has_damage(w, DAMAGE_EBR_LOOP, "passed already");
    assert_int_equal(w->table->n, 5);
    assert_non_null(table_problem(w->table));
}

static void a_boot_record_outside_the_extended_partition_is_found(void **state)
{
    struct world *w = *state;

    put_link(w, w->table->entries[3].ebr, (uint32_t)(30 * MIB / 512));
    world_has_damage(w, DAMAGE_EBR_DAMAGED, "outside the extended partition");
    put_link(w, w->table->entries[3].ebr, UINT32_MAX);
    world_has_damage(w, DAMAGE_EBR_DAMAGED, "partition 7");
    assert_int_equal(w->table->n, 4);
}

static void a_boot_record_inside_a_partition_is_found(void **state)
{
    struct world *w = *state;
    uint8_t record[512];
    struct err e;

    /* partition 7's record, in partition 5 */
    blockdev_pread(w->bd, record, sizeof(record), w->table->entries[4].ebr, &e);
    world_put(w, 12 * MIB, record, sizeof(record));
    put_link(w, w->table->entries[3].ebr, (uint32_t)(2 * MIB / 512));
    world_has_damage(w, DAMAGE_EBR_INSIDE, "partition 7 lies inside partition 5");
}

static void a_boot_record_that_is_none_is_found(void **state)
{
    struct world *w = *state;

    world_put(w, w->table->entries[3].ebr + 510, "xx", 2);
    world_has_damage(w, DAMAGE_EBR_LOST, "partition 6");
    assert_int_equal(w->table->n, 3);
}

static void overlapping_logical_partitions_are_named(void **state)
{
    struct world *w = *state;
    uint32_t sectors = htole32(20 * MIB / 512);

    world_put(w, w->table->entries[2].ebr + 446 + 12, &sectors, sizeof(sectors));
    world_has_damage(w, DAMAGE_OVERLAP, "partition 6 overlaps partition 5");
}

static void a_partition_past_the_end_is_named(void **state)
{
    struct world *w = *state;
    uint32_t sectors = htole32(60 * MIB / 512);

    world_put(w, 446 + 2 * 16 + 12, &sectors, sizeof(sectors));
    world_has_damage(w, DAMAGE_OUT_OF_RANGE, "partition 3 lies past the end of the disk");
}

/* ---- what is an MBR ---- */

static enum table_kind kind_of(struct world *w)
{
    return world_read(w)->kind;
}

/* The boot sector of a FAT filesystem, without its boot code. */
static void put_fat(struct world *w, uint8_t filler)
{
    uint8_t sector[512];

    memset(sector, filler, sizeof(sector));
    memcpy(sector, "\xeb\x58\x90mkfs.fat", 11);
    memcpy(sector + 82, "FAT32   ", 8);
    sector[510] = 0x55;
    sector[511] = 0xaa;
    world_put(w, 0, sector, sizeof(sector));
}

static void a_boot_sector_of_a_filesystem_is_no_table(void **state)
{
    struct world *w = *state;

    put_fat(w, 0);
    assert_int_equal(kind_of(w), TABLE_NONE);
    put_fat(w, 't'); /* boot code and text where records would be */
    assert_int_equal(kind_of(w), TABLE_NONE);
    put_fat(w, 0x80);
    assert_int_equal(kind_of(w), TABLE_NONE);
}

static void a_table_behind_a_bootloaders_jump_is_one(void **state)
{
    struct world *w = *state;

    world_put(w, 0, "\xeb\x63\x90", 3);
    assert_int_equal(kind_of(w), TABLE_MBR);
    world_put(w, 3, "NTFS    ", 8); /* even that, as long as all its partitions could be some */
    assert_int_equal(kind_of(w), TABLE_MBR);
}

static void an_empty_table_is_told_from_boot_code_by_its_id(void **state)
{
    struct world *w = *state;
    uint8_t zeros[72] = {0};

    memset(zeros, 0, sizeof(zeros));
    zeros[70] = 0x55;
    zeros[71] = 0xaa;
    world_put(w, 0, "\xeb\x63\x90", 3);
    world_put(w, 440, zeros, sizeof(zeros));
    assert_int_equal(kind_of(w), TABLE_NONE);
    world_put(w, 440, "\1\2\3\4", 4);
    assert_int_equal(kind_of(w), TABLE_MBR);
    assert_int_equal(w->table->n, 0);
}

static void a_gpt_that_an_mbr_replaced_is_only_left_over(void **state)
{
    struct world *w = *state;
    struct table *gpt = table_new(w->bd, TABLE_GPT, &w->table->uuid, &(struct err){0});
    uint8_t mbr[512];
    struct err e;

    blockdev_pread(w->bd, mbr, sizeof(mbr), 0, &e);
    assert_int_equal(table_write(w->bd, gpt, &e), 0);
    assert_int_equal(kind_of(w), TABLE_GPT);
    world_put(w, 0, mbr, sizeof(mbr)); /* as a tool that knows no GPT does */
    world_has_damage(w, DAMAGE_STALE_SIGNATURE, "signature");
    assert_int_equal(w->table->kind, TABLE_MBR);
    assert_int_equal(w->table->n, 5);
    table_free(gpt);
}

/* ---- what cannot be written ---- */

static void what_an_mbr_cannot_hold_is_refused(void **state)
{
    struct world *w = *state;
    struct table_entry *entry = &w->table->entries[0];
    const struct table_entry good = *entry;

    strcpy(entry->name, "x");
    world_refuses(w, ERR_USAGE, "no name");
    *entry = good;
    entry->code = 0x0f;
    world_refuses(w, ERR_USAGE, "partition 1: 0x0f");
    *entry = good;
    entry->code = 0;
    world_refuses(w, ERR_USAGE, "partition 1: 0x00");
    *entry = good;
    entry->number = 2;
    world_refuses(w, ERR_USAGE, "more than one partition 2");
    *entry = good;
    entry->range.bytes += 512;
    world_refuses(w, ERR_NO_SPACE, "partition 2 overlaps partition 1");
    *entry = good;
    w->table->entries[4].number = 9;
    world_refuses(w, ERR_USAGE, "partition 9");
    w->table->entries[4].number = 7;
    w->table->entries[4].range.bytes = 16 * MIB;
    world_refuses(w, ERR_NO_SPACE, "partition 7 lies outside the extended partition");
}

static void a_logical_partition_without_room_for_its_boot_record_is_refused(void **state)
{
    struct world *w = *state;

    w->table->entries[2].range = (struct extent){10 * MIB + 512, 6 * MIB - 512};
    world_refuses(w, ERR_NO_SPACE, "boot record");
}

static void more_than_32_bits_of_sectors_are_refused(void **state)
{
    struct err e;
    struct world w = {.bd = mem_open(UINT64_C(3) << 40, 512, &e)};

    (void)state;
    w.table = sample(w.bd);
    w.table->entries[1].range.bytes = UINT64_C(2) << 40;
    world_refuses(&w, ERR_NO_SPACE, "partition 3");
    assert_int_equal(extent_end(&w.table->usable), UINT64_C(2) << 40);
    table_free(w.table);
    blockdev_close(w.bd);
}

/* ---- conversion ---- */

static bool has_range(const struct table *table, struct extent range)
{
    for (size_t i = 0; i < table->n; i++)
        if (table->entries[i].range.start == range.start &&
            table->entries[i].range.bytes == range.bytes)
            return true;
    return false;
}

static void an_mbr_becomes_a_gpt_with_the_same_partitions(void **state)
{
    struct world *w = *state;
    struct err e;
    struct table *gpt = table_convert(w->table, TABLE_GPT, w->bd, &e);

    assert_non_null(gpt);
    assert_int_equal(gpt->n, 5);
    assert_int_equal(table_write(w->bd, gpt, &e), 0);
    world_read(w);
    assert_true(table_equal(w->table, gpt));
    assert_int_equal(w->table->n_damage, 0);
    assert_int_equal(w->table->entries[4].number, 7);
    assert_true(partition_type_is(&w->table->entries[3].type, "swap"));
    table_free(gpt);
}

static void a_gpt_becomes_an_mbr_and_leaves_no_signature(void **state)
{
    struct world *w = *state;
    struct err e;
    struct table *gpt, *mbr;

    table_remove(w->table, 2);
    gpt = table_convert(w->table, TABLE_GPT, w->bd, &e);
    gpt->entries[1].number = 90;
    assert_int_equal(table_write(w->bd, gpt, &e), 0);
    mbr = table_convert(gpt, TABLE_MBR, w->bd, &e);
    assert_non_null(mbr);
    assert_int_equal(table_write(w->bd, mbr, &e), 0);
    world_read(w);
    assert_true(table_equal(w->table, mbr));
    assert_int_equal(w->table->n_damage, 0);
    assert_int_equal(w->table->entries[1].number, 2);
    assert_int_equal(w->table->entries[1].code, 0x07);
    table_free(gpt);
    table_free(mbr);
}

/* Three stay primary; the others get their boot records where no partition is. */
static void a_gpt_of_more_than_four_gets_an_extended_partition(void **state)
{
    struct world *w = *state;
    struct err e;
    struct table *gpt = table_convert(w->table, TABLE_GPT, w->bd, &e), *mbr;

    assert_int_equal(table_write(w->bd, gpt, &e), 0);
    mbr = table_convert(gpt, TABLE_MBR, w->bd, &e);
    assert_non_null(mbr);
    assert_int_equal(mbr->extended.range.start, 24 * MIB);
    assert_int_equal(extent_end(&mbr->extended.range), 48 * MIB);
    assert_int_equal(table_write(w->bd, mbr, &e), 0);
    world_read(w);
    assert_true(table_equal(w->table, mbr));
    assert_int_equal(w->table->n_damage, 0);
    for (size_t i = 0; i < gpt->n; i++)
        assert_true(has_range(w->table, gpt->entries[i].range));
    table_free(gpt);
    table_free(mbr);
}

/* Where nothing is free in front of the last ones others become logical. */
static void the_extended_partition_goes_where_there_is_room(void **state)
{
    struct world *w = *state;
    struct err e;
    struct table *gpt = table_convert(w->table, TABLE_GPT, w->bd, &e), *mbr;

    gpt->entries[1].range.start = 29 * MIB; /* right behind the one before */
    mbr = table_convert(gpt, TABLE_MBR, w->bd, &e);
    assert_non_null(mbr);
    assert_int_equal(mbr->extended.range.start, 15 * MIB);
    assert_int_equal(table_validate(mbr, w->bd, &e), 0);
    table_free(gpt);
    table_free(mbr);
}

static void what_does_not_fit_is_not_converted(void **state)
{
    struct world *w = *state;
    struct err e;
    struct table *gpt = table_convert(w->table, TABLE_GPT, w->bd, &e);

    for (size_t i = 1; i < 4; i++) /* nothing is free before the first four */
        gpt->entries[i].range.start = extent_end(&gpt->entries[i - 1].range);
    gpt->entries[4].range = (struct extent){extent_end(&gpt->entries[3].range), MIB};
    assert_null(table_convert(gpt, TABLE_MBR, w->bd, &e));
    assert_non_null(strstr(e.text, "4 primary"));
    assert_non_null(strstr(e.text, "partition 6 would"));
    assert_non_null(strstr(e.hint, "part resize memory 5"));
    w->table->entries[1].range.bytes = 24 * MIB; /* up to the end of the disk */
    assert_null(table_convert(w->table, TABLE_GPT, w->bd, &e));
    assert_non_null(strstr(e.text, "partition 3"));
    assert_int_equal(e.code, ERR_NO_SPACE);
    table_free(gpt);
}

/* ---- types ---- */

static void types_are_understood_as_people_write_them(void **state)
{
    struct guid type;
    uint8_t code;
    struct err e;

    (void)state;
    static const struct {
        const char *text;
        enum table_kind kind;
        const char *name;
        uint8_t code;
    } good[] = {
        {"L", TABLE_GPT, "linux", 0},
        {"root-x86-64", TABLE_GPT, "root", 0},
        {"EF00", TABLE_GPT, "esp", 0},
        {"linux-generic", TABLE_MBR, "linux", 0x83},
        {"82", TABLE_MBR, "swap", 0x82},
        {"0x8e", TABLE_MBR, "lvm", 0x8e},
        {"incomplete", TABLE_MBR, "incomplete", 0x7f},
        {"moving", TABLE_GPT, "moving", 0},
        {"C12A7328-F81F-11D2-BA4B-00A0C93EC93B", TABLE_MBR, "esp", 0xef},
        {"fat32", TABLE_MBR, "windows", 0x0c},
    };

    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_int_equal(partition_type_parse(good[i].text, good[i].kind, &type, &code, &e), 0);
        assert_true(partition_type_is(&type, good[i].name));
        assert_int_equal(code, good[i].code);
    }
    assert_int_equal(partition_type_parse("3", TABLE_MBR, &type, &code, &e), 0);
    assert_int_equal(code, 3);
    assert_int_equal(
        partition_type_parse("12345678-0000-0000-0000-000000000000", TABLE_GPT, &type, &code, &e),
        0);
    assert_int_equal(partition_type_parse("bios-boot", TABLE_MBR, &type, &code, &e), -1);
    assert_int_equal(partition_type_parse("extended", TABLE_GPT, &type, &code, &e), -1);
    assert_int_equal(partition_type_parse("83", TABLE_GPT, &type, &code, &e), -1);
    assert_int_equal(partition_type_parse("0", TABLE_MBR, &type, &code, &e), -1);
    assert_int_equal(partition_type_parse("nonsense", TABLE_MBR, &type, &code, &e), -1);
}

#define ON_SAMPLE(test) cmocka_unit_test_setup_teardown(test, setup, world_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_table_reads_back_with_either_sector_size),
        ON_SAMPLE(a_partition_is_known_by_the_disks_id_and_its_number),
        ON_SAMPLE(removing_a_logical_partition_renumbers_those_behind_it),
        ON_SAMPLE(the_first_boot_record_has_the_first_partition),
        ON_SAMPLE(a_first_boot_record_without_a_partition_stays),
        ON_SAMPLE(removing_the_extended_partition_removes_the_logical_ones),
        ON_SAMPLE(an_unchanged_table_is_not_written),
        ON_SAMPLE(a_changed_type_is_one_write),
        ON_SAMPLE(every_write_is_at_one_of_the_tables_places),
        ON_SAMPLE(gaps_leave_room_for_a_boot_record),
        ON_SAMPLE(a_loop_in_the_chain_is_found),
        ON_SAMPLE(a_boot_record_outside_the_extended_partition_is_found),
        ON_SAMPLE(a_boot_record_inside_a_partition_is_found),
        ON_SAMPLE(a_boot_record_that_is_none_is_found),
        ON_SAMPLE(overlapping_logical_partitions_are_named),
        ON_SAMPLE(a_partition_past_the_end_is_named),
        ON_SAMPLE(a_boot_sector_of_a_filesystem_is_no_table),
        ON_SAMPLE(a_table_behind_a_bootloaders_jump_is_one),
        ON_SAMPLE(an_empty_table_is_told_from_boot_code_by_its_id),
        ON_SAMPLE(a_gpt_that_an_mbr_replaced_is_only_left_over),
        ON_SAMPLE(what_an_mbr_cannot_hold_is_refused),
        ON_SAMPLE(a_logical_partition_without_room_for_its_boot_record_is_refused),
        cmocka_unit_test(more_than_32_bits_of_sectors_are_refused),
        ON_SAMPLE(an_mbr_becomes_a_gpt_with_the_same_partitions),
        ON_SAMPLE(a_gpt_becomes_an_mbr_and_leaves_no_signature),
        ON_SAMPLE(a_gpt_of_more_than_four_gets_an_extended_partition),
        ON_SAMPLE(the_extended_partition_goes_where_there_is_room),
        ON_SAMPLE(what_does_not_fit_is_not_converted),
        cmocka_unit_test(types_are_understood_as_people_write_them),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
