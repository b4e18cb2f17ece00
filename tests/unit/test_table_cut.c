// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The power goes while a partition table is written. Random tables are changed in random ways; in
 * every state that a cut could leave, the old or the new table is read, no partition that is in
 * both is missing, and writing the new table again completes it.
 */
#include "core/size.h"
#include "partition/table.h"
#include "power_cut.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define DISK   MIB
#define GRAIN  (16 * KIB)
#define ROUNDS 40

static unsigned below(unsigned *seed, unsigned n)
{
    return (unsigned)rand_r(seed) % n;
}

struct change {
    const struct table *old, *new;
    bool one_sector; /* sector 0 and the chain do not change both: nothing in between may be read */
    size_t in_between;
};

static bool has_range(const struct table *table, struct extent range)
{
    for (size_t i = 0; i < table->n; i++)
        if (table->entries[i].range.start == range.start &&
            table->entries[i].range.bytes == range.bytes)
            return true;
    return false;
}

static void describe(const char *what, const struct table *table)
{
    print_error("%s: kind %d, extended %u at %llu+%llu\n", what, table->kind,
                table->extended.number, (unsigned long long)table->extended.range.start / 512,
                (unsigned long long)table->extended.range.bytes / 512);
    for (size_t i = 0; i < table->n; i++)
        print_error("  %u %llu+%llu type %02x ebr %llu %s\n", table->entries[i].number,
                    (unsigned long long)table->entries[i].range.start / 512,
                    (unsigned long long)table->entries[i].range.bytes / 512, table->entries[i].code,
                    (unsigned long long)table->entries[i].ebr / 512, table->entries[i].name);
    for (size_t i = 0; i < table->n_damage; i++)
        print_error("  damage: %s\n", table->damage[i].text);
}

/* Of a cut between an MBR and the signatures of the GPT before it, the latter are left. */
static int complete(struct blockdev *disk, const struct table *new, struct err *e)
{
    if (table_write(disk, new, e) < 0)
        return -1;
    return new->kind == TABLE_MBR ? table_erase_stale(disk, new, e) : 0;
}

static void check_state(struct blockdev *disk, void *arg)
{
    struct change *change = arg;
    struct err e = {0};
    struct table *read = table_read(disk, &e), *again = NULL;
    bool old = table_equal(read, change->old), new = table_equal(read, change->new);
    bool wrong = table_problem(read) != NULL || (change->one_sector && !old && !new);

    for (size_t i = 0; i < change->old->n; i++)
        if (has_range(change->new, change->old->entries[i].range) &&
            !has_range(read, change->old->entries[i].range))
            wrong = true;
    change->in_between += !old && !new;
    if (wrong || complete(disk, change->new, &e) < 0 ||
        !table_equal(again = table_read(disk, &e), change->new) || again->n_damage > 0) {
        describe("old", change->old);
        describe("new", change->new);
        describe("read", read);
        fail_msg("a cut left something else: %s", e.text);
    }
    table_free(again);
    table_free(read);
}

/* ---- random tables ---- */

/* A free range of whole grains in one of the gaps; bytes 0: none. */
static struct extent random_range(const struct table *table, bool logical, unsigned *seed)
{
    struct extent *gaps, range = {0, 0};
    struct err e;
    size_t n;

    assert_int_equal(table_gaps(table, logical, &gaps, &n, &e), 0);
    for (int tries = 0; tries < 8 && n > 0 && range.bytes == 0; tries++) {
        const struct extent *gap = &gaps[below(seed, (unsigned)n)];
        uint64_t start = round_up(gap->start, GRAIN), end = round_down(extent_end(gap), GRAIN);
        uint64_t room = end > start ? (end - start) / GRAIN : 0;

        if (room == 0)
            continue;
        range.start = start + below(seed, (unsigned)room) * GRAIN;
        range.bytes = (1 + below(seed, (unsigned)((end - range.start) / GRAIN))) * GRAIN;
        if (range.bytes > 24 * GRAIN)
            range.bytes = 24 * GRAIN;
    }
    free(gaps);
    return range;
}

static void add(struct table *table, bool logical, unsigned *seed)
{
    struct table_entry entry = {.number = table_free_number(table)};
    struct err e;

    entry.range = random_range(table, logical, seed);
    if (logical)
        entry.number = table->n > 0 && table->entries[table->n - 1].number >= 5
                           ? table->entries[table->n - 1].number + 1
                           : 5;
    if (entry.range.bytes == 0 || entry.number == 0)
        return;
    if (table->kind == TABLE_GPT) {
        guid_new(&entry.uuid, &e);
        guid_new(&entry.type, &e);
        snprintf(entry.name, sizeof(entry.name), "p%u", below(seed, 1000));
    } else {
        entry.code = below(seed, 2) ? 0x83 : 0x82;
    }
    assert_int_equal(table_insert(table, &entry, &e), 0);
}

static void add_extended(struct table *table, unsigned *seed)
{
    struct extent range = random_range(table, false, seed);
    unsigned number = table_free_number(table);

    if (table->extended.range.bytes > 0 || range.bytes < 4 * GRAIN || number == 0)
        return;
    table->extended = (struct table_extended){number, 0x0f, range};
}

/* The extended partition at other ends, with what is in it where that is possible. */
static void resize_extended(struct table *table, unsigned *seed)
{
    struct extent *range = &table->extended.range;
    int64_t grains = (int)below(seed, 9) - 4;

    if (range->bytes == 0)
        return;
    if (below(seed, 2)) {
        range->bytes = (uint64_t)((int64_t)range->bytes + grains * (int64_t)GRAIN);
        return;
    }
    range->start = (uint64_t)((int64_t)range->start + grains * (int64_t)GRAIN);
    range->bytes = (uint64_t)((int64_t)range->bytes - grains * (int64_t)GRAIN);
}

static void change_one(struct table *table, unsigned *seed)
{
    struct table_entry *entry =
        table->n > 0 ? &table->entries[below(seed, (unsigned)table->n)] : NULL;
    bool mbr = table->kind == TABLE_MBR;

    switch (below(seed, 8)) {
    case 0:
    case 1:
        add(table, mbr && table->extended.range.bytes > 0 && below(seed, 3) > 0, seed);
        break;
    case 2:
        if (entry != NULL)
            table_remove(table, entry->number);
        break;
    case 3:
        if (entry != NULL)
            entry->range.bytes += GRAIN * (below(seed, 5)) - 2 * GRAIN;
        break;
    case 4:
        if (entry != NULL && mbr)
            entry->code = (uint8_t)(0x70 + below(seed, 8));
        else if (entry != NULL)
            snprintf(entry->name, sizeof(entry->name), "r%u", below(seed, 1000));
        break;
    case 5:
        if (mbr)
            add_extended(table, seed);
        break;
    case 6:
        if (mbr)
            resize_extended(table, seed);
        break;
    case 7:
        if (mbr && table->extended.range.bytes > 0 && below(seed, 4) == 0)
            table_remove(table, table->extended.number);
        break;
    }
}

/* Reads it again as if it had been written: types and GUIDs of an MBR follow from codes and
 * numbers. */
static struct table *as_written(struct blockdev *disk, const struct table *table)
{
    struct blockdev *scratch;
    struct table *read;
    struct err e;

    scratch = mem_open(disk->bytes, disk->sector, &e);
    assert_int_equal(table_write(scratch, table, &e), 0);
    read = table_read(scratch, &e);
    if (read->n_damage > 0)
        describe("damaged as written", read);
    assert_int_equal(read->n_damage, 0);
    blockdev_close(scratch);
    return read;
}

static struct table *random_table(struct blockdev *disk, enum table_kind kind, unsigned *seed)
{
    struct guid uuid;
    struct err e;
    struct table *table;

    guid_new(&uuid, &e);
    table = table_new(disk, kind, &uuid, &e);
    assert_non_null(table);
    if (kind == TABLE_MBR && below(seed, 4) > 0)
        add_extended(table, seed);
    for (unsigned i = below(seed, 8); i > 0; i--)
        add(table, table->extended.range.bytes > 0 && below(seed, 4) > 0, seed);
    return table;
}

static struct table *changed(const struct table *table, struct blockdev *disk, unsigned *seed)
{
    struct table *copy;
    struct err e;

    do {
        copy = table_copy(table, &e);
        for (unsigned i = 1 + below(seed, 4); i > 0; i--)
            change_one(copy, seed);
    } while (table_validate(copy, disk, &e) < 0 && (table_free(copy), true));
    return copy;
}

/* Whether sector 0 says the same of both. */
static bool same_sector(const struct table *a, const struct table *b)
{
    struct table x = *a, y = *b;

    while (x.n > 0 && x.entries[x.n - 1].number >= 5)
        x.n--;
    while (y.n > 0 && y.entries[y.n - 1].number >= 5)
        y.n--;
    return table_equal(&x, &y);
}

static bool same_chain(const struct table *a, const struct table *b)
{
    struct table x = *a, y = *b;

    while (x.n > 0 && x.entries->number < 5)
        x.n--, x.entries++;
    while (y.n > 0 && y.entries->number < 5)
        y.n--, y.entries++;
    x.extended = y.extended;
    return table_equal(&x, &y);
}

static bool is_one_sector(const struct table *old, const struct table *new)
{
    return old->kind != TABLE_MBR || new->kind != TABLE_MBR ||
           old->extended.range.start != new->extended.range.start || same_sector(old, new) ||
           same_chain(old, new);
}

struct counts {
    size_t states, in_between, refused;
};

/* Writes the new table to the disk through the recorder, and looks at all states. */
static void cut_change(struct blockdev *disk, const struct table *new, unsigned seed,
                       struct counts *counts)
{
    struct cut_recorder recorder = cut_record(disk);
    uint8_t *before = malloc(disk->bytes);
    struct err e;
    struct table *old = table_read(disk, &e), *read_new = as_written(disk, new);
    struct change change = {old, read_new, is_one_sector(old, read_new), 0};

    assert_int_equal(blockdev_pread(disk, before, disk->bytes, 0, &e), 0);
    if (table_write(&recorder.bd, new, &e) < 0) {
        /* no sector free for the records that would have to move: refused, and nothing written */
        assert_int_equal(e.code, ERR_NO_SPACE);
        assert_int_equal(recorder.n, 0);
        counts->refused++;
    } else if (recorder.n > 0) {
        /* else what its caller notes elsewhere, as in a file, could be there before it */
        assert_int_equal(recorder.writes[recorder.n - 1].bytes, 0);
        counts->states += cut_each(&recorder, before, seed, check_state, &change);
    }
    counts->in_between += change.in_between;
    cut_clear(&recorder);
    free(before);
    table_free(old);
    table_free(read_new);
}

static void check_rounds(enum table_kind from, enum table_kind to, unsigned sector, unsigned rounds)
{
    struct counts counts = {0};

    for (unsigned i = 0; i < rounds; i++) {
        unsigned seed = i * 7919 + sector + from * 17 + to;
        struct err e;
        struct blockdev *disk = mem_open(DISK, sector, &e);
        struct table *old = random_table(disk, from, &seed);
        struct table *new = from == to ? changed(old, disk, &seed) : random_table(disk, to, &seed);

        assert_int_equal(table_write(disk, old, &e), 0);
        cut_change(disk, new, seed, &counts);
        table_free(old);
        table_free(new);
        blockdev_close(disk);
    }
    assert_true(counts.states > rounds && counts.refused < rounds / 10);
    if (from != TABLE_MBR || to != TABLE_MBR)
        assert_int_equal(counts.in_between, 0);
}

static void a_gpt_edit_leaves_the_old_or_the_new_table(void **state)
{
    (void)state;
    check_rounds(TABLE_GPT, TABLE_GPT, 512, ROUNDS);
    check_rounds(TABLE_GPT, TABLE_GPT, 4096, ROUNDS);
}

static void an_mbr_edit_leaves_the_old_or_the_new_table(void **state)
{
    (void)state;
    check_rounds(TABLE_MBR, TABLE_MBR, 512, 4 * ROUNDS);
    check_rounds(TABLE_MBR, TABLE_MBR, 4096, 2 * ROUNDS);
}

static void another_kind_of_table_leaves_the_old_or_the_new_one(void **state)
{
    (void)state;
    check_rounds(TABLE_GPT, TABLE_MBR, 512, ROUNDS);
    check_rounds(TABLE_MBR, TABLE_GPT, 512, ROUNDS);
    check_rounds(TABLE_MBR, TABLE_GPT, 4096, ROUNDS / 2);
}

static void the_first_table_of_a_blank_disk_is_there_or_not(void **state)
{
    struct counts counts = {0};

    (void)state;
    for (unsigned i = 0; i < ROUNDS; i++) {
        unsigned seed = i;
        struct err e;
        struct blockdev *disk = mem_open(DISK, 512, &e);
        struct table *new = random_table(disk, i % 2 == 0 ? TABLE_GPT : TABLE_MBR, &seed);

        cut_change(disk, new, seed, &counts);
        table_free(new);
        blockdev_close(disk);
    }
    assert_true(counts.states > 10 * ROUNDS);
    assert_int_equal(counts.in_between, 0);
}

static void copy_range(struct blockdev *from, struct blockdev *to, uint64_t start, uint64_t bytes)
{
    uint8_t *data = malloc(bytes);
    struct err e;

    assert_int_equal(blockdev_pread(from, data, bytes, start, &e), 0);
    assert_int_equal(blockdev_pwrite(to, data, bytes, start, &e), 0);
    free(data);
}

/* A GPT, or with whole_backup only its primary before the backup of the new one, and an MBR that
 * replaced it: no state on the way to the new GPT is in between. */
static void cut_over_left_over_gpt(unsigned seed, bool whole_backup, struct counts *counts)
{
    struct err e;
    struct blockdev *disk = mem_open(DISK, 512, &e), *other = mem_open(DISK, 512, &e);
    struct table *left = random_table(disk, TABLE_GPT, &seed);
    struct table *old = random_table(disk, TABLE_MBR, &seed);
    struct table *new = random_table(disk, TABLE_GPT, &seed);

    assert_int_equal(table_write(disk, whole_backup ? new : left, &e), 0);
    assert_int_equal(table_write(other, left, &e), 0);
    copy_range(other, disk, CUT_SECTOR, 33 * CUT_SECTOR);
    table_remove(old, old->extended.number);
    add(old, false, &seed);
    assert_int_equal(table_write(other, old, &e), 0);
    copy_range(other, disk, 0, CUT_SECTOR);
    cut_change(disk, new, seed, counts);
    table_free(left);
    table_free(old);
    table_free(new);
    blockdev_close(other);
    blockdev_close(disk);
}

/* Neither copy of a GPT that an MBR replaced comes back on the way to a new one. */
static void a_gpt_that_was_left_over_does_not_come_back(void **state)
{
    struct counts counts = {0};

    (void)state;
    for (unsigned i = 0; i < ROUNDS; i++)
        cut_over_left_over_gpt(i, false, &counts);
    assert_true(counts.states > 10 * ROUNDS);
    assert_int_equal(counts.in_between, 0);
}

/* The backup is the new table's already, and nothing of it is written; the primary is another's,
 * and is gone before the protective sector could make it count. */
static void a_gpt_that_was_left_over_does_not_come_back_before_a_whole_backup(void **state)
{
    struct counts counts = {0};

    (void)state;
    for (unsigned i = 0; i < ROUNDS; i++)
        cut_over_left_over_gpt(i, true, &counts);
    assert_true(counts.states > 10 * ROUNDS);
    assert_int_equal(counts.in_between, 0);
}

/* While only one copy is whole, it is not the one that is written. */
static void a_gpt_with_one_whole_copy_is_never_without(void **state)
{
    const uint64_t damaged[] = {512 + 60, 1024 + 20, DISK - 512 + 60, 0};
    uint8_t junk[CUT_SECTOR] = {0};
    struct counts counts = {0};

    (void)state;
    for (unsigned i = 0; i < ROUNDS; i++) {
        unsigned seed = i;
        struct err e;
        struct blockdev *disk = mem_open(DISK, 512, &e);
        struct table *old = random_table(disk, TABLE_GPT, &seed);
        struct table *new = changed(old, disk, &seed);

        assert_int_equal(table_write(disk, old, &e), 0);
        junk[0] = (uint8_t)(damaged[i % 4] != 0);
        blockdev_pwrite(disk, junk, damaged[i % 4] != 0 ? 1 : CUT_SECTOR, damaged[i % 4], &e);
        cut_change(disk, new, seed, &counts);
        table_free(old);
        table_free(new);
        blockdev_close(disk);
    }
    assert_true(counts.states > 10 * ROUNDS);
    assert_int_equal(counts.in_between, 0);
}

/* What is random in front of a backup is a table before, while and after it is mended. */
static void a_gpt_that_is_mended_behind_noise_is_never_without(void **state)
{
    struct counts counts = {0};
    (void)state;

    for (unsigned i = 0; i < ROUNDS; i++) {
        unsigned seed = i + 1, sector = i % 2 == 0 ? 512 : 4096;
        struct err e;
        struct blockdev *disk = mem_open(DISK, sector, &e);
        struct table *table = random_table(disk, TABLE_GPT, &seed);
        uint8_t noise[32 * CUT_SECTOR];

        add(table, false, &seed);
        for (size_t k = 0; k < sizeof(noise); k++)
            noise[k] = (uint8_t)below(&seed, 256);
        assert_int_equal(table_write(disk, table, &e), 0);
        assert_int_equal(blockdev_pwrite(disk, noise, sizeof(noise), 0, &e), 0);
        cut_change(disk, table, seed, &counts);
        table_free(table);
        blockdev_close(disk);
    }
    assert_true(counts.states > 10 * ROUNDS);
    assert_int_equal(counts.in_between, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_gpt_edit_leaves_the_old_or_the_new_table),
        cmocka_unit_test(an_mbr_edit_leaves_the_old_or_the_new_table),
        cmocka_unit_test(the_first_table_of_a_blank_disk_is_there_or_not),
        cmocka_unit_test(a_gpt_that_was_left_over_does_not_come_back),
        cmocka_unit_test(a_gpt_that_was_left_over_does_not_come_back_before_a_whole_backup),
        cmocka_unit_test(a_gpt_with_one_whole_copy_is_never_without),
        cmocka_unit_test(a_gpt_that_is_mended_behind_noise_is_never_without),
        cmocka_unit_test(another_kind_of_table_leaves_the_old_or_the_new_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
