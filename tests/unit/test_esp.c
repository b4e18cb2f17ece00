// SPDX-License-Identifier: GPL-3.0-or-later
/* The ESP: made, read, changed, cut off in the middle of a change, damaged. */
#include "bootmenu/environment.h"
#include "bootmenu/esp.h"
#include "bootmenu/esp_slot.h"
#include "bootmenu/grub_config.h"
#include "core/cleanup.h"
#include "core/size.h"
#include "core/spawn.h"
#include "tree/fat_volume.h"
#include "tree/tree.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define ESP_BYTES (36 * MIB)
#define UUID      "8d6b5b1c-5c0f-4f2e-9a33-0d8a2f6b7c01"

static struct err e;

/* A device that keeps what is written to it, piece by piece, in order. */
#define WRITES_MAX 64

struct recorder {
    struct blockdev bd;
    struct blockdev *below;
    struct {
        char *data; /* NULL: a flush */
        size_t n;
        uint64_t offset;
    } writes[WRITES_MAX];
    size_t n;
};

static int recorder_pread(struct blockdev *bd, void *buf, size_t n, uint64_t offset,
                          struct err *why)
{
    return blockdev_pread(((struct recorder *)bd)->below, buf, n, offset, why);
}

static int recorder_pwrite(struct blockdev *bd, const void *buf, size_t n, uint64_t offset,
                           struct err *why)
{
    struct recorder *r = (struct recorder *)bd;

    (void)why;
    assert_true(r->n < WRITES_MAX);
    r->writes[r->n].data = malloc(n);
    assert_non_null(r->writes[r->n].data);
    memcpy(r->writes[r->n].data, buf, n);
    r->writes[r->n].n = n;
    r->writes[r->n++].offset = offset;
    return 0;
}

static int recorder_flush(struct blockdev *bd, struct err *why)
{
    struct recorder *r = (struct recorder *)bd;

    (void)why;
    assert_true(r->n < WRITES_MAX);
    r->writes[r->n].data = NULL;
    r->writes[r->n++].n = 0;
    return 0;
}

static void recorder_close(struct blockdev *bd)
{
    struct recorder *r = (struct recorder *)bd;

    for (size_t i = 0; i < r->n; i++)
        free(r->writes[i].data);
    free(r);
}

static const struct blockdev_ops recorder_ops = {
    .kind = "recorder",
    .pread = recorder_pread,
    .pwrite = recorder_pwrite,
    .flush = recorder_flush,
    .close = recorder_close,
};

/* What is written stays with the recorder; the device below does not change. */
static struct recorder *recorder_open(struct blockdev *below)
{
    struct recorder *r = calloc(1, sizeof(*r));

    assert_non_null(r);
    r->below = below;
    r->bd = (struct blockdev){&recorder_ops, below->bytes, below->sector, "recorder"};
    return r;
}

/* ---- fixtures ---- */

static struct record *sample(const char *default_name)
{
    struct record *record = record_new(&e);

    assert_non_null(record);
    assert_int_equal(guid_parse(UUID, &record->disk, &e), 0);
    for (int i = 0; i < 2; i++) {
        struct record_system *system = record_add_system(record, i == 0 ? "main" : "dev", &e);

        assert_non_null(system);
        system->host = i == 0;
        assert_int_equal(guid_parse(UUID, &system->fs_uuid, &e), 0);
        guid_derive(&record->disk, system->name, &system->root);
    }
    record->menu_default = strdup(default_name);
    return record;
}

static struct blockdev *esp_new(uint64_t bytes, unsigned sector)
{
    _cleanup_record_ struct record *record = sample("main");
    struct esp_options options = {.volume_id = 0xbe47be47, .record = record};
    struct blockdev *bd = mem_open(bytes, sector, &e);

    assert_non_null(bd);
    if (esp_make(bd, &options, NULL, &e) < 0)
        fail_msg("%s", e.text);
    return bd;
}

/* What a berth that opens the device now finds: the menu's default and the generation. */
static void assert_found(struct blockdev *bd, const char *default_name, uint64_t generation)
{
    _cleanup_tree_ struct tree *tree = fat_tree_open(bd, &e);
    _cleanup_esp_ struct esp *esp = esp_open(tree, &e);
    _cleanup_record_ struct record *record = NULL;
    _cleanup_free_ char *menu = NULL, *expected = NULL;

    if (esp == NULL || esp_read(esp, &record, &menu, &e) < 0)
        fail_msg("%s", e.text);
    assert_string_equal(record->menu_default, default_name);
    assert_int_equal(record->generation, generation);
    expected = grub_menu_text(record, &e);
    assert_string_equal(menu, expected);
}

static void commit(struct blockdev *bd, const char *default_name)
{
    _cleanup_tree_ struct tree *tree = fat_tree_open(bd, &e);
    _cleanup_esp_ struct esp *esp = esp_open(tree, &e);
    _cleanup_record_ struct record *record = sample(default_name);

    assert_non_null(esp);
    if (esp_commit(esp, record, &e) < 0)
        fail_msg("%s", e.text);
}

static void damage(struct blockdev *bd, const char *path, uint64_t offset)
{
    _cleanup_tree_ struct tree *tree = fat_tree_open(bd, &e);

    assert_int_equal(tree_overwrite(tree, path, offset, "\0damaged", 8, &e), 0);
}

/* ---- made ---- */

static void a_new_esp_holds_the_record_and_its_menu(void **state)
{
    struct blockdev *bd = esp_new(ESP_BYTES, 512);

    (void)state;
    assert_found(bd, "main", 1);
    blockdev_close(bd);
}

static void an_esp_can_have_any_size_and_sector(void **state)
{
    static const struct {
        uint64_t bytes;
        unsigned sector;
    } shapes[] = {
        {300 * MIB, 512}, {64 * MIB, 512}, {24 * MIB, 512}, {300 * MIB, 4096}, {64 * MIB, 4096}};

    (void)state;
    for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
        struct blockdev *bd = esp_new(shapes[i].bytes, shapes[i].sector);

        commit(bd, "dev");
        assert_found(bd, "dev", 2);
        blockdev_close(bd);
    }
}

static void an_esp_that_is_too_small_is_refused_before_any_write(void **state)
{
    _cleanup_record_ struct record *record = sample("main");
    struct esp_options options = {.record = record};
    struct blockdev *bd = mem_open(4 * MIB, 512, &e);
    char buf[512];

    (void)state;
    assert_int_equal(blockdev_pwrite(bd, "precious", 8, 0, &e), 0);
    assert_int_equal(esp_make(bd, &options, NULL, &e), -1);
    assert_int_equal(blockdev_pread(bd, buf, sizeof(buf), 0, &e), 0);
    assert_memory_equal(buf, "precious", 8);
    blockdev_close(bd);
}

static void the_same_source_date_makes_the_same_bytes(void **state)
{
    _cleanup_free_ char *one = malloc(ESP_BYTES), *two = malloc(ESP_BYTES);
    struct blockdev *bd;

    (void)state;
    setenv("SOURCE_DATE_EPOCH", "1700000000", 1);
    bd = esp_new(ESP_BYTES, 512);
    assert_int_equal(blockdev_pread(bd, one, ESP_BYTES, 0, &e), 0);
    blockdev_close(bd);
    sleep(2); /* FAT's times have steps of two seconds */
    bd = esp_new(ESP_BYTES, 512);
    assert_int_equal(blockdev_pread(bd, two, ESP_BYTES, 0, &e), 0);
    blockdev_close(bd);
    unsetenv("SOURCE_DATE_EPOCH");
    assert_memory_equal(one, two, ESP_BYTES);
}

static void assert_one_piece(struct fat_volume *volume, const char *path)
{
    _cleanup_free_ struct extent *extents = NULL;
    struct fat_node node;
    size_t n;

    assert_int_equal(fat_find(volume, path, &node, &e), 0);
    assert_int_equal(fat_volume_chain(volume, node.cluster, node.bytes, false, &extents, &n, &e),
                     0);
    assert_int_equal(n, 1);
}

static void every_file_that_changes_lies_in_one_piece(void **state)
{
    static const char *const paths[] = {"berth/record-a.json",
                                        "berth/record-b.json",
                                        "berth/menu-a.cfg",
                                        "berth/menu-b.cfg",
                                        ESP_SELECT,
                                        ESP_STATE};
    struct blockdev *bd = esp_new(ESP_BYTES, 512);
    static struct fat_volume volume;

    (void)state;
    assert_int_equal(fat_volume_open(&volume, bd, &e), 0);
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
        assert_one_piece(&volume, paths[i]);
    blockdev_close(bd);
}

static void another_fat_is_not_berths_esp(void **state)
{
    struct blockdev *bd = esp_new(ESP_BYTES, 512);
    _cleanup_free_ char *all = malloc(ESP_BYTES);
    char *name;
    struct tree *tree;

    (void)state;
    assert_int_equal(blockdev_pread(bd, all, ESP_BYTES, 0, &e), 0);
    name = memmem(all, ESP_BYTES, "SELECT  ENV", 11);
    assert_non_null(name);
    assert_int_equal(blockdev_pwrite(bd, "\xe5", 1, (uint64_t)(name - all), &e), 0);
    tree = fat_tree_open(bd, &e);
    assert_null(esp_open(tree, &e));
    assert_int_equal(e.code, ERR_NOT_FOUND);
    tree_close(tree);
    blockdev_close(bd);
}

/* ---- changed ---- */

static void changes_follow_each_other_in_turn(void **state)
{
    struct blockdev *bd = esp_new(ESP_BYTES, 512);

    (void)state;
    for (uint64_t generation = 2; generation < 7; generation++) {
        const char *name = generation % 2 == 0 ? "dev" : "main";

        commit(bd, name);
        assert_found(bd, name, generation);
    }
    blockdev_close(bd);
}

static bool inside(struct fat_volume *volume, const char *path, uint64_t offset, size_t n)
{
    _cleanup_free_ struct extent *extents = NULL;
    struct extent written = {offset, n};
    struct fat_node node;
    size_t n_extents;

    assert_int_equal(fat_find(volume, path, &node, &e), 0);
    assert_int_equal(
        fat_volume_chain(volume, node.cluster, node.bytes, false, &extents, &n_extents, &e), 0);
    return extent_contains(&extents[0], &written);
}

/* Commits onto a recorder, and checks that nothing else was written, and in which order. */
static struct recorder *recorded_commit(struct blockdev *bd)
{
    struct recorder *r = recorder_open(bd);
    static struct fat_volume volume;

    commit(&r->bd, "dev");
    assert_int_equal(fat_volume_open(&volume, bd, &e), 0);
    assert_int_equal(r->n, 5);
    assert_true(inside(&volume, "berth/record-b.json", r->writes[0].offset, r->writes[0].n));
    assert_true(inside(&volume, "berth/menu-b.cfg", r->writes[1].offset, r->writes[1].n));
    assert_null(r->writes[2].data);
    assert_true(inside(&volume, ESP_SELECT, r->writes[3].offset, r->writes[3].n));
    assert_int_equal(r->writes[3].n, bd->sector);
    assert_int_equal(r->writes[3].offset % bd->sector, 0);
    assert_null(r->writes[4].data);
    return r;
}

static void a_change_writes_a_slot_then_flushes_then_the_selecting_sector(void **state)
{
    struct blockdev *bd = esp_new(ESP_BYTES, 512);
    struct blockdev *large = esp_new(300 * MIB, 4096);

    (void)state;
    blockdev_close(&recorded_commit(bd)->bd);
    blockdev_close(&recorded_commit(large)->bd);
    blockdev_close(bd);
    blockdev_close(large);
}

static void a_cut_before_the_selecting_sector_leaves_the_old_record(void **state)
{
    struct blockdev *bd = esp_new(ESP_BYTES, 512);
    struct recorder *r;

    (void)state;
    commit(bd, "dev");
    commit(bd, "main"); /* slot b holds an older generation, not nothing */
    r = recorded_commit(bd);
    for (size_t i = 0; i < 2; i++)
        for (size_t at = 0; at < r->writes[i].n; at += 8192) {
            assert_int_equal(
                blockdev_pwrite(bd, r->writes[i].data + at, 8192, r->writes[i].offset + at, &e), 0);
            assert_found(bd, "main", 3);
        }
    assert_int_equal(
        blockdev_pwrite(bd, r->writes[3].data, r->writes[3].n, r->writes[3].offset, &e), 0);
    assert_found(bd, "dev", 4);
    blockdev_close(&r->bd);
    blockdev_close(bd);
}

/* Before the flush the pieces of a slot may reach the disk in any order. */
static void any_part_of_an_unflushed_slot_leaves_the_old_record(void **state)
{
    struct blockdev *bd = esp_new(ESP_BYTES, 512);
    struct recorder *r = recorded_commit(bd);
    unsigned random = 7;

    (void)state;
    for (int round = 0; round < 20; round++) {
        random = random * 1103515245 + 12345;
        size_t i = (random >> 8) % 2, at = (random >> 12) % (r->writes[i].n / 512) * 512;

        assert_int_equal(
            blockdev_pwrite(bd, r->writes[i].data + at, 512, r->writes[i].offset + at, &e), 0);
        assert_found(bd, "main", 1);
    }
    blockdev_close(&r->bd);
    blockdev_close(bd);
}

static void a_torn_selecting_sector_leaves_the_old_or_the_new_record(void **state)
{
    struct blockdev *bd = esp_new(ESP_BYTES, 512);
    struct recorder *r = recorded_commit(bd);

    (void)state;
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(
            blockdev_pwrite(bd, r->writes[i].data, r->writes[i].n, r->writes[i].offset, &e), 0);
    for (size_t n = 0; n <= 260; n += 4) {
        _cleanup_tree_ struct tree *tree = NULL;
        _cleanup_esp_ struct esp *esp = NULL;
        _cleanup_record_ struct record *record = NULL;

        assert_int_equal(blockdev_pwrite(bd, r->writes[3].data, n, r->writes[3].offset, &e), 0);
        tree = fat_tree_open(bd, &e);
        esp = esp_open(tree, &e);
        assert_non_null(esp);
        assert_int_equal(esp_read(esp, &record, NULL, &e), 0);
        assert_string_equal(record->menu_default, record->generation == 1 ? "main" : "dev");
    }
    blockdev_close(&r->bd);
    blockdev_close(bd);
}

static void a_record_that_does_not_fit_is_refused_before_any_write(void **state)
{
    struct blockdev *bd = esp_new(ESP_BYTES, 512);
    struct recorder *r = recorder_open(bd);
    _cleanup_tree_ struct tree *tree = fat_tree_open(&r->bd, &e);
    _cleanup_esp_ struct esp *esp = esp_open(tree, &e);
    _cleanup_record_ struct record *record = sample("main");

    (void)state;
    for (int i = 0; i < 120; i++) {
        char name[20];
        struct record_system *system;

        snprintf(name, sizeof(name), "system-%d", i);
        system = record_add_system(record, name, &e);
        assert_non_null(system);
        assert_int_equal(guid_parse(UUID, &system->fs_uuid, &e), 0);
        guid_derive(&record->disk, name, &system->root);
        system->kernel_options = malloc(600);
        memset(system->kernel_options, 'x', 599);
        system->kernel_options[599] = '\0';
    }
    assert_int_equal(esp_commit(esp, record, &e), -1);
    assert_int_equal(e.code, ERR_NO_SPACE);
    assert_int_equal(r->n, 0);
    blockdev_close(&r->bd);
    blockdev_close(bd);
}

/* ---- damaged ---- */

static void a_damaged_slot_gives_way_and_is_mended_by_the_next_change(void **state)
{
    static const char *const paths[] = {"berth/record-b.json", "berth/menu-b.cfg"};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct blockdev *bd = esp_new(ESP_BYTES, 512);

        commit(bd, "dev");
        damage(bd, paths[i], 1000);
        assert_found(bd, "main", 1);
        commit(bd, "dev");
        assert_found(bd, "dev", 2);
        blockdev_close(bd);
    }
}

static void a_lost_selection_takes_the_higher_generation(void **state)
{
    struct blockdev *bd = esp_new(ESP_BYTES, 512);

    (void)state;
    commit(bd, "dev");
    damage(bd, ESP_SELECT, 0);
    assert_found(bd, "dev", 2);
    commit(bd, "main");
    assert_found(bd, "main", 3);
    blockdev_close(bd);
}

static void two_damaged_slots_are_said_and_can_be_written_again(void **state)
{
    struct blockdev *bd = esp_new(ESP_BYTES, 512);
    struct tree *tree;
    struct esp *esp;
    struct record *record = NULL;

    (void)state;
    damage(bd, "berth/menu-a.cfg", 0);
    tree = fat_tree_open(bd, &e);
    esp = esp_open(tree, &e);
    assert_non_null(esp);
    assert_true(esp_is_damaged(esp));
    assert_int_equal(esp_read(esp, &record, NULL, &e), -1);
    assert_int_equal(e.code, ERR_VERIFY);
    esp_close(esp);
    tree_close(tree);
    commit(bd, "dev");
    assert_found(bd, "dev", 1);
    blockdev_close(bd);
}

/* ---- what boots next ---- */

static void next_is_set_read_and_cleared(void **state)
{
    struct blockdev *bd = esp_new(ESP_BYTES, 512);
    struct tree *tree = fat_tree_open(bd, &e);
    struct esp *esp = esp_open(tree, &e);
    char *name = NULL;

    (void)state;
    assert_int_equal(esp_next_get(esp, &name, &e), 0);
    assert_null(name);
    assert_int_equal(esp_next_set(esp, "dev", &e), 0);
    assert_int_equal(esp_next_get(esp, &name, &e), 0);
    assert_string_equal(name, "dev");
    free(name);
    assert_int_equal(esp_next_set(esp, "nobody", &e), -1);
    assert_int_equal(e.code, ERR_NOT_FOUND);
    assert_int_equal(esp_next_set(esp, NULL, &e), 0);
    assert_int_equal(esp_next_get(esp, &name, &e), 0);
    assert_null(name);
    esp_close(esp);
    tree_close(tree);
    blockdev_close(bd);
}

/* ---- in a folder, as when it is mounted ---- */

static void copy_out(struct blockdev *bd, const char *folder)
{
    _cleanup_tree_ struct tree *from = fat_tree_open(bd, &e);
    _cleanup_tree_ struct tree *to = dir_tree_open(folder, &e);
    static const char *const paths[] = {"berth/record-a.json",
                                        "berth/record-b.json",
                                        "berth/menu-a.cfg",
                                        "berth/menu-b.cfg",
                                        ESP_SELECT,
                                        ESP_STATE};

    assert_non_null(to);
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        _cleanup_free_ char *data = NULL;
        size_t len;

        assert_int_equal(tree_read_file(from, paths[i], MIB, &data, &len, &e), 0);
        assert_int_equal(tree_put_file(to, paths[i], 0644, data, len, &e), 0);
    }
}

static void a_mounted_esp_changes_in_place(void **state)
{
    char folder[] = "/tmp/test-esp-XXXXXX";
    struct blockdev *bd = esp_new(ESP_BYTES, 512);
    _cleanup_record_ struct record *record = sample("dev"), *found = NULL;
    struct tree *tree;
    struct esp *esp;

    (void)state;
    assert_non_null(mkdtemp(folder));
    copy_out(bd, folder);
    tree = dir_tree_open(folder, &e);
    esp = esp_open(tree, &e);
    assert_non_null(esp);
    if (esp_commit(esp, record, &e) < 0)
        fail_msg("%s", e.text);
    assert_int_equal(esp_read(esp, &found, NULL, &e), 0);
    assert_string_equal(found->menu_default, "dev");
    assert_int_equal(found->generation, 2);
    esp_close(esp);
    tree_close(tree);
    blockdev_close(bd);
    assert_int_equal(spawn_tool(NULL, &e, "rm", "-r", folder, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_esp_holds_the_record_and_its_menu),
        cmocka_unit_test(an_esp_can_have_any_size_and_sector),
        cmocka_unit_test(an_esp_that_is_too_small_is_refused_before_any_write),
        cmocka_unit_test(the_same_source_date_makes_the_same_bytes),
        cmocka_unit_test(every_file_that_changes_lies_in_one_piece),
        cmocka_unit_test(another_fat_is_not_berths_esp),
        cmocka_unit_test(changes_follow_each_other_in_turn),
        cmocka_unit_test(a_change_writes_a_slot_then_flushes_then_the_selecting_sector),
        cmocka_unit_test(a_cut_before_the_selecting_sector_leaves_the_old_record),
        cmocka_unit_test(any_part_of_an_unflushed_slot_leaves_the_old_record),
        cmocka_unit_test(a_torn_selecting_sector_leaves_the_old_or_the_new_record),
        cmocka_unit_test(a_record_that_does_not_fit_is_refused_before_any_write),
        cmocka_unit_test(a_damaged_slot_gives_way_and_is_mended_by_the_next_change),
        cmocka_unit_test(a_lost_selection_takes_the_higher_generation),
        cmocka_unit_test(two_damaged_slots_are_said_and_can_be_written_again),
        cmocka_unit_test(next_is_set_read_and_cleared),
        cmocka_unit_test(a_mounted_esp_changes_in_place),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
