// SPDX-License-Identifier: GPL-3.0-or-later
/* Plans: wanted and actual in, steps out. No disk is involved. */
#include "core/cleanup.h"
#include "core/size.h"
#include "flow/plan.h"
#include "partition/inspect.h"
#include "partition/type.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define HEAD "berth: 1\ndisk: {path: d.img, size: 4GiB}\n"
#define HOST "host: {name: main, image: i, root: {size: 1GiB}}\n"
#define DEV  "guests:\n  - {name: dev, image: i, root: {size: 1GiB}}\n"

static struct image images[2];

static int setup(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++)
        images[i] = (struct image){
            .name = (char *)"i",
            .family = (char *)"linux",
            .os = (char *)"Test Linux 1",
            .digest = (char *)"sha256:"
                              "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
            .content_bytes = 100 * MIB,
            .inodes = 1000,
        };
    return 0;
}

static struct machine *parse(const char *text)
{
    struct err e;
    struct machine *machine = machine_parse(text, strlen(text), "m.yaml", &e);

    if (machine == NULL)
        fail_msg("%s", e.text);
    return machine;
}

/* What the disk looks like when the plan has been carried out. */
static struct survey *survey_after(const struct plan *plan)
{
    struct err e;
    struct survey *s = inspect_missing("d.img", plan->survey->bytes, 512, &e);

    s->exists = true;
    s->table = TABLE_GPT;
    s->uuid = plan->table->uuid;
    s->partitions = calloc(plan->table->n, sizeof(*s->partitions));
    for (size_t i = 0; i < plan->table->n; i++) {
        const struct table_entry *entry = &plan->table->entries[i];
        const struct plan_partition *p = plan_partition(plan, entry->name);
        struct survey_partition *found = &s->partitions[s->n_partitions++];
        char uuid[GUID_TEXT];

        found->number = entry->number;
        found->range = entry->range;
        found->type = entry->type;
        found->uuid = entry->uuid;
        found->name = strdup(entry->name);
        if (p == NULL)
            continue;
        found->fs_uuid = strdup(guid_print(&p->fs_uuid, uuid));
        found->fs = p->content == CONTENT_SWAP   ? strdup("swap")
                    : p->content == CONTENT_ESP  ? strdup("vfat")
                    : p->content != CONTENT_BIOS ? strdup("ext4")
                                                 : NULL;
    }
    s->record = record_copy(plan->record, &e);
    assert_non_null(s->record);
    return s;
}

/* Plans for a blank disk; the caller frees all three. */
static struct plan *plan_blank(const char *text, struct machine **machine, struct survey **survey)
{
    struct plan_options options = {0};
    struct err e;
    struct plan *plan;

    *machine = parse(text);
    *survey = inspect_missing("d.img", 4 * GIB, 512, &e);
    plan = plan_make(*machine, *survey, images, &options, &e);
    if (plan == NULL)
        fail_msg("%s", e.text);
    return plan;
}

static void refused(const char *text, const struct survey *survey, enum err_code code,
                    const char *words)
{
    _cleanup_machine_ struct machine *machine = parse(text);
    _cleanup_survey_ struct survey *blank = NULL;
    struct plan_options options = {0};
    struct err e = {.code = ERR_OK};

    blank = inspect_missing("d.img", 4 * GIB, 512, &e);
    assert_null(plan_make(machine, survey != NULL ? survey : blank, images, &options, &e));
    assert_int_equal(e.code, code);
    if (strstr(e.text, words) == NULL)
        fail_msg("\"%s\" is not in \"%s\"", words, e.text);
}

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

static void a_guest_that_the_file_does_not_have_stays(void **state)
{
    _cleanup_machine_ struct machine *machine = NULL, *less = parse(HEAD HOST);
    _cleanup_survey_ struct survey *survey = NULL, *after = NULL;
    _cleanup_plan_ struct plan *first = plan_blank(HEAD HOST DEV, &machine, &survey);
    _cleanup_plan_ struct plan *second = NULL;
    struct plan_options options = {0};
    struct err e;

    (void)state;
    after = survey_after(first);
    second = plan_make(less, after, images, &options, &e);
    assert_non_null(second);
    assert_int_equal(second->n_steps, 0);
}

static void prune_takes_it_from_the_menu_first_and_says_what_is_lost(void **state)
{
    _cleanup_machine_ struct machine *machine = NULL, *less = parse(HEAD HOST);
    _cleanup_survey_ struct survey *survey = NULL, *after = NULL;
    _cleanup_plan_ struct plan *first = plan_blank(HEAD HOST DEV, &machine, &survey);
    _cleanup_plan_ struct plan *second = NULL;
    struct plan_options options = {.prune = true};
    struct err e;

    (void)state;
    after = survey_after(first);
    second = plan_make(less, after, images, &options, &e);
    assert_non_null(second);
    assert_int_equal(second->n_steps, 3);
    assert_int_equal(second->steps[0].kind, STEP_RETIRE);
    assert_int_equal(second->steps[1].kind, STEP_MENU);
    assert_int_equal(second->steps[2].kind, STEP_REMOVE);
    assert_int_equal(second->steps[2].n_loses, 1);
    assert_string_equal(second->steps[2].loses[0],
                        "partition 4, dev (1 GiB), and everything in it");
}

#define DATA     "    volumes: [{name: data, type: linux, size: 64MiB, fs: ext4}]\n"
#define DEV_DATA "guests:\n  - name: dev\n    image: i\n    root: {size: 1GiB}\n" DATA

/* Plans FILE with --prune on the disk that HEAD HOST DEV_DATA has made and edit has changed. */
static struct plan *prune_after(const char *file, void (*edit)(struct survey *), struct err *e,
                                struct machine **machine, struct survey **after)
{
    _cleanup_machine_ struct machine *first_machine = NULL;
    _cleanup_survey_ struct survey *survey = NULL;
    _cleanup_plan_ struct plan *first = plan_blank(HEAD HOST DEV_DATA, &first_machine, &survey);
    struct plan_options options = {.prune = true};

    *after = survey_after(first);
    if (edit != NULL)
        edit(*after);
    *machine = parse(file);
    return plan_make(*machine, *after, images, &options, e);
}

static void prune_never_removes_what_the_file_names(void **state)
{
    _cleanup_machine_ struct machine *machine = NULL;
    _cleanup_survey_ struct survey *after = NULL;
    _cleanup_plan_ struct plan *plan = NULL;
    struct err e;

    (void)state;
    plan = prune_after("berth: 1\ndisk: {path: d.img, size: 4GiB}\n"
                       "partitions: [{name: data, type: linux, size: 64MiB, fs: ext4}]\n" HOST,
                       NULL, &e, &machine, &after);
    assert_non_null(plan);
    assert_int_equal(plan->n_removed, 1);
    assert_true(guid_equal(&plan->removed[0], &survey_by_name(after, "dev")->uuid));
}

static void point_dev_at_the_esp(struct survey *survey)
{
    record_system(survey->record, "dev")->root = survey->partitions[0].uuid;
}

static void prune_does_not_take_the_records_word_alone(void **state)
{
    _cleanup_machine_ struct machine *machine = NULL;
    _cleanup_survey_ struct survey *after = NULL;
    _cleanup_plan_ struct plan *plan = NULL;
    struct err e;

    (void)state;
    plan = prune_after(HEAD HOST, point_dev_at_the_esp, &e, &machine, &after);
    assert_non_null(plan);
    for (size_t i = 0; i < plan->n_removed; i++)
        assert_string_equal(survey_by_uuid(after, &plan->removed[i])->name, "data");
}

static void retire_dev(struct survey *survey)
{
    for (size_t i = 0; i < survey->n_partitions; i++)
        if (strcmp(survey->partitions[i].name, "dev") == 0)
            survey->partitions[i].incomplete = true;
}

static void forget_dev(struct survey *survey)
{
    retire_dev(survey);
    record_remove_system(survey->record, "dev");
}

static void a_prune_that_was_cut_short_is_completed(void **state)
{
    _cleanup_machine_ struct machine *machine = NULL;
    _cleanup_survey_ struct survey *after = NULL;
    _cleanup_plan_ struct plan *plan = NULL;
    struct err e;

    (void)state;
    plan = prune_after(HEAD HOST, forget_dev, &e, &machine, &after);
    assert_non_null(plan);
    assert_int_equal(plan->n_removed, 1);
    assert_int_equal(plan->n_steps, 1);
    assert_int_equal(plan->steps[0].kind, STEP_REMOVE);
}

static void a_guest_that_was_to_be_removed_and_is_wanted_again_comes_back_whole(void **state)
{
    _cleanup_machine_ struct machine *machine = NULL;
    _cleanup_survey_ struct survey *after = NULL;
    _cleanup_plan_ struct plan *plan = NULL;
    struct err e;

    (void)state;
    plan = prune_after(HEAD HOST DEV_DATA, retire_dev, &e, &machine, &after);
    assert_non_null(plan);
    assert_int_equal(plan->n_steps, 1);
    assert_int_equal(plan->steps[0].kind, STEP_TABLE);
    assert_non_null(strstr(plan->steps[0].text, "give dev its type in the GPT back"));
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
        cmocka_unit_test_setup(a_guest_that_the_file_does_not_have_stays, setup),
        cmocka_unit_test_setup(prune_takes_it_from_the_menu_first_and_says_what_is_lost, setup),
        cmocka_unit_test_setup(prune_never_removes_what_the_file_names, setup),
        cmocka_unit_test_setup(prune_does_not_take_the_records_word_alone, setup),
        cmocka_unit_test_setup(a_prune_that_was_cut_short_is_completed, setup),
        cmocka_unit_test_setup(a_guest_that_was_to_be_removed_and_is_wanted_again_comes_back_whole,
                               setup),
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
