// SPDX-License-Identifier: GPL-3.0-or-later
/* Plans: wanted and actual in, steps out. No disk is involved. */
#include "partition/type.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "plan_world.h"

static void a_blank_disk_is_filled_in_a_safe_order(void **state)
{
    static const enum step_kind kinds[] = {STEP_CREATE, STEP_TABLE, STEP_FILL, STEP_FILL,
                                           STEP_FILL,   STEP_FILL,  STEP_MENU};
    static const char *const targets[] = {
        "d.img", "the partition table", "esp", "bios", "main", "dev", "menu"};
    _cleanup_machine_ struct machine *machine = NULL;
    _cleanup_survey_ struct survey *survey = NULL;
    _cleanup_plan_ struct plan *plan = plan_blank(HEAD HOST DEV, &machine, &survey);

    (void)state;
    assert_int_equal(plan->n_steps, 7);
    for (size_t i = 0; i < 7; i++) {
        assert_int_equal(plan->steps[i].kind, kinds[i]);
        assert_string_equal(plan->steps[i].target, targets[i]);
        assert_int_equal(plan->steps[i].n_loses, 0);
    }
}

static void a_disk_that_is_right_needs_no_step(void **state)
{
    _cleanup_machine_ struct machine *machine = NULL;
    _cleanup_survey_ struct survey *survey = NULL, *after = NULL;
    _cleanup_plan_ struct plan *first = plan_blank(HEAD HOST DEV, &machine, &survey);
    _cleanup_plan_ struct plan *second = NULL;
    struct plan_options options = {0};
    struct err e;

    (void)state;
    after = survey_after(first);
    second = plan_make(machine, after, images, &options, &e);
    assert_non_null(second);
    assert_int_equal(second->n_steps, 0);
    assert_int_equal(second->notes.n, 0);
}

static void an_incomplete_partition_is_filled_again_in_its_place(void **state)
{
    _cleanup_machine_ struct machine *machine = NULL;
    _cleanup_survey_ struct survey *survey = NULL, *after = NULL;
    _cleanup_plan_ struct plan *first = plan_blank(HEAD HOST DEV, &machine, &survey);
    _cleanup_plan_ struct plan *second = NULL;
    struct plan_options options = {0};
    struct err e;

    (void)state;
    after = survey_after(first);
    after->partitions[3].incomplete = true;
    record_remove_system(after->record, "dev");
    second = plan_make(machine, after, images, &options, &e);
    assert_non_null(second);
    assert_int_equal(second->n_steps, 2);
    assert_string_equal(second->steps[0].target, "dev");
    assert_int_equal(second->steps[0].touches[0].start, after->partitions[3].range.start);
    assert_int_equal(second->steps[1].kind, STEP_MENU);
}

static void a_root_that_was_completed_before_the_record_is_known_again(void **state)
{
    _cleanup_machine_ struct machine *machine = NULL;
    _cleanup_survey_ struct survey *survey = NULL, *after = NULL;
    _cleanup_plan_ struct plan *first = plan_blank(HEAD HOST DEV, &machine, &survey);
    _cleanup_plan_ struct plan *second = NULL;
    struct plan_options options = {0};
    struct err e;

    (void)state;
    after = survey_after(first);
    record_remove_system(after->record, "dev");
    second = plan_make(machine, after, images, &options, &e);
    assert_non_null(second);
    assert_int_equal(second->n_steps, 1);
    assert_int_equal(second->steps[0].kind, STEP_MENU);
}

static void somebody_elses_partition_of_that_name_is_refused(void **state)
{
    _cleanup_machine_ struct machine *machine = NULL;
    _cleanup_survey_ struct survey *survey = NULL, *after = NULL;
    _cleanup_plan_ struct plan *first = plan_blank(HEAD HOST DEV, &machine, &survey);

    (void)state;
    after = survey_after(first);
    record_remove_system(after->record, "dev");
    free(after->partitions[3].fs_uuid);
    after->partitions[3].fs_uuid = strdup("00000000-0000-0000-0000-000000000001");
    refused(HEAD HOST DEV, after, ERR_REFUSED, "is called dev and was not made by berth");
}

static void a_volume_of_somebody_else_is_not_taken(void **state)
{
    _cleanup_machine_ struct machine *machine = NULL;
    _cleanup_survey_ struct survey *survey = NULL, *after = NULL;
    _cleanup_plan_ struct plan *first = plan_blank(HEAD HOST DEV_DATA, &machine, &survey);
    char *uuid = strdup("00000000-0000-0000-0000-000000000001");

    (void)state;
    after = survey_after(first);
    record_remove_system(after->record, "dev");
    free(after->partitions[4].fs_uuid);
    after->partitions[4].fs_uuid = uuid;
    refused(HEAD HOST DEV_DATA, after, ERR_REFUSED, "is called data and was not made by berth");
}

static void another_machines_disk_is_refused(void **state)
{
    _cleanup_machine_ struct machine *machine = NULL;
    _cleanup_survey_ struct survey *survey = NULL, *after = NULL;
    _cleanup_plan_ struct plan *first = plan_blank(HEAD "name: lab\n" HOST, &machine, &survey);

    (void)state;
    after = survey_after(first);
    refused(HEAD "name: other\n" HOST, after, ERR_REFUSED, "is the disk of the machine lab");
    refused(HEAD "host: {name: new, image: i, root: {size: 1GiB}}\n", after, ERR_REFUSED,
            "main is the host on d.img");
}

static void a_damaged_table_is_not_changed(void **state)
{
    _cleanup_machine_ struct machine *machine = NULL;
    _cleanup_survey_ struct survey *survey = NULL, *after = NULL;
    _cleanup_plan_ struct plan *first = plan_blank(HEAD HOST, &machine, &survey);

    (void)state;
    after = survey_after(first);
    after->damage = calloc(1, sizeof(*after->damage));
    after->n_damage = 1;
    after->damage[0] = (struct damage){
        .kind = DAMAGE_OVERLAP, .number = 2, .text = strdup("partition 2 overlaps partition 1")};
    refused(HEAD HOST DEV, after, ERR_REFUSED, "partition 2 overlaps partition 1");
}

static void a_guest_of_another_family_is_refused(void **state)
{
    (void)state;
    images[1].family = (char *)"bsd";
    refused(HEAD HOST DEV, NULL, ERR_REFUSED, "must be of the host's family, linux");
}

static void an_image_that_does_not_fit_is_named_with_its_place(void **state)
{
    (void)state;
    images[1].content_bytes = 2 * GIB;
    refused(HEAD HOST DEV, NULL, ERR_NO_SPACE, "m.yaml:5:40: dev: 1GiB is ");
}

static void an_mbr_disk_is_not_supported_yet(void **state)
{
    _cleanup_survey_ struct survey *survey = NULL;
    struct err e;

    (void)state;
    survey = inspect_missing("d.img", 4 * GIB, 512, &e);
    survey->exists = true;
    survey->table = TABLE_MBR;
    refused(HEAD HOST, survey, ERR_UNSUPPORTED, "MBR");
}

static void a_disk_with_unknown_data_is_refused(void **state)
{
    _cleanup_survey_ struct survey *survey = NULL;
    struct err e;

    (void)state;
    survey = inspect_missing("d.img", 4 * GIB, 512, &e);
    survey->exists = survey->unknown_data = true;
    refused(HEAD HOST, survey, ERR_REFUSED, "yet it is not empty");
}

static void a_record_of_a_later_berth_is_not_changed(void **state)
{
    _cleanup_machine_ struct machine *machine = NULL;
    _cleanup_survey_ struct survey *survey = NULL, *after = NULL;
    _cleanup_plan_ struct plan *first = plan_blank(HEAD HOST, &machine, &survey);

    (void)state;
    after = survey_after(first);
    after->record->level = after->record->needs = RECORD_LEVEL + 1;
    refused(HEAD HOST DEV, after, ERR_REFUSED, "this berth knows up to");
}

static void another_device_than_the_file_means_is_refused(void **state)
{
    (void)state;
    refused("berth: 1\ndisk: {path: d.img, size: 4GiB, serial: A1}\n" HOST, NULL, ERR_REFUSED,
            "its serial is not known, not A1");
}

static void growing_is_planned_with_its_system_held_meanwhile(void **state)
{
    _cleanup_machine_ struct machine *machine = NULL, *larger = NULL;
    _cleanup_survey_ struct survey *survey = NULL, *after = NULL;
    _cleanup_plan_ struct plan *first = plan_blank(HEAD HOST, &machine, &survey);
    _cleanup_plan_ struct plan *second = NULL;
    static const enum step_kind expected[] = {STEP_HOLD, STEP_RESIZE, STEP_RELEASE, STEP_MENU};
    struct plan_options options = {0};
    struct err e;

    (void)state;
    after = survey_after(first);
    after->esp = plan_partition(first, "esp")->number;
    larger = parse(HEAD "host: {name: main, image: i, root: {size: 2GiB}}\n");
    second = plan_make(larger, after, images, &options, &e);
    assert_non_null(second);
    assert_int_equal(second->n_steps, 4);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(second->steps[i].kind, expected[i]);
    assert_int_equal(second->steps[1].to.bytes, 2 * GIB);
    assert_int_equal(second->steps[1].from.bytes, 1 * GIB);
}

static void growing_into_another_partition_is_refused(void **state)
{
    _cleanup_machine_ struct machine *machine = NULL;
    _cleanup_survey_ struct survey *survey = NULL, *after = NULL;
    _cleanup_plan_ struct plan *first = plan_blank(HEAD HOST DEV, &machine, &survey);

    (void)state;
    after = survey_after(first);
    refused(HEAD "host: {name: main, image: i, root: {size: 2GiB}}\n" DEV, after, ERR_NO_SPACE,
            "(dev) follows it");
}

static void shrinking_is_told(void **state)
{
    _cleanup_machine_ struct machine *machine = NULL, *smaller = NULL;
    _cleanup_survey_ struct survey *survey = NULL, *after = NULL;
    _cleanup_plan_ struct plan *first = plan_blank(HEAD HOST, &machine, &survey);
    _cleanup_plan_ struct plan *second = NULL;
    struct plan_options options = {0};
    struct err e;

    (void)state;
    after = survey_after(first);
    smaller = parse(HEAD "host: {name: main, image: i, root: {size: 512MiB}}\n");
    second = plan_make(smaller, after, images, &options, &e);
    assert_non_null(second);
    assert_int_equal(second->n_steps, 0);
    assert_int_equal(second->notes.n, 1);
}

static void changed_settings_are_told_by_name(void **state)
{
    _cleanup_machine_ struct machine *machine = NULL, *other = NULL;
    _cleanup_survey_ struct survey *survey = NULL, *after = NULL;
    _cleanup_plan_ struct plan *first = plan_blank(HEAD HOST, &machine, &survey);
    _cleanup_plan_ struct plan *second = NULL;
    struct plan_options options = {0};
    struct err e;

    (void)state;
    after = survey_after(first);
    other = parse(HEAD "host: {name: main, image: i, root: {size: 1GiB}, hostname: other}\n");
    second = plan_make(other, after, images, &options, &e);
    assert_non_null(second);
    assert_int_equal(second->n_steps, 0);
    assert_int_equal(second->notes.n, 1);
    assert_non_null(strstr(second->notes.items[0], "(hostname)"));
}

static void a_menu_that_names_no_system_is_refused(void **state)
{
    (void)state;
    refused(HEAD HOST "menu: {default: gone}\n", NULL, ERR_USAGE, "there is no system called gone");
}

static bool has_step(const struct plan *plan, enum step_kind kind)
{
    for (size_t i = 0; i < plan->n_steps; i++)
        if (plan->steps[i].kind == kind)
            return true;
    return false;
}

static void partitions_alone_need_nothing_to_boot_from(void **state)
{
    static const char text[] = HEAD "partitions: [{name: home, size: 1GiB}]\n";
    _cleanup_machine_ struct machine *machine = NULL;
    _cleanup_survey_ struct survey *survey = NULL, *after = NULL;
    _cleanup_plan_ struct plan *plan = plan_blank(text, &machine, &survey), *again = NULL;
    struct plan_options options = {0};
    struct err e;

    (void)state;
    assert_int_equal(plan->table->n, 1);
    assert_string_equal(plan->table->entries[0].name, "home");
    assert_false(has_step(plan, STEP_MENU));
    after = survey_after(plan);
    record_free(after->record);
    after->record = NULL;
    again = plan_make(machine, after, images, &options, &e);
    assert_non_null(again);
    assert_int_equal(again->n_steps, 0);
}

static void an_esp_that_is_named_gets_a_menu_without_systems_too(void **state)
{
    static const char text[] = HEAD "partitions: [{name: boot, type: esp}]\n";
    _cleanup_machine_ struct machine *machine = NULL;
    _cleanup_survey_ struct survey *survey = NULL;
    _cleanup_plan_ struct plan *plan = plan_blank(text, &machine, &survey);

    (void)state;
    assert_int_equal(plan->table->n, 2); /* and one for BIOSes */
    assert_true(has_step(plan, STEP_MENU));
}

static void a_size_that_is_there_to_the_byte_is_right(void **state)
{
    _cleanup_machine_ struct machine *machine =
        parse(HEAD "partitions: [{name: home, size: 1025KiB}]\n");
    _cleanup_survey_ struct survey *survey = NULL, *after = NULL;
    _cleanup_machine_ struct machine *blank = NULL;
    _cleanup_plan_ struct plan *first =
        plan_blank(HEAD "partitions: [{name: home, size: 1GiB}]\n", &blank, &survey);
    _cleanup_plan_ struct plan *plan = NULL;
    struct plan_options options = {0};
    struct err e;

    (void)state;
    after = survey_after(first);
    record_free(after->record);
    after->record = NULL;
    after->partitions[0].range.bytes = 1025 * KIB;
    plan = plan_make(machine, after, images, &options, &e);
    assert_non_null(plan);
    assert_int_equal(plan->n_steps + plan->notes.n, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_blank_disk_is_filled_in_a_safe_order, setup),
        cmocka_unit_test_setup(a_disk_that_is_right_needs_no_step, setup),
        cmocka_unit_test_setup(an_incomplete_partition_is_filled_again_in_its_place, setup),
        cmocka_unit_test_setup(a_root_that_was_completed_before_the_record_is_known_again, setup),
        cmocka_unit_test_setup(somebody_elses_partition_of_that_name_is_refused, setup),
        cmocka_unit_test_setup(a_volume_of_somebody_else_is_not_taken, setup),
        cmocka_unit_test_setup(another_machines_disk_is_refused, setup),
        cmocka_unit_test_setup(a_damaged_table_is_not_changed, setup),
        cmocka_unit_test_setup(a_guest_of_another_family_is_refused, setup),
        cmocka_unit_test_setup(an_image_that_does_not_fit_is_named_with_its_place, setup),
        cmocka_unit_test_setup(an_mbr_disk_is_not_supported_yet, setup),
        cmocka_unit_test_setup(a_disk_with_unknown_data_is_refused, setup),
        cmocka_unit_test_setup(a_record_of_a_later_berth_is_not_changed, setup),
        cmocka_unit_test_setup(another_device_than_the_file_means_is_refused, setup),
        cmocka_unit_test_setup(growing_is_planned_with_its_system_held_meanwhile, setup),
        cmocka_unit_test_setup(growing_into_another_partition_is_refused, setup),
        cmocka_unit_test_setup(shrinking_is_told, setup),
        cmocka_unit_test_setup(changed_settings_are_told_by_name, setup),
        cmocka_unit_test_setup(a_menu_that_names_no_system_is_refused, setup),
        cmocka_unit_test_setup(partitions_alone_need_nothing_to_boot_from, setup),
        cmocka_unit_test_setup(an_esp_that_is_named_gets_a_menu_without_systems_too, setup),
        cmocka_unit_test_setup(a_size_that_is_there_to_the_byte_is_right, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
