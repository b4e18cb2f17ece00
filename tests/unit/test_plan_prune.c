// SPDX-License-Identifier: GPL-3.0-or-later
/* What a plan does with a guest that the machine file does not name. No disk is involved. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "plan_world.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_guest_that_the_file_does_not_have_stays, setup),
        cmocka_unit_test_setup(prune_takes_it_from_the_menu_first_and_says_what_is_lost, setup),
        cmocka_unit_test_setup(prune_never_removes_what_the_file_names, setup),
        cmocka_unit_test_setup(prune_does_not_take_the_records_word_alone, setup),
        cmocka_unit_test_setup(a_prune_that_was_cut_short_is_completed, setup),
        cmocka_unit_test_setup(a_guest_that_was_to_be_removed_and_is_wanted_again_comes_back_whole,
                               setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
