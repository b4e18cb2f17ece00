// SPDX-License-Identifier: GPL-3.0-or-later
/* step_menu.c: commits the record and the menu on the ESP. */
#include "apply/esp_access.h"
#include "apply/step_ops.h"

static int open_esp(struct apply *apply, struct esp_access *access, struct err *e)
{
    for (size_t i = 0; i < apply->plan->n_partitions; i++) {
        const struct plan_partition *p = &apply->plan->partitions[i];

        if (p->content == CONTENT_ESP)
            return esp_access_open(apply->disk, p->range,
                                   p->found != NULL ? p->found->mountpoint : NULL, access, e);
    }
    return err_set(e, ERR_FAILED, "the plan has no EFI system partition");
}

int step_menu_done(struct apply *apply, const struct step *step, struct err *e)
{
    _cleanup_esp_access_ struct esp_access access = {0};
    _cleanup_record_ struct record *record = NULL;

    (void)step;
    if (open_esp(apply, &access, e) < 0 || esp_read(access.esp, &record, NULL, e) < 0)
        return -1;
    return record_equal(record, apply->plan->record);
}

int step_menu_apply(struct apply *apply, const struct step *step, struct err *e)
{
    _cleanup_esp_access_ struct esp_access access = {0};

    (void)step;
    if (open_esp(apply, &access, e) < 0)
        return -1;
    return esp_commit(access.esp, apply->plan->record, e);
}
