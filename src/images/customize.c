// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * customize.c: holds back the entries of an image that its parts may change, remembers what the
 * image has, and at the end runs the parts and puts back what none of them replaced.
 *
 * An entry is held, dropped or passed on by the first row of `rules` that matches its path.
 */
#include "images/customize.h"
#include "core/cleanup.h"
#include "core/io.h"
#include "core/size.h"
#include "images/customize_parts.h"

#include <fnmatch.h>
#include <string.h>

#define HELD_MAX ((size_t)MIB) /* bytes of one held file */

/* Nothing in etc/ssh but the keys is touched. A "*" matches slashes too. Everything that a system
 * makes anew for itself, so that no two systems share it, is dropped. */
static const struct {
    const char *pattern;
    bool drop;
} rules[] = {
    {"etc/ssh/ssh_host_*", true},
    {"etc/machine-id", true},
    {"var/lib/dbus/machine-id", true},
    {"var/lib/systemd/random-seed", true},
    {"var/lib/systemd/credential.secret", true},
    {"etc/hostname", true},
    {"etc/fstab", true},
    {"etc/passwd", false},
    {"etc/shadow", false},
    {"etc/group", false},
    {"etc/gshadow", false},
    {"etc/subuid", false},
    {"etc/subgid", false},
    {"etc/skel/*", false},
    {"etc/hosts", false},
    {"etc/resolv.conf", false},
    {"etc/localtime", false},
    {"etc/timezone", false},
    {"etc/locale.conf", false},
    {"etc/default/locale", false},
    {"etc/default/keyboard", false},
    {"etc/console-setup/cached_*", false},
    {"etc/initramfs-tools/conf.d/resume", false},
    {"etc/systemd/system/*", false},
    {"lib/systemd/system/getty@.service", false},
    {"lib/systemd/system/systemd-network*", false},
    {"lib/systemd/system/systemd-resolved.service", false},
};

static const char *fact_paths[N_FACTS] = {
    [HAS_SYSTEMD] = "lib/systemd/systemd",
    [HAS_SSHD] = "sbin/sshd",
    [HAS_SUDO] = "bin/sudo",
    [HAS_BASH] = "bin/bash",
    [HAS_INITRAMFS_TOOLS] = "etc/initramfs-tools/initramfs.conf",
};

/* The path without usr/: before and after the merge of /usr, files count as the same. */
static const char *merged(const char *path)
{
    return strncmp(path, "usr/", 4) == 0 ? path + 4 : path;
}

/* ---- watching the stream ---- */

static bool is_named_below(const char *path, const char *folder, const char *name)
{
    size_t len = strlen(folder);

    return name != NULL && strncmp(path, folder, len) == 0 && strcmp(path + len, name) == 0;
}

static void note_facts(struct customize *c, const struct tree_entry *entry)
{
    const struct machine_system *system = c->in->system;
    const char *path = merged(entry->path);

    for (size_t i = 0; i < N_FACTS; i++)
        if (fact_paths[i] != NULL && strcmp(path, fact_paths[i]) == 0)
            c->facts[i] = true;
    if (entry->type != TREE_DIR && is_named_below(path, "share/zoneinfo/", system->timezone))
        c->facts[HAS_ZONE] = true;
    if (is_named_below(path, "lib/locale/", system->locale) ||
        strcmp(path, "lib/locale/locale-archive") == 0)
        c->facts[HAS_LOCALE] = true;
    for (size_t i = 0; i < c->in->n_mounts; i++)
        if (strcmp(entry->path, c->in->mounts[i].path + 1) == 0)
            c->mountpoint_seen[i] = true;
}

static int read_content(struct held *held, struct tree_source *content, struct err *e)
{
    const struct tree_entry *entry = &held->entry;
    const void *piece;
    uint64_t offset;
    size_t n;
    int more;

    if (entry->size > HELD_MAX)
        return err_set(e, ERR_UNSUPPORTED, "%s has %llu bytes", entry->path,
                       (unsigned long long)entry->size);
    held->data = calloc(1, (size_t)entry->size + 1);
    if (held->data == NULL)
        return err_no_memory(e);
    while ((more = content->next(content, &piece, &n, &offset, e)) > 0) {
        if (offset > entry->size || n > entry->size - offset)
            return err_set(e, ERR_FAILED, "%s is larger than it says", entry->path);
        memcpy(held->data + offset, piece, n);
    }
    return more;
}

static int copy_xattrs(struct tree_entry *entry, const struct tree_entry *from, struct err *e)
{
    struct tree_xattr *copies = calloc(from->n_xattrs + 1, sizeof(*copies));

    if (copies == NULL)
        return err_no_memory(e);
    entry->xattrs = copies;
    for (size_t i = 0; i < from->n_xattrs; i++) {
        void *value = malloc(from->xattrs[i].len + 1);

        copies[i].name = strdup(from->xattrs[i].name);
        copies[i].value = value;
        copies[i].len = from->xattrs[i].len;
        entry->n_xattrs = i + 1;
        if (value == NULL || copies[i].name == NULL)
            return err_no_memory(e);
        memcpy(value, from->xattrs[i].value, from->xattrs[i].len);
    }
    return 0;
}

static void held_free(struct held *held)
{
    for (size_t i = 0; i < held->entry.n_xattrs; i++) {
        free((void *)(uintptr_t)held->entry.xattrs[i].name);
        free((void *)(uintptr_t)held->entry.xattrs[i].value);
    }
    free((void *)(uintptr_t)held->entry.xattrs);
    free((void *)(uintptr_t)held->entry.path);
    free((void *)(uintptr_t)held->entry.target);
    free(held->data);
}

static int hold(struct customize *c, const struct tree_entry *entry, struct tree_source *content,
                struct err *e)
{
    struct held *earlier = customize_held(c, entry->path), *held, *grown;

    if (earlier != NULL)
        earlier->replaced = true;
    grown = reallocarray(c->held, c->n_held + 1, sizeof(*grown));
    if (grown == NULL)
        return err_no_memory(e);
    c->held = grown;
    held = &grown[c->n_held++];
    *held = (struct held){.entry = *entry};
    held->entry.path = strdup(entry->path);
    held->entry.target = entry->target != NULL ? strdup(entry->target) : NULL;
    held->entry.xattrs = NULL;
    held->entry.n_xattrs = 0;
    held->entry.data = NULL; /* small enough to be put whole */
    held->entry.n_data = 0;
    held->entry.sparse = false;
    if (held->entry.path == NULL || (entry->target != NULL && held->entry.target == NULL))
        return err_no_memory(e);
    if (copy_xattrs(&held->entry, entry, e) < 0)
        return -1;
    return entry->type == TREE_FILE && content != NULL ? read_content(held, content, e) : 0;
}

/* The rows for units mean them wherever the image keeps them; those for etc mean no usr/etc. */
static bool matches(const char *pattern, const char *path)
{
    if (strncmp(pattern, "lib/", 4) == 0)
        path = merged(path);
    return fnmatch(pattern, path, 0) == 0;
}

int customize_take(struct customize *customize, const struct tree_entry *entry,
                   struct tree_source *content, struct err *e)
{
    note_facts(customize, entry);
    if (entry->type == TREE_DIR && strncmp(entry->path, "etc/skel/", 9) != 0)
        return 0;
    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
        if (!matches(rules[i].pattern, entry->path))
            continue;
        if (!rules[i].drop && hold(customize, entry, content, e) < 0)
            return err_wrap(e, "customising");
        return 1;
    }
    return 0;
}

/* ---- the whole ---- */

static int put_mountpoints(struct customize *c, struct err *e)
{
    for (size_t i = 0; i < c->in->n_mounts; i++) {
        struct tree_entry entry = {.path = c->in->mounts[i].path + 1,
                                   .type = TREE_DIR,
                                   .mode = 0755,
                                   .mtime = customize_made_at(c)};

        if (!c->mountpoint_seen[i] && customize_put_entry(c, &entry, NULL, e) < 0)
            return -1;
    }
    return 0;
}

/* The machine file's own files come last, over everything. */
static int put_files(struct customize *c, struct err *e)
{
    for (size_t i = 0; i < c->in->n_files; i++) {
        const struct customize_file *file = &c->in->files[i];
        struct tree_entry entry = {.path = file->to + 1,
                                   .type = TREE_FILE,
                                   .mode = file->mode,
                                   .mtime = customize_made_at(c),
                                   .size = file->len};

        if (customize_put_entry(c, &entry, file->data, e) < 0)
            return -1;
    }
    return 0;
}

static int put_back(struct customize *c, struct err *e)
{
    for (size_t i = 0; i < c->n_held; i++) {
        struct held *held = &c->held[i];

        if (!held->replaced && customize_put_entry(c, &held->entry, held->data, e) < 0)
            return -1;
    }
    return 0;
}

int customize_finish(struct customize *customize, struct tree *to, struct ui *ui, struct err *e)
{
    static int (*const parts[])(struct customize *, struct err *) = {
        customize_accounts, customize_names,    customize_filesystems,
        customize_language, customize_services, put_mountpoints,
        put_back,           put_files,
    };

    customize->to = to;
    customize->ui = ui;
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
        if (parts[i](customize, e) < 0)
            return err_wrap(e, "customising %s", customize->in->system->name);
    return 0;
}

struct customize *customize_new(const struct customize_input *input, struct err *e)
{
    struct customize *c = calloc(1, sizeof(*c));

    if (c != NULL) {
        c->in = input;
        c->mountpoint_seen = calloc(input->n_mounts + 1, sizeof(bool));
    }
    if (c == NULL || c->mountpoint_seen == NULL) {
        err_no_memory(e);
        customize_free(c);
        return NULL;
    }
    return c;
}

void customize_free(struct customize *customize)
{
    if (customize == NULL)
        return;
    for (size_t i = 0; i < customize->n_held; i++)
        held_free(&customize->held[i]);
    free(customize->held);
    free(customize->mountpoint_seen);
    free(customize);
}

void customize_cleanup(struct customize **customize)
{
    customize_free(*customize);
}
