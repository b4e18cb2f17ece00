// SPDX-License-Identifier: GPL-3.0-or-later
/* guest_input.c: resolves a system of the machine file for the customiser. */
#include "plan/guest_input.h"
#include "core/cleanup.h"
#include "core/io.h"
#include "core/size.h"

#include <string.h>

#define FILE_MAX (64 * MIB) /* of one of the machine file's files */

struct guest_input {
    struct customize_input input;
    struct customize_mount *mounts;
    struct customize_file *files;
    char **texts; /* UUIDs and file contents, freed together */
    size_t n_texts;
};

static char *keep(struct guest_input *g, char *text, struct err *e)
{
    if (text == NULL) {
        err_no_memory(e);
        return NULL;
    }
    g->texts[g->n_texts++] = text;
    return text;
}

static const char *uuid_text(struct guest_input *g, const struct plan_partition *p, struct err *e)
{
    char text[GUID_TEXT];

    /* What is on the disk already says its UUID itself; a partition may have come with another. */
    if (p->found != NULL && !p->fill && p->found->fs_uuid != NULL)
        return keep(g, strdup(p->found->fs_uuid), e);
    return keep(g, strdup(guid_print(&p->fs_uuid, text)), e);
}

static int resolve_mount(struct guest_input *g, const struct plan *plan,
                         const struct machine_system *system, const struct machine_mount *mount,
                         struct err *e)
{
    const struct plan_partition *p = plan_partition(plan, mount->partition);
    struct customize_mount *m = &g->mounts[g->input.n_mounts++];

    if (p == NULL || p->content != CONTENT_EXT4)
        return machine_error(plan->machine, mount->at, ERR_USAGE, e,
                             "%s: %s is no partition with a filesystem that could be mounted",
                             mount->path, mount->partition);
    m->path = mount->path;
    m->fs = "ext4";
    m->own = p->system == system;
    m->uuid = uuid_text(g, p, e);
    return m->uuid == NULL ? -1 : 0;
}

static int resolve_swap(struct guest_input *g, const struct plan *plan,
                        const struct machine_system *system, struct err *e)
{
    for (size_t i = 0; i < plan->n_partitions; i++) {
        const struct plan_partition *p = &plan->partitions[i];

        if (p->content != CONTENT_SWAP || p->system != system || g->input.swap_uuid != NULL)
            continue;
        g->input.swap_uuid = uuid_text(g, p, e);
        if (g->input.swap_uuid == NULL)
            return -1;
    }
    return 0;
}

static int load_file(struct guest_input *g, const struct plan *plan,
                     const struct machine_file *file, struct err *e)
{
    struct customize_file *f = &g->files[g->input.n_files++];
    _cleanup_free_ char *path = machine_resolve(plan->machine, file->from, e);
    char *data;
    struct err inner;

    if (path == NULL)
        return -1;
    if (io_read_file(path, FILE_MAX, &data, &f->len, &inner) < 0)
        return machine_error(plan->machine, file->at, inner.code, e, "%s", inner.text);
    f->data = keep(g, data, e);
    f->to = file->to;
    f->mode = file->mode;
    return 0;
}

static int resolve(struct guest_input *g, const struct plan *plan,
                   const struct plan_partition *root, struct err *e)
{
    const struct machine_system *system = root->system;

    g->mounts = calloc(system->n_mounts + 1, sizeof(*g->mounts));
    g->files = calloc(system->n_files + 1, sizeof(*g->files));
    g->texts = calloc(system->n_mounts + system->n_files + 2, sizeof(*g->texts));
    if (g->mounts == NULL || g->files == NULL || g->texts == NULL)
        return err_no_memory(e);
    g->input.system = system;
    g->input.mounts = g->mounts;
    g->input.files = g->files;
    g->input.root_uuid = uuid_text(g, root, e);
    if (g->input.root_uuid == NULL || resolve_swap(g, plan, system, e) < 0)
        return -1;
    for (size_t i = 0; i < system->n_mounts; i++)
        if (resolve_mount(g, plan, system, &system->mounts[i], e) < 0)
            return -1;
    for (size_t i = 0; i < system->n_files; i++)
        if (load_file(g, plan, &system->files[i], e) < 0)
            return -1;
    return 0;
}

struct guest_input *guest_input_new(const struct plan *plan, const struct plan_partition *root,
                                    struct err *e)
{
    _cleanup_guest_input_ struct guest_input *g = calloc(1, sizeof(*g));

    if (g == NULL) {
        err_no_memory(e);
        return NULL;
    }
    return resolve(g, plan, root, e) < 0 ? NULL : steal(g);
}

const struct customize_input *guest_input_customize(const struct guest_input *input)
{
    return &input->input;
}

void guest_input_free(struct guest_input *input)
{
    if (input == NULL)
        return;
    for (size_t i = 0; i < input->n_texts; i++)
        free(input->texts[i]);
    free(input->texts);
    free(input->mounts);
    free(input->files);
    free(input);
}

void guest_input_cleanup(struct guest_input **input)
{
    guest_input_free(*input);
}

int guest_input_check(const struct plan *plan, struct err *e)
{
    for (size_t i = 0; i < plan->n_partitions; i++) {
        const struct plan_partition *p = &plan->partitions[i];
        _cleanup_guest_input_ struct guest_input *g = NULL;

        if (p->content != CONTENT_SYSTEM || !p->fill)
            continue;
        if (customize_check(p->image, p->system, e) < 0)
            return err_wrap(e, "%s", p->system->name);
        g = guest_input_new(plan, p, e);
        if (g == NULL)
            return -1;
    }
    return 0;
}
