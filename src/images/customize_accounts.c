// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * customize_accounts.c: root, and the users of the machine file: lines in the accounts' files, a
 * home made from /etc/skel, SSH keys, sudo.
 */
#include "core/cleanup.h"
#include "core/io.h"
#include "images/accounts.h"
#include "images/customize_parts.h"

#include <string.h>

#define LOCKED      "!"
#define SUBID_FIRST 100000U /* as shadow's useradd: 65536 numbers for each user */
#define SUBID_COUNT 65536U
#define SKEL        "etc/skel/"

/* The texts while they are edited. */
struct texts {
    char *passwd, *shadow, *group, *gshadow, *subuid, *subgid;
};

static const struct file {
    const char *path;
    unsigned mode; /* where the image has none */
    size_t offset;
    bool optional; /* not made where the image has none */
} files[] = {
    {"etc/passwd", 0644, offsetof(struct texts, passwd), false},
    {"etc/shadow", 0640, offsetof(struct texts, shadow), false},
    {"etc/group", 0644, offsetof(struct texts, group), false},
    {"etc/gshadow", 0640, offsetof(struct texts, gshadow), true},
    {"etc/subuid", 0644, offsetof(struct texts, subuid), true},
    {"etc/subgid", 0644, offsetof(struct texts, subgid), true},
};

#define N_FILES (sizeof(files) / sizeof(files[0]))

static char **text_of(struct texts *texts, const struct file *file)
{
    return (char **)((char *)texts + file->offset);
}

static void texts_cleanup(struct texts *texts)
{
    for (size_t i = 0; i < N_FILES; i++)
        free(*text_of(texts, &files[i]));
}

static int texts_read(struct customize *c, struct texts *texts, struct err *e)
{
    for (size_t i = 0; i < N_FILES; i++) {
        const char *text;

        if (customize_text(c, files[i].path, &text, e) < 0)
            return -1;
        *text_of(texts, &files[i]) = strdup(text);
        if (*text_of(texts, &files[i]) == NULL)
            return err_no_memory(e);
    }
    return 0;
}

static int texts_put(struct customize *c, struct texts *texts, struct err *e)
{
    for (size_t i = 0; i < N_FILES; i++) {
        if (files[i].optional && customize_held(c, files[i].path) == NULL)
            continue;
        if (customize_put_text(c, files[i].path, files[i].mode, *text_of(texts, &files[i]), e) < 0)
            return -1;
    }
    return 0;
}

/* Appends a line made like printf. */
ERR_PRINTF(3, 4) static int append(char **text, struct err *e, const char *fmt, ...)
{
    _cleanup_free_ char *line = NULL;
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vasprintf(&line, fmt, ap);
    va_end(ap);
    return n < 0 ? err_no_memory(e) : accounts_append(text, line, e);
}

static int set_root(struct customize *c, struct texts *texts, struct err *e)
{
    const char *hash = c->in->system->root_password_hash;

    if (hash == NULL)
        hash = LOCKED;
    if (accounts_have(texts->shadow, "root"))
        return accounts_set(&texts->shadow, "root", 1, hash, e);
    return append(&texts->shadow, e, "root:%s::0:99999:7:::", hash);
}

static int join_groups(struct customize *c, struct texts *texts, const struct machine_user *user,
                       struct err *e)
{
    for (size_t i = 0; i < user->groups.n; i++) {
        const char *group = user->groups.items[i];

        if (accounts_join(&texts->group, group, user->name, e) < 0)
            return err_wrap(e, "user %s: the image's groups", user->name);
        if (customize_held(c, "etc/gshadow") != NULL && accounts_have(texts->gshadow, group) &&
            accounts_join(&texts->gshadow, group, user->name, e) < 0)
            return err_wrap(e, "user %s: the image's gshadow", user->name);
    }
    return 0;
}

/* One line in each file. The day of the last change of password is left empty: no ageing. */
static int add_lines(struct customize *c, struct texts *texts, const struct machine_user *user,
                     size_t number, uint32_t id, struct err *e)
{
    const char *name = user->name, *hash = user->password_hash ? user->password_hash : LOCKED;
    const char *shell = c->facts[HAS_BASH] ? "/bin/bash" : "/bin/sh";
    unsigned sub = SUBID_FIRST + (unsigned)number * SUBID_COUNT;

    if (append(&texts->passwd, e, "%s:x:%u:%u:%s:/home/%s:%s", name, id, id, name, name, shell) <
            0 ||
        append(&texts->shadow, e, "%s:%s::0:99999:7:::", name, hash) < 0 ||
        append(&texts->group, e, "%s:x:%u:", name, id) < 0 ||
        append(&texts->gshadow, e, "%s:!::", name) < 0 ||
        append(&texts->subuid, e, "%s:%u:%u", name, sub, SUBID_COUNT) < 0)
        return -1;
    return append(&texts->subgid, e, "%s:%u:%u", name, sub, SUBID_COUNT);
}

/* ---- the home ---- */

/* Puts an entry below the user's home, owned by the user. */
static int put_home(struct customize *c, const struct machine_user *user, uint32_t id,
                    const struct tree_entry *like, const char *below, const void *data,
                    struct err *e)
{
    _cleanup_free_ char *path =
        io_format(e, "home/%s%s%s", user->name, *below != '\0' ? "/" : "", below);
    struct tree_entry entry = *like;

    if (path == NULL)
        return -1;
    entry.path = path;
    entry.uid = entry.gid = id;
    if (entry.mtime == 0)
        entry.mtime = customize_made_at(c);
    return customize_put_entry(c, &entry, data, e);
}

static int put_skeleton(struct customize *c, const struct machine_user *user, uint32_t id,
                        struct err *e)
{
    for (size_t i = 0; i < c->n_held; i++) {
        const struct held *held = &c->held[i];

        if (strncmp(held->entry.path, SKEL, strlen(SKEL)) != 0 ||
            held->entry.type == TREE_HARDLINK || held->replaced)
            continue;
        if (put_home(c, user, id, &held->entry, held->entry.path + strlen(SKEL), held->data, e) < 0)
            return -1;
    }
    return 0;
}

static int put_ssh_keys(struct customize *c, const struct machine_user *user, uint32_t id,
                        struct err *e)
{
    struct tree_entry folder = {.type = TREE_DIR, .mode = 0700};
    struct tree_entry file = {.type = TREE_FILE, .mode = 0600};
    _cleanup_free_ char *text = strdup("");

    if (text == NULL)
        return err_no_memory(e);
    for (size_t i = 0; i < user->ssh_keys.n; i++)
        if (accounts_append(&text, user->ssh_keys.items[i], e) < 0)
            return -1;
    file.size = strlen(text);
    if (user->ssh_keys.n == 0)
        return 0;
    if (put_home(c, user, id, &folder, ".ssh", NULL, e) < 0)
        return -1;
    return put_home(c, user, id, &file, ".ssh/authorized_keys", text, e);
}

/* Names in sudoers.d must have no "." and no "~" at their end; a user's name has neither. */
static int put_sudo(struct customize *c, const struct machine_user *user, struct err *e)
{
    _cleanup_free_ char *path = io_format(e, "etc/sudoers.d/berth-%s", user->name);
    _cleanup_free_ char *text = io_format(e, "%s ALL=(ALL:ALL) NOPASSWD: ALL\n", user->name);

    if (path == NULL || text == NULL)
        return -1;
    if (!user->sudo_without_password)
        return 0;
    if (!c->facts[HAS_SUDO])
        ui_note(c->ui, "%s: the image has no sudo, which %s was to use without a password",
                c->in->system->name, user->name);
    return customize_put_file(c, path, 0440, text, e);
}

static int add_user(struct customize *c, struct texts *texts, size_t number, struct err *e)
{
    const struct machine_user *user = &c->in->system->users[number];
    struct tree_entry home = {.type = TREE_DIR, .mode = 0700};
    uint32_t id;

    if (accounts_have(texts->passwd, user->name))
        return err_set(e, ERR_REFUSED, "the image has a user \"%s\" already", user->name);
    if (accounts_free_id(texts->passwd, texts->group, &id, e) < 0 ||
        add_lines(c, texts, user, number, id, e) < 0 || join_groups(c, texts, user, e) < 0 ||
        put_home(c, user, id, &home, "", NULL, e) < 0 || put_skeleton(c, user, id, e) < 0 ||
        put_ssh_keys(c, user, id, e) < 0)
        return -1;
    return put_sudo(c, user, e);
}

int customize_accounts(struct customize *c, struct err *e)
{
    __attribute__((cleanup(texts_cleanup))) struct texts texts = {0};

    if (texts_read(c, &texts, e) < 0 || set_root(c, &texts, e) < 0)
        return -1;
    for (size_t i = 0; i < c->in->system->n_users; i++)
        if (add_user(c, &texts, i, e) < 0)
            return -1;
    return texts_put(c, &texts, e);
}
