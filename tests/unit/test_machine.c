// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * test_machine.c: machine files. Every NAME.yaml of tests/cases/machine has either NAME.expected,
 * the exact error, or NAME.printed, what printing the machine gives. Run from the top of the
 * project.
 */
#include "core/cleanup.h"
#include "core/io.h"
#include "model/machine.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define CASES "tests/cases/machine"

static struct machine *parse(const char *text)
{
    struct err e = {0};
    struct machine *machine = machine_parse(text, strlen(text), "two.yaml", &e);

    if (machine == NULL)
        fail_msg("%s", e.text);
    return machine;
}

/* The error of a text that must not parse. */
static const char *error_of(const char *text)
{
    static struct err e;

    assert_null(machine_parse(text, strlen(text), "two.yaml", &e));
    return e.text;
}

static char *print(const struct machine *machine)
{
    struct err e = {0};
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);

    assert_non_null(out);
    if (machine_print(machine, out, &e) < 0)
        fail_msg("%s", e.text);
    fclose(out);
    return text;
}

static char *read_case(const char *path)
{
    struct err e = {0};
    char *text = NULL;

    return io_read_file(path, 1 << 20, &text, NULL, &e) < 0 ? NULL : text;
}

/* What the reader says about the case: the machine printed, or the error as the program shows it.
 */
static char *outcome(const char *path, bool *valid)
{
    struct err e = {0};
    _cleanup_machine_ struct machine *machine = machine_read(path, &e);
    struct err ignored;

    *valid = machine != NULL;
    if (machine != NULL)
        return print(machine);
    if (e.hint[0] == '\0')
        return io_format(&ignored, "%s\n", e.text);
    return io_format(&ignored, "%s\nhint: %s\n", e.text, e.hint);
}

static void check_case(const char *name)
{
    struct err ignored;
    bool valid;
    _cleanup_free_ char *found = outcome(name, &valid);
    _cleanup_free_ char *path = io_format(&ignored, "%.*s.%s", (int)(strlen(name) - 5), name,
                                          valid ? "printed" : "expected");
    _cleanup_free_ char *expected = read_case(path);

    if (expected == NULL)
        fail_msg("%s is missing; the outcome is:\n%s", path, found);
    if (strcmp(found, expected) != 0)
        fail_msg("%s: expected\n%sfound\n%s", name, expected, found);
}

/* Errors name the file as it was given: without a folder in the cases. */
static int enter_cases(void **state)
{
    (void)state;
    return chdir(CASES);
}

static int leave_cases(void **state)
{
    (void)state;
    return chdir("../../..");
}

static void test_every_case_gives_its_exact_outcome(void **state)
{
    struct dirent **names;
    int checked = 0, n;

    (void)state;
    n = scandir(".", &names, NULL, alphasort);
    for (int i = 0; i < n; i++) {
        const char *dot = strrchr(names[i]->d_name, '.');

        if (strcmp(dot, ".yaml") == 0) {
            check_case(names[i]->d_name);
            checked++;
        }
        free(names[i]);
    }
    free(names);
    assert_true(checked > 50);
}

static void test_a_printed_machine_reads_back_to_the_same(void **state)
{
    static const char *const printed[] = {CASES "/full.printed", CASES "/awkward.printed",
                                          CASES "/minimal.printed"};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        _cleanup_free_ char *before = read_case(printed[i]), *after = NULL;
        _cleanup_machine_ struct machine *machine = NULL;

        assert_non_null(before);
        machine = parse(before);
        after = print(machine);
        assert_string_equal(after, before);
    }
}

static void test_the_demo_is_a_valid_machine(void **state)
{
    struct err e = {0};
    _cleanup_machine_ struct machine *machine = machine_read("docs/examples/two-debians.yaml", &e);

    (void)state;
    assert_string_equal(e.text, "");
    assert_non_null(machine);
    assert_string_equal(machine_system(machine, "dev")->image, "debian-13");
    assert_null(machine_system(machine, "third"));
}

static void check_guest(const struct machine_system *dev)
{
    assert_false(dev->host);
    assert_string_equal(dev->name, "dev");
    assert_string_equal(dev->root.name, "dev");
    assert_string_equal(dev->root.type, "root");
    assert_int_equal(dev->root.size.kind, SIZE_REST);
    assert_string_equal(dev->hostname, "dev");
    assert_null(dev->root_password_hash);
    assert_int_equal(dev->n_users, 1);
    assert_string_equal(dev->users[0].groups.items[0], "sudo");
    assert_string_equal(dev->users[0].ssh_keys.items[0], "ssh-ed25519 AAAA...");
    assert_string_equal(dev->mounts[0].path, "/mnt/shared");
    assert_string_equal(dev->mounts[0].partition, "shared");
    assert_int_equal(dev->files[0].mode, 0644);
    assert_string_equal(dev->first_boot, "echo hello > /etc/motd\n");
    assert_int_equal(dev->run.memory, GIB);
    assert_int_equal(dev->run.cpus, 2);
    assert_string_equal(dev->run.engine, "auto");
}

static void test_every_key_arrives_in_the_machine(void **state)
{
    struct err e = {0};
    _cleanup_machine_ struct machine *machine = machine_read(CASES "/full.yaml", &e);

    (void)state;
    assert_non_null(machine);
    assert_string_equal(machine->name, "workbench");
    assert_int_equal(machine->disk.bytes, 12 * GIB);
    assert_int_equal(machine->disk.sector_size, 512);
    assert_int_equal(machine->n_partitions, 3);
    assert_int_equal(machine->partitions[2].fs, FS_EXT4);
    assert_int_equal(machine->n_systems, 2);
    assert_true(machine->systems[0].host);
    assert_string_equal(machine->systems[0].volumes[0].type, "swap");
    check_guest(&machine->systems[1]);
    assert_true(machine->has_menu && machine->menu.has_timeout);
    assert_string_equal(machine->menu.default_name, "main");
    assert_int_equal(machine->menu.timeout, 5);
    assert_int_equal(machine->menu.order.n, 2);
}

static void test_esp_and_bios_boot_are_added_in_front(void **state)
{
    _cleanup_machine_ struct machine *machine =
        parse("berth: 1\npartitions: [{name: data, size: 1GiB}]\n");

    (void)state;
    assert_int_equal(machine->n_partitions, 3);
    assert_string_equal(machine->partitions[0].type, "esp");
    assert_int_equal(machine->partitions[0].size.value, 300 * MIB);
    assert_string_equal(machine->partitions[1].name, "bios");
    assert_int_equal(machine->partitions[1].size.value, 2 * MIB);
    assert_string_equal(machine->partitions[2].type, "linux");
}

static void test_what_is_there_keeps_its_place(void **state)
{
    _cleanup_machine_ struct machine *machine =
        parse("berth: 1\npartitions: [{name: data, size: 1GiB}, {name: efi, type: esp}]\n");

    (void)state;
    assert_int_equal(machine->n_partitions, 3);
    assert_string_equal(machine->partitions[0].name, "bios");
    assert_string_equal(machine->partitions[1].name, "data");
    assert_string_equal(machine->partitions[2].name, "efi");
}

static void test_4096_byte_sectors_get_no_bios_boot(void **state)
{
    _cleanup_machine_ struct machine *machine = parse("berth: 1\ndisk: {sector-size: 4096}\n");

    (void)state;
    assert_int_equal(machine->n_partitions, 1);
    assert_string_equal(machine->partitions[0].type, "esp");
}

static void test_the_menu_may_name_systems_that_the_file_has_not(void **state)
{
    _cleanup_machine_ struct machine *machine =
        parse("berth: 1\nmenu: {default: old, order: [old]}\n");

    (void)state;
    assert_string_equal(machine->menu.default_name, "old");
    assert_int_equal(machine->menu.default_at.line, 2);
    assert_int_equal(machine->menu.default_at.column, 17);
}

static void test_consoles_are_both_unless_said(void **state)
{
    _cleanup_machine_ struct machine *none = parse("berth: 1\n");
    _cleanup_machine_ struct machine *one = parse("berth: 1\nmenu: {console: [serial]}\n");

    (void)state;
    assert_true(none->menu.vga && none->menu.serial && !none->has_menu);
    assert_true(!one->menu.vga && one->menu.serial && one->has_menu);
}

static void test_null_means_left_out(void **state)
{
    _cleanup_machine_ struct machine *machine =
        parse("berth: 1\nname: ~\nhost:\nguests: null\nmenu: NULL\ndisk: {serial: \"null\"}\n");

    (void)state;
    assert_null(machine->name);
    assert_int_equal(machine->n_systems, 0);
    assert_false(machine->has_menu);
    assert_string_equal(machine->disk.serial, "null");
}

static void test_places_are_kept(void **state)
{
    _cleanup_machine_ struct machine *machine =
        parse("berth: 1\nguests:\n  - name: dev\n    image: x\n    root: {size: 1GiB}\n");
    struct err e;

    (void)state;
    assert_int_equal(machine->systems[0].at.line, 3);
    machine_error(machine, machine->systems[0].root.size_at, ERR_NO_SPACE, &e, "%s", "no room");
    assert_string_equal(e.text, "two.yaml:5:18: no room");
    machine_error(machine, (struct position){0}, ERR_NO_SPACE, &e, "%s", "no room");
    assert_string_equal(e.text, "two.yaml: no room");
}

static void test_paths_start_at_the_files_folder(void **state)
{
    struct err e = {0};
    _cleanup_machine_ struct machine *beside = parse("berth: 1\n");
    _cleanup_machine_ struct machine *far = machine_parse("berth: 1\n", 9, "/a/b/two.yaml", &e);
    _cleanup_free_ char *here = machine_resolve(beside, "x.img", &e);
    _cleanup_free_ char *there = machine_resolve(far, "x.img", &e);
    _cleanup_free_ char *absolute = machine_resolve(far, "/dev/sda", &e);

    (void)state;
    assert_string_equal(here, "x.img");
    assert_string_equal(there, "/a/b/x.img");
    assert_string_equal(absolute, "/dev/sda");
}

static void test_what_is_not_there_yet_is_unsupported(void **state)
{
    struct err e;

    (void)state;
    assert_null(machine_parse("berth: 1\nmenu: {tries: 3}\n", 25, "two.yaml", &e));
    assert_int_equal(e.code, ERR_UNSUPPORTED);
    assert_null(machine_parse("berth: 1\ndisk: {table: mbr}\n", 27, "two.yaml", &e));
    assert_int_equal(e.code, ERR_UNSUPPORTED);
}

static void test_errors_do_not_repeat_control_characters(void **state)
{
    (void)state;
    assert_null(strchr(error_of("berth: 1\n\"a\\e[2J\\nb\": 1\n"), '\033'));
    assert_null(strchr(error_of("berth: 1\nname: \"a\\e[2J\"\n"), '\033'));
}

static void test_errors_do_not_repeat_passwords(void **state)
{
    (void)state;
    assert_null(strstr(error_of("berth: 1\nhost: {name: a, image: b, root: {size: 1G}, "
                                "root-password-hash: geheim}\n"),
                       "geheim"));
}

static void test_long_values_are_cut_between_characters(void **state)
{
    const char *text = error_of("berth: 1\nname: 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                                "aaaaaaaaaaa\u00e9aaaaaaaaaa'\n");

    (void)state;
    assert_non_null(strstr(text, "aaa...\""));
    assert_null(strchr(text, '\xc3'));
}

static void test_the_class_of_a_key_is_found_by_its_path(void **state)
{
    (void)state;
    assert_int_equal(machine_key_class("guests.image"), KEY_CREATE);
    assert_int_equal(machine_key_class("host.users.groups"), KEY_CREATE);
    assert_int_equal(machine_key_class("guests.mounts./mnt"), KEY_CREATE);
    assert_int_equal(machine_key_class("guests.root.size"), KEY_CONVERGE);
    assert_int_equal(machine_key_class("guests.run.memory"), KEY_CONVERGE);
    assert_int_equal(machine_key_class("menu.timeout"), KEY_CONVERGE);
    assert_int_equal(machine_key_class("disk.sector-size"), KEY_REFUSE);
    assert_int_equal(machine_key_class("menu.tries.berth"), KEY_REFUSE);
    assert_int_equal(machine_key_class("no.such.key"), KEY_REFUSE);
}

static void test_names_have_one_form(void **state)
{
    (void)state;
    assert_true(name_is_valid("a"));
    assert_true(name_is_valid("a-1-"));
    assert_true(name_is_valid("a123456789012345678901234567890"));
    assert_false(name_is_valid("a1234567890123456789012345678901"));
    assert_false(name_is_valid(""));
    assert_false(name_is_valid("1"));
    assert_false(name_is_valid("-a"));
    assert_false(name_is_valid("a_b"));
    assert_false(name_is_valid("A"));
}

static void test_a_line_has_no_control_characters(void **state)
{
    (void)state;
    assert_true(text_is_line(""));
    assert_true(text_is_line("gr\u00fc\u00dfe"));
    assert_false(text_is_line("a\nb"));
    assert_false(text_is_line("a\x7f"));
    assert_false(text_is_line("a\xc2\x9b"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_every_case_gives_its_exact_outcome, enter_cases,
                                        leave_cases),
        cmocka_unit_test(test_a_printed_machine_reads_back_to_the_same),
        cmocka_unit_test(test_the_demo_is_a_valid_machine),
        cmocka_unit_test(test_every_key_arrives_in_the_machine),
        cmocka_unit_test(test_esp_and_bios_boot_are_added_in_front),
        cmocka_unit_test(test_what_is_there_keeps_its_place),
        cmocka_unit_test(test_4096_byte_sectors_get_no_bios_boot),
        cmocka_unit_test(test_the_menu_may_name_systems_that_the_file_has_not),
        cmocka_unit_test(test_consoles_are_both_unless_said),
        cmocka_unit_test(test_null_means_left_out),
        cmocka_unit_test(test_places_are_kept),
        cmocka_unit_test(test_paths_start_at_the_files_folder),
        cmocka_unit_test(test_what_is_not_there_yet_is_unsupported),
        cmocka_unit_test(test_errors_do_not_repeat_control_characters),
        cmocka_unit_test(test_errors_do_not_repeat_passwords),
        cmocka_unit_test(test_long_values_are_cut_between_characters),
        cmocka_unit_test(test_the_class_of_a_key_is_found_by_its_path),
        cmocka_unit_test(test_names_have_one_form),
        cmocka_unit_test(test_a_line_has_no_control_characters),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
