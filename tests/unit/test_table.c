// SPDX-License-Identifier: GPL-3.0-or-later
/* The partition table: what is written reads back, and survives a cut after any write. */
#include "core/size.h"
#include "partition/table.h"
#include "partition/type.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct table *two_partitions(struct blockdev *bd, const char *second)
{
    struct err e;
    struct guid uuid;
    struct table *table;

    assert_int_equal(guid_parse("11111111-2222-3333-4444-555555555555", &uuid, &e), 0);
    table = table_new(bd, &uuid, &e);
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

static void a_large_disk_needs_no_space(void **state)
{
    struct err e;
    struct blockdev *bd = mem_open(UINT64_C(1) << 44, 512, &e);
    struct table *table = two_partitions(bd, "dev");

    (void)state;
    assert_int_equal(table_write(bd, table, &e), 0);
    table_free(table);
    blockdev_close(bd);
}

/* ---- a device that stops after so many writes, as a power cut does ---- */

struct cut {
    struct blockdev bd;
    struct blockdev *below;
    int left; /* writes until the cut */
};

static int cut_pread(struct blockdev *bd, void *buf, size_t n, uint64_t offset, struct err *e)
{
    return blockdev_pread(((struct cut *)bd)->below, buf, n, offset, e);
}

static int cut_pwrite(struct blockdev *bd, const void *buf, size_t n, uint64_t offset,
                      struct err *e)
{
    struct cut *c = (struct cut *)bd;

    if (c->left-- <= 0)
        return err_set(e, ERR_IO, "the power failed");
    return blockdev_pwrite(c->below, buf, n, offset, e);
}

static int cut_flush(struct blockdev *bd, struct err *e)
{
    return blockdev_flush(((struct cut *)bd)->below, e);
}

static const struct blockdev_ops cut_ops = {
    .kind = "cut", .pread = cut_pread, .pwrite = cut_pwrite, .flush = cut_flush};

static void after_a_cut_at_any_write_the_table_is_old_or_new(void **state)
{
    struct err e;
    bool saw_old = false, saw_new = false;

    (void)state;
    for (int left = 0;; left++) {
        struct blockdev *bd = mem_open(64 * MIB, 512, &e);
        struct table *old = two_partitions(bd, "old"), *new = two_partitions(bd, "new"), *read;
        struct cut cut = {{&cut_ops, bd->bytes, 512, "cut"}, bd, left};
        int result;

        assert_int_equal(table_write(bd, old, &e), 0);
        result = table_write(&cut.bd, new, &e);
        read = table_read(bd, &e);
        assert_non_null(read);
        assert_int_equal(read->n, 2);
        if (strcmp(read->entries[1].name, "old") == 0)
            saw_old = true;
        else
            saw_new = true;
        assert_true(strcmp(read->entries[1].name, "old") == 0 ||
                    strcmp(read->entries[1].name, "new") == 0);
        assert_int_equal(table_write(bd, new, &e), 0);
        table_free(read);
        read = table_read(bd, &e);
        assert_false(read->copies_differ);
        assert_string_equal(read->entries[1].name, "new");
        table_free(read);
        table_free(old);
        table_free(new);
        blockdev_close(bd);
        if (result == 0)
            break;
    }
    assert_true(saw_old && saw_new);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_table_reads_back_with_512_byte_sectors),
        cmocka_unit_test(a_table_reads_back_with_4096_byte_sectors),
        cmocka_unit_test(a_blank_disk_has_no_table),
        cmocka_unit_test(boot_code_survives_a_new_table),
        cmocka_unit_test(a_large_disk_needs_no_space),
        cmocka_unit_test(after_a_cut_at_any_write_the_table_is_old_or_new),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
