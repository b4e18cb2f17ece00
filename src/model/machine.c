// SPDX-License-Identifier: GPL-3.0-or-later
/* machine.c: the machine as plain data: freeing it, finding things in it, the form of names. */
#include "model/machine.h"
#include "core/io.h"

#include <stdlib.h>
#include <string.h>

#define NAME_MAX_LEN 31

static const struct {
    enum fs_kind fs;
    const char *name;
} fs_names[] = {
    {FS_NONE, "none"},
    {FS_EXT4, "ext4"},
    {FS_SWAP, "swap"},
    {FS_VFAT, "vfat"},
};

#define FS_NAMES (sizeof(fs_names) / sizeof(fs_names[0]))

const char *fs_kind_name(enum fs_kind fs)
{
    for (size_t i = 0; i < FS_NAMES; i++)
        if (fs_names[i].fs == fs)
            return fs_names[i].name;
    return "none";
}

bool fs_kind_parse(const char *name, enum fs_kind *fs)
{
    for (size_t i = 0; i < FS_NAMES; i++) {
        if (strcmp(fs_names[i].name, name) == 0) {
            *fs = fs_names[i].fs;
            return true;
        }
    }
    return false;
}

bool name_is_valid(const char *name)
{
    size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-");

    return name[0] >= 'a' && name[0] <= 'z' && name[n] == '\0' && n <= NAME_MAX_LEN;
}

/* The bytes of a control character at the head of a text, or 0. U+0080 to U+009F are 0xc2 0x80 to
 * 0xc2 0x9f in UTF-8. */
static size_t control_at(const char *text)
{
    const unsigned char *p = (const unsigned char *)text;

    if (*p == 0xc2 && p[1] >= 0x80 && p[1] <= 0x9f)
        return 2;
    return (*p != '\0' && *p < ' ') || *p == 0x7f;
}

bool text_is_line(const char *text)
{
    while (*text != '\0' && control_at(text) == 0)
        text++;
    return *text == '\0';
}

void text_make_line(char *text)
{
    for (; *text != '\0'; text++)
        for (size_t n = control_at(text); n > 0; n--)
            text[n - 1] = '?';
}

static void free_partitions(struct machine_partition *partitions, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        free(partitions[i].name);
        free(partitions[i].type);
    }
}

static void free_user(struct machine_user *user)
{
    free(user->name);
    free(user->password_hash);
    strings_clear(&user->groups);
    strings_clear(&user->ssh_keys);
}

static void free_lists(struct machine_system *system)
{
    free_partitions(&system->root, 1);
    free_partitions(system->volumes, system->n_volumes);
    free(system->volumes);
    for (size_t i = 0; i < system->n_users; i++)
        free_user(&system->users[i]);
    free(system->users);
    for (size_t i = 0; i < system->n_mounts; i++) {
        free(system->mounts[i].path);
        free(system->mounts[i].partition);
    }
    free(system->mounts);
    for (size_t i = 0; i < system->n_files; i++) {
        free(system->files[i].from);
        free(system->files[i].to);
    }
    free(system->files);
}

static void free_system(struct machine_system *system)
{
    free_lists(system);
    free(system->name);
    free(system->image);
    free(system->hostname);
    free(system->timezone);
    free(system->locale);
    free(system->keyboard);
    free(system->root_password_hash);
    free(system->kernel_options);
    free(system->first_boot);
    free(system->run.net);
    free(system->run.engine);
}

void machine_free(struct machine *machine)
{
    if (machine == NULL)
        return;
    for (size_t i = 0; i < machine->n_systems; i++)
        free_system(&machine->systems[i]);
    free(machine->systems);
    free_partitions(machine->partitions, machine->n_partitions);
    free(machine->partitions);
    free(machine->disk.path);
    free(machine->disk.serial);
    free(machine->disk.wwn);
    free(machine->menu.default_name);
    strings_clear(&machine->menu.order);
    free(machine->path);
    free(machine->folder);
    free(machine->name);
    free(machine);
}

void machine_cleanup(struct machine **machine)
{
    machine_free(*machine);
}

const struct machine_system *machine_system(const struct machine *machine, const char *name)
{
    for (size_t i = 0; i < machine->n_systems; i++)
        if (strcmp(machine->systems[i].name, name) == 0)
            return &machine->systems[i];
    return NULL;
}

char *machine_resolve(const struct machine *machine, const char *path, struct err *e)
{
    if (path[0] == '/' || strcmp(machine->folder, ".") == 0)
        return io_format(e, "%s", path);
    return io_format(e, "%s/%s", machine->folder, path);
}

int machine_error(const struct machine *machine, struct position at, enum err_code code,
                  struct err *e, const char *fmt, ...)
{
    char text[sizeof(e->text)];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    err_set(e, code, "%s", text);
    if (at.line == 0)
        return err_wrap(e, "%s", machine->path);
    return err_wrap(e, "%s:%u:%u", machine->path, at.line, at.column);
}
