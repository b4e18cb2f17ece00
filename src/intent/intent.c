// SPDX-License-Identifier: GPL-3.0-or-later
/* intent.c: gathers machine, images and survey, and plans. Reads only. */
#include "intent/intent.h"
#include "apply/observe.h"
#include "core/cleanup.h"
#include "core/io.h"
#include "images/store.h"
#include "intent/intent_lose.h"
#include "intent/plan_parts.h"
#include "log/disk_log.h"
#include "log/new_place.h"
#include "partition/inspect.h"
#include "plan/guest_input.h"

#include <string.h>

/* A relative path in the file is relative to the file's folder. */
static char *disk_path(const struct machine *machine, const char *disk, struct err *e)
{
    if (disk != NULL)
        return io_format(e, "%s", disk);
    if (machine->disk.path == NULL) {
        err_set(e, ERR_USAGE, "%s names no disk", machine->path);
        err_hint(e, "say which one with --disk DISK, or disk: {path: ...} in the file");
        return NULL;
    }
    return machine_resolve(machine, machine->disk.path, e);
}

static struct survey *survey_missing(const struct machine *machine, const char *path, struct err *e)
{
    if (machine->disk.bytes == 0) {
        err_set(e, ERR_NOT_FOUND, "%s does not exist, and %s gives no size to make it with", path,
                machine->path);
        err_hint(e, "add disk: {size: 12GiB} to the file");
        return NULL;
    }
    return inspect_missing(path, machine->disk.bytes,
                           machine->disk.sector_size != 0 ? machine->disk.sector_size : 512, e);
}

static struct survey *survey_disk(const struct machine *machine, const char *path, struct err *e)
{
    if (disk_is_missing(path))
        return survey_missing(machine, path, e);
    return observe_path(path, machine->disk.sector_size, OBSERVE_RECORD, e);
}

/* The size in the file is for making the disk file; a difference later is only told. */
static int note_disk_size(struct intent *intent, struct err *e)
{
    char wanted[SIZE_TEXT], there[SIZE_TEXT];
    const struct survey *survey = intent->job.survey;

    if (!survey->exists || intent->machine->disk.bytes == 0 ||
        intent->machine->disk.bytes == survey->bytes)
        return 0;
    return plan_note(intent->job.plan, e,
                     "%s has %s and the file says %s: the size of a disk is not changed",
                     survey->path, size_exact(survey->bytes, there, sizeof(there)),
                     size_exact(intent->machine->disk.bytes, wanted, sizeof(wanted)));
}

/* A path is relative to the machine file, like every path in it. */
static int find_image(const struct machine *machine, const char *name, struct image *image,
                      struct err *e)
{
    _cleanup_free_ char *path = NULL;

    if (strchr(name, '/') == NULL)
        return image_find(name, image, e);
    path = machine_resolve(machine, name, e);
    return path == NULL ? -1 : image_find(path, image, e);
}

static int copy_text(char **to, const char *from, struct err *e)
{
    *to = strdup(from != NULL ? from : "");
    return *to == NULL ? err_no_memory(e) : 0;
}

/* A system that is installed needs its image no more: what the record says of it is enough. Returns
 * 1 when it is installed. */
static int image_of_installed(const struct survey *survey, const struct machine_system *wanted,
                              struct image *image, struct err *e)
{
    const struct record_system *system =
        survey->record != NULL ? record_system(survey->record, wanted->name) : NULL;

    if (system == NULL || survey_by_uuid(survey, &system->root) == NULL)
        return 0;
    if (copy_text(&image->name, system->image, e) < 0 ||
        copy_text(&image->family, system->family, e) < 0 ||
        copy_text(&image->os, system->os, e) < 0 ||
        copy_text(&image->digest, system->digest, e) < 0)
        return -1;
    return 1;
}

static int find_images(struct intent *intent, struct err *e)
{
    const struct machine *machine = intent->machine;

    intent->images = calloc(machine->n_systems + 1, sizeof(*intent->images));
    if (intent->images == NULL)
        return err_no_memory(e);
    for (size_t i = 0; i < machine->n_systems; i++) {
        const struct machine_system *system = &machine->systems[i];
        struct err inner;
        int installed;

        if (find_image(machine, system->image, &intent->images[i], &inner) == 0)
            continue;
        installed = inner.code == ERR_NOT_FOUND
                        ? image_of_installed(intent->job.survey, system, &intent->images[i], e)
                        : 0;
        if (installed < 0)
            return -1;
        if (installed == 0) {
            machine_error(machine, system->at, inner.code, e, "%s: %s", system->name, inner.text);
            return inner.hint[0] != '\0' ? err_hint(e, "%s", inner.hint) : -1;
        }
    }
    return 0;
}

/* What was interrupted is finished first. */
static int check_new_place(struct blockdev *bd, const struct survey *survey, struct err *e)
{
    _cleanup_table_ struct table *there = survey->pending != NULL ? table_read(bd, e) : NULL;

    if (survey->pending == NULL)
        return 0;
    return there == NULL ? -1 : new_place_check(bd, there, survey->pending, NULL, e);
}

/* Plans, and looks at what that would put over others' data. bd: NULL while the disk's file is
 * still to be made. */
static struct plan *plan_on(const struct intent *intent, struct blockdev *bd,
                            const struct survey *survey, struct err *e)
{
    _cleanup_plan_ struct plan *plan =
        plan_make(intent->machine, survey, intent->images, &intent->options, e);

    if (plan != NULL && bd != NULL &&
        (check_new_place(bd, survey, e) < 0 ||
         intent_check_losses(plan, bd, &intent->options, e) < 0)) {
        err_wrap(e, "%s", survey->path);
        return NULL;
    }
    return steal(plan);
}

static struct plan *plan_again(struct job *job, struct disk *disk, const struct survey *survey,
                               struct err *e)
{
    return plan_on((struct intent *)job, disk_blockdev(disk), survey, e);
}

/* Where the log goes; a partition that grows needs a place for its journal, too. */
static int check_log(struct blockdev *bd, struct plan *plan, struct err *e)
{
    _cleanup_table_ struct table *there = NULL;
    bool grows = false;

    for (size_t i = 0; i < plan->n_steps; i++)
        grows |= plan->steps[i].kind == STEP_RESIZE;
    there = plan->n_steps > 0 ? table_read(bd, e) : NULL;
    if (there == NULL)
        return plan->n_steps > 0 ? -1 : 0;
    return grows ? disk_log_check(bd, there, plan, NULL, e) : disk_log_place(bd, there, plan, e);
}

/* The plan, with all that only the disk itself can tell. */
static int plan_first(struct intent *intent, struct err *e)
{
    struct job *job = &intent->job;
    _cleanup_disk_ struct disk *disk = NULL;

    if (job->survey->exists) {
        disk = disk_open(job->path, false, intent->machine->disk.sector_size, e);
        if (disk == NULL)
            return -1;
    }
    job->plan = plan_on(intent, disk != NULL ? disk_blockdev(disk) : NULL, job->survey, e);
    if (job->plan == NULL || guest_input_check(job->plan, e) < 0)
        return -1;
    if (disk == NULL)
        return 0;
    return check_log(disk_blockdev(disk), job->plan, e) < 0 ? -1
                                                            : plan_note_users(job->plan, disk, e);
}

int intent_read(const char *file, const char *disk, const struct plan_options *options,
                struct intent *intent, struct err *e)
{
    *intent = (struct intent){.job.plan_again = plan_again, .options = *options};
    intent->machine = machine_read(file, e);
    if (intent->machine == NULL)
        return -1;
    intent->job.path = disk_path(intent->machine, disk, e);
    if (intent->job.path == NULL)
        return -1;
    intent->job.survey = survey_disk(intent->machine, intent->job.path, e);
    if (intent->job.survey == NULL || find_images(intent, e) < 0)
        return -1;
    return plan_first(intent, e) < 0 ? -1 : note_disk_size(intent, e);
}

void intent_free(struct intent *intent)
{
    plan_free(intent->job.plan);
    survey_free(intent->job.survey);
    for (size_t i = 0; intent->images != NULL && i < intent->machine->n_systems; i++)
        image_free(&intent->images[i]);
    free(intent->images);
    machine_free(intent->machine);
    free(intent->job.path);
    *intent = (struct intent){0};
}
