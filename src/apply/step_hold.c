// SPDX-License-Identifier: GPL-3.0-or-later
/* step_hold.c: keeps a system from booting while its partition is worked on, and lets it boot
 * again. */
#include "apply/esp_access.h"
#include "apply/observe.h"
#include "apply/step_work.h"
#include "core/cleanup.h"

#include <string.h>

static int open_esp(struct apply *apply, struct esp_access *access, struct record **record,
                    struct err *e)
{
    const struct survey_partition *esp = survey_esp(apply->plan->survey);

    if (esp == NULL)
        return err_set(e, ERR_FAILED, "%s has lost its boot menu", apply->path);
    if (esp_access_open(apply->disk, esp->range, esp->mountpoint, access, e) < 0)
        return -1;
    return esp_read(access->esp, record, NULL, e);
}

static struct record_system *find(struct record *record, const struct step *step, struct err *e)
{
    struct record_system *system = record_owner(record, &step->partition);

    if (system == NULL)
        err_set(e, ERR_FAILED, "%s has gone from the record", step->target);
    return system;
}

/* 1: the system is held (or not held, as `held` says). */
static int is(struct apply *apply, const struct step *step, bool held, struct err *e)
{
    _cleanup_esp_access_ struct esp_access access = {0};
    _cleanup_record_ struct record *record = NULL;
    const struct record_system *system;

    if (open_esp(apply, &access, &record, e) < 0)
        return -1;
    system = find(record, step, e);
    return system == NULL ? -1 : (system->pending != NULL) == held;
}

static int set(struct apply *apply, const struct step *step, const char *why, struct err *e)
{
    _cleanup_esp_access_ struct esp_access access = {0};
    _cleanup_record_ struct record *record = NULL;
    struct record_system *system;

    if (open_esp(apply, &access, &record, e) < 0)
        return -1;
    system = find(record, step, e);
    if (system == NULL || record_hold(record, system, why, e) < 0)
        return -1;
    if (why == NULL && guid_equal(&system->root, &step->partition))
        system->bytes = step->to.bytes;
    return esp_commit(access.esp, record, e);
}

int step_let_boot(struct apply *apply, const struct step *step, struct err *e)
{
    struct table_entry entry;
    struct step now = *step;
    int held = is(apply, step, true, e);

    if (held <= 0)
        return held;
    if (step_entry(apply, step, &entry, e) < 0)
        return -1;
    now.to = entry.range;
    return set(apply, &now, NULL, e);
}

int step_hold_done(struct apply *apply, const struct step *step, struct err *e)
{
    return is(apply, step, true, e);
}

int step_hold_apply(struct apply *apply, const struct step *step, struct err *e)
{
    return set(apply, step, "being moved or resized", e);
}

int step_release_done(struct apply *apply, const struct step *step, struct err *e)
{
    return is(apply, step, false, e);
}

int step_release_apply(struct apply *apply, const struct step *step, struct err *e)
{
    return set(apply, step, NULL, e);
}
