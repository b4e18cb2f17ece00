// SPDX-License-Identifier: GPL-3.0-or-later
/* The boot menu as data and text: entries, quoting, environment blocks, slots, GRUB for BIOS. */
#include "bootmenu/environment.h"
#include "bootmenu/esp.h"
#include "bootmenu/esp_slot.h"
#include "bootmenu/grub_config.h"
#include "bootmenu/grub_install.h"
#include "bootmenu/grub_quote.h"
#include "bootmenu/menu.h"
#include "core/cleanup.h"
#include "core/size.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define UUID "8d6b5b1c-5c0f-4f2e-9a33-0d8a2f6b7c01"

static struct err e;

static struct record_system *add(struct record *record, const char *name, bool host)
{
    struct record_system *system = record_add_system(record, name, &e);

    assert_non_null(system);
    system->host = host;
    assert_int_equal(guid_parse(UUID, &system->fs_uuid, &e), 0);
    return system;
}

static struct record *sample(void)
{
    struct record *record = record_new(&e);

    assert_non_null(record);
    record->generation = 7;
    add(record, "dev", false);
    add(record, "main", true);
    add(record, "third", false);
    return record;
}

/* ---- entries ---- */

static void assert_entries(const struct record *record, const char *expected,
                           const char *default_name)
{
    _cleanup_menu_ struct menu menu = {0};
    char all[200] = "";

    assert_int_equal(menu_entries(record, &menu, &e), 0);
    for (size_t i = 0; i < menu.n; i++) {
        strcat(all, menu.entries[i].system->name);
        strcat(all, " ");
    }
    assert_string_equal(all, expected);
    if (default_name == NULL)
        assert_null(menu.default_name);
    else
        assert_string_equal(menu.default_name, default_name);
}

static void set_order(struct record *record, const char *const *names, size_t n)
{
    record->menu_order = calloc(n, sizeof(char *));
    assert_non_null(record->menu_order);
    for (size_t i = 0; i < n; i++)
        record->menu_order[i] = strdup(names[i]);
    record->n_menu_order = n;
}

static void the_host_comes_first_and_is_the_default(void **state)
{
    _cleanup_record_ struct record *record = sample();

    (void)state;
    assert_entries(record, "main dev third ", "main");
}

static void the_order_comes_first_and_the_rest_after_it(void **state)
{
    static const char *const order[] = {"third", "nobody", "third"};
    _cleanup_record_ struct record *record = sample();

    (void)state;
    set_order(record, order, 3);
    assert_entries(record, "third main dev ", "main");
}

static void a_default_without_entry_does_not_count(void **state)
{
    _cleanup_record_ struct record *record = sample();

    (void)state;
    record->menu_default = strdup("third");
    assert_entries(record, "main dev third ", "third");
    free(record->menu_default);
    record->menu_default = strdup("gone");
    assert_entries(record, "main dev third ", "main");
}

static void only_a_linux_with_a_known_filesystem_has_an_entry(void **state)
{
    _cleanup_record_ struct record *record = sample();

    (void)state;
    record_system(record, "main")->family = strdup("windows");
    memset(&record_system(record, "third")->fs_uuid, 0, sizeof(struct guid));
    assert_entries(record, "dev ", "dev");
}

static void a_record_without_systems_has_no_entry(void **state)
{
    _cleanup_record_ struct record *record = record_new(&e);

    (void)state;
    assert_entries(record, "", NULL);
}

/* ---- quoting ---- */

static void assert_written(void (*write)(FILE *, const char *), const char *text,
                           const char *expected)
{
    _cleanup_free_ char *written = NULL;
    size_t len;
    FILE *out = open_memstream(&written, &len);

    assert_non_null(out);
    write(out, text);
    fclose(out);
    assert_string_equal(written, expected);
}

static void hostile_text_stays_one_literal_word(void **state)
{
    (void)state;
    assert_written(grub_quote, "plain", "'plain'");
    assert_written(grub_quote, "", "''");
    assert_written(grub_quote, "$x ${y} \"z\" \\ ; } #", "'$x ${y} \"z\" \\ ; } #'");
    assert_written(grub_quote, "it's; reboot '", "'it'\\''s; reboot '\\'''");
    assert_written(grub_quote, "a\nb\tc\x1b[2J\x7f", "'a b c [2J '");
    assert_written(grub_quote, "Ümlaut 中 \xff", "'?mlaut ? ?'");
}

static void options_are_split_as_the_kernel_splits_them(void **state)
{
    (void)state;
    assert_written(grub_quote_options, "", "");
    assert_written(grub_quote_options, " quiet\n splash ", " 'quiet' 'splash'");
    assert_written(grub_quote_options, "a=\"b c\" d", " 'a=b c' 'd'");
    assert_written(grub_quote_options, "x='y $z", " 'x='\\''y' '$z'");
    assert_written(grub_quote_options, "open=\"never closed", " 'open=never closed'");
}

/* ---- texts ---- */

static void the_menu_boots_by_uuid_with_its_options_and_consoles(void **state)
{
    _cleanup_record_ struct record *record = sample();
    _cleanup_free_ char *text = NULL;

    (void)state;
    record_system(record, "main")->os = strdup("Debian 'x'");
    record_system(record, "main")->kernel_options = strdup("quiet");
    record->menu_timeout = -1;
    text = grub_menu_text(record, &e);
    assert_non_null(text);
    assert_non_null(strstr(text, "menuentry 'main (Debian '\\''x'\\'')' --id 'main' {"));
    assert_non_null(strstr(text, "if berth_find " UUID " '' ''; then\n"));
    assert_non_null(strstr(text, "root=UUID=" UUID " ro console=tty0 console=ttyS0,115200n8 "
                                 "'quiet' $berth_rootflags\n"));
    assert_non_null(strstr(text, "set timeout=-1\n"));
    assert_non_null(strstr(text, "set default='main'\n"));
    assert_non_null(strstr(text, "terminal_output console serial\n"));
    assert_string_equal(text + strlen(text) - strlen("\nset berth_done=7\n"),
                        "\nset berth_done=7\n");
}

static void a_subvolume_that_is_said_is_looked_for_nowhere_else(void **state)
{
    _cleanup_record_ struct record *record = sample();
    _cleanup_free_ char *named = NULL, *other = NULL;

    (void)state;
    record_system(record, "main")->kernel_options = strdup("rootflags=subvol=it's,noatime");
    named = grub_menu_text(record, &e);
    assert_non_null(strstr(named, "if berth_find " UUID " 'it'\\''s' 'subvol=it'\\''s,noatime,'"));
    assert_non_null(strstr(named, " 'rootflags=subvol=it'\\''s,noatime'\n"));
    free(record_system(record, "main")->kernel_options);
    record_system(record, "main")->kernel_options = strdup("rootflags=noatime");
    other = grub_menu_text(record, &e);
    assert_non_null(strstr(other, "if berth_find " UUID " '' 'noatime,'"));
    assert_non_null(strstr(other, " 'rootflags=noatime' $berth_rootflags\n"));
}

static void a_menu_without_serial_console_leaves_the_line_alone(void **state)
{
    _cleanup_record_ struct record *record = sample();
    _cleanup_free_ char *text = NULL;

    (void)state;
    record->serial = false;
    text = grub_menu_text(record, &e);
    assert_non_null(text);
    assert_null(strstr(text, "serial"));
    assert_null(strstr(text, "ttyS0"));
}

/* ---- work for the next boot ---- */

static void add_work(struct record *record)
{
    struct guid *root = &record_system(record, "main")->root;

    assert_int_equal(guid_parse(UUID, root, &e), 0);
    assert_int_equal(record_set_work(record, "shrink it's root", root, &e), 0);
}

static void work_has_an_entry_that_boots_only_when_it_is_chosen(void **state)
{
    _cleanup_record_ struct record *record = sample();
    _cleanup_free_ char *text = NULL;

    (void)state;
    add_work(record);
    text = grub_menu_text(record, &e);
    assert_non_null(text);
    assert_non_null(
        strstr(text, "menuentry 'finish: ''shrink it'\\''s root' --id 'WORK' {\n"
                     "    linux \"($berth_esp)/berth/work/linux\" berth.work=1 quiet panic=10 "
                     "console=tty0 console=ttyS0,115200n8\n"
                     "    initrd \"($berth_esp)/berth/work/initrd\"\n"));
    assert_non_null(strstr(text, "set default='main'\n"));
    assert_non_null(strstr(text, "set fallback=0\n"));
    assert_null(strstr(text, "set default='WORK'"));
    assert_non_null(strstr(text, "for berth_name in main dev third WORK; do"));
}

static void work_on_a_system_that_is_held_boots_before_all_others(void **state)
{
    _cleanup_record_ struct record *record = sample();
    _cleanup_free_ char *text = NULL;

    (void)state;
    add_work(record);
    assert_int_equal(record_hold(record, record_system(record, "main"), "being resized", &e), 0);
    assert_entries(record, "main dev third ", "WORK");
    text = grub_menu_text(record, &e);
    assert_non_null(text);
    assert_non_null(strstr(text, "set default='dev'\n  set fallback=1\n"));
    assert_non_null(strstr(text, "/berth/work/initrd\" ]; then set default='WORK'; fi\n"));
}

static void work_that_failed_or_never_gets_anywhere_is_no_default(void **state)
{
    _cleanup_record_ struct record *record = sample();
    _cleanup_free_ char *text = NULL;

    (void)state;
    add_work(record);
    assert_int_equal(record_hold(record, record_system(record, "main"), "being resized", &e), 0);
    record->work->tries = RECORD_WORK_TRIES;
    assert_entries(record, "main dev third ", "dev");
    record->work->tries = 1;
    record->work->result = strdup("no");
    assert_entries(record, "main dev third ", "dev");
    text = grub_menu_text(record, &e);
    assert_non_null(text);
    assert_null(strstr(text, "WORK"));
}

/* ---- environment blocks ---- */

static void an_environment_keeps_its_size_and_other_names(void **state)
{
    struct environment env;
    _cleanup_free_ char *a = NULL, *b = NULL, *gone = NULL;

    (void)state;
    environment_init(&env, 512);
    assert_int_equal(environment_set(&env, "a", "1", &e), 0);
    assert_int_equal(environment_set(&env, "next", "dev", &e), 0);
    assert_int_equal(environment_set(&env, "a", "longer", &e), 0);
    assert_int_equal(environment_set(&env, "next", NULL, &e), 0);
    assert_memory_equal(env.block, "# GRUB Environment Block\na=longer\n###", 37);
    assert_int_equal(env.block[511], '#');
    a = environment_get(&env, "a");
    assert_string_equal(a, "longer");
    gone = environment_get(&env, "next");
    assert_null(gone);
    b = environment_get(&env, "long");
    assert_null(b);
}

static void a_value_that_does_not_fit_changes_nothing(void **state)
{
    struct environment env, before;
    char value[500];

    (void)state;
    memset(value, 'x', sizeof(value));
    value[sizeof(value) - 1] = '\0';
    environment_init(&env, 512);
    assert_int_equal(environment_set(&env, "a", "1", &e), 0);
    before = env;
    assert_int_equal(environment_set(&env, "a", value, &e), -1);
    assert_int_equal(e.code, ERR_NO_SPACE);
    assert_memory_equal(&env, &before, sizeof(env));
}

static void a_block_of_another_kind_counts_as_empty(void **state)
{
    struct environment env;
    char junk[512];

    (void)state;
    memset(junk, 'x', sizeof(junk));
    assert_false(environment_parse(&env, junk, sizeof(junk)));
    assert_false(environment_parse(&env, junk, 3));
    memcpy(junk, "# GRUB Environment Block\nnext=abc", 33); /* a line that never ends */
    assert_true(environment_parse(&env, junk, sizeof(junk)));
    assert_null(environment_get(&env, "next"));
    assert_int_equal(environment_set(&env, "next", "dev", &e), 0);
    assert_memory_equal(env.block, "# GRUB Environment Block\nnext=dev\n####", 38);
}

/* ---- slots ---- */

static void a_slot_shows_any_damage_by_itself(void **state)
{
    struct slot *slot = malloc(sizeof(*slot));
    struct slot_id id;
    static const size_t places[] = {0, 100, SLOT_RECORD_BYTES - 1};

    (void)state;
    assert_non_null(slot);
    assert_int_equal(slot_make(slot, 7, "{}\n", "menu\n", &e), 0);
    assert_true(slot_check(slot, &id));
    assert_int_equal(id.generation, 7);
    assert_int_equal(slot_record_len(slot), 2);
    assert_int_equal(slot_menu_len(slot), 5);
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        slot->record[places[i]] ^= 1;
        assert_false(slot_check(slot, &id));
        slot->record[places[i]] ^= 1;
    }
    for (size_t at = 0; at < SLOT_MENU_BYTES; at += at < SLOT_MENU_BYTES - 300 ? 997 : 1) {
        slot->menu[at] ^= 1;
        assert_false(slot_check(slot, &id));
        slot->menu[at] ^= 1;
    }
    slot_blank(slot);
    assert_false(slot_check(slot, &id));
    free(slot);
}

static void what_does_not_fit_a_slot_is_refused(void **state)
{
    struct slot *slot = malloc(sizeof(*slot));
    char *longer = malloc(SLOT_RECORD_BYTES + 1);

    (void)state;
    memset(longer, 'x', SLOT_RECORD_BYTES);
    longer[SLOT_RECORD_BYTES] = '\0';
    assert_int_equal(slot_make(slot, 1, longer, "", &e), -1);
    assert_int_equal(e.code, ERR_NO_SPACE);
    assert_int_equal(slot_make(slot, 1, "", longer, &e), -1);
    assert_int_equal(e.code, ERR_NO_SPACE);
    free(longer);
    free(slot);
}

static void the_selected_slot_counts_while_it_is_whole(void **state)
{
    struct slot_id a = {.generation = 3, .record = "ra", .menu = "ma"};
    struct slot_id b = {.generation = 4, .record = "rb", .menu = "mb"};
    struct environment env;

    (void)state;
    environment_init(&env, 512);
    assert_int_equal(slot_select(&env, 'a', &a, &e), 0);
    assert_int_equal(slot_choose(&env, &a, &b), 'a');
    assert_int_equal(slot_choose(&env, NULL, &b), 'b');
    assert_int_equal(slot_choose(&env, NULL, NULL), 0);
    assert_int_equal(environment_set(&env, "slot", "b", &e), 0); /* half of a selection */
    assert_int_equal(slot_choose(&env, &a, &b), 'b');
    environment_init(&env, 512);
    assert_int_equal(slot_choose(&env, &a, &b), 'b');
}

static void a_selection_fits_the_smallest_sector(void **state)
{
    struct slot_id id = {.generation = UINT64_MAX};
    struct environment env;

    (void)state;
    memset(id.record, 'f', 64);
    memset(id.menu, 'f', 64);
    environment_init(&env, 512);
    assert_int_equal(slot_select(&env, 'b', &id, &e), 0);
}

/* ---- GRUB for BIOS ---- */

static uint64_t get64(const uint8_t *at)
{
    uint64_t value;

    memcpy(&value, at, sizeof(value));
    return value;
}

static void the_bios_image_knows_where_it_lies_and_keeps_the_table(void **state)
{
    _cleanup_grub_bios_ struct grub_bios bios = {0};
    uint8_t old[GRUB_SECTOR];
    uint64_t lba = 5 * MIB / 512;

    (void)state;
    memset(old, 0xab, sizeof(old));
    if (grub_bios_image("BE47-BE47", (struct extent){5 * MIB, 2 * MIB}, 512, old, &bios, &e) < 0)
        fail_msg("%s", e.text);
    assert_int_equal(bios.core_at, 5 * MIB);
    assert_int_equal(bios.core_bytes % 512, 0);
    assert_in_range(bios.core_bytes, 50 * KIB, MIB);
    assert_int_equal(get64(bios.sector0 + 0x5c), lba);
    assert_int_equal(get64(bios.core + 0x1f4), lba + 1);
    assert_int_equal(bios.core[0x1fc] | bios.core[0x1fd] << 8, bios.core_bytes / 512 - 1);
    assert_memory_equal(bios.sector0 + 0x1b8, old + 0x1b8, 0x48);
    assert_memory_not_equal(bios.sector0, old, 0x1b8);
}

static void the_bios_image_is_the_same_every_time(void **state)
{
    _cleanup_grub_bios_ struct grub_bios one = {0}, two = {0};
    struct extent where = {MIB, 2 * MIB};
    uint8_t old[GRUB_SECTOR] = {0};

    (void)state;
    assert_int_equal(grub_bios_image("BE47-BE47", where, 512, old, &one, &e), 0);
    assert_int_equal(grub_bios_image("BE47-BE47", where, 512, old, &two, &e), 0);
    assert_int_equal(one.core_bytes, two.core_bytes);
    assert_memory_equal(one.core, two.core, one.core_bytes);
    assert_memory_equal(one.sector0, two.sector0, sizeof(one.sector0));
}

static void a_bios_image_that_cannot_work_is_refused(void **state)
{
    struct grub_bios bios = {0};
    uint8_t old[GRUB_SECTOR] = {0};

    (void)state;
    assert_int_equal(grub_bios_image("X", (struct extent){MIB, MIB}, 4096, old, &bios, &e), -1);
    assert_int_equal(e.code, ERR_UNSUPPORTED);
    assert_int_equal(grub_bios_image("X", (struct extent){MIB, 32 * KIB}, 512, old, &bios, &e), -1);
    assert_int_equal(e.code, ERR_NO_SPACE);
    assert_null(bios.core);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_host_comes_first_and_is_the_default),
        cmocka_unit_test(the_order_comes_first_and_the_rest_after_it),
        cmocka_unit_test(a_default_without_entry_does_not_count),
        cmocka_unit_test(only_a_linux_with_a_known_filesystem_has_an_entry),
        cmocka_unit_test(a_record_without_systems_has_no_entry),
        cmocka_unit_test(hostile_text_stays_one_literal_word),
        cmocka_unit_test(options_are_split_as_the_kernel_splits_them),
        cmocka_unit_test(the_menu_boots_by_uuid_with_its_options_and_consoles),
        cmocka_unit_test(a_subvolume_that_is_said_is_looked_for_nowhere_else),
        cmocka_unit_test(a_menu_without_serial_console_leaves_the_line_alone),
        cmocka_unit_test(work_has_an_entry_that_boots_only_when_it_is_chosen),
        cmocka_unit_test(work_on_a_system_that_is_held_boots_before_all_others),
        cmocka_unit_test(work_that_failed_or_never_gets_anywhere_is_no_default),
        cmocka_unit_test(an_environment_keeps_its_size_and_other_names),
        cmocka_unit_test(a_value_that_does_not_fit_changes_nothing),
        cmocka_unit_test(a_block_of_another_kind_counts_as_empty),
        cmocka_unit_test(a_slot_shows_any_damage_by_itself),
        cmocka_unit_test(what_does_not_fit_a_slot_is_refused),
        cmocka_unit_test(the_selected_slot_counts_while_it_is_whole),
        cmocka_unit_test(a_selection_fits_the_smallest_sector),
        cmocka_unit_test(the_bios_image_knows_where_it_lies_and_keeps_the_table),
        cmocka_unit_test(the_bios_image_is_the_same_every_time),
        cmocka_unit_test(a_bios_image_that_cannot_work_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
