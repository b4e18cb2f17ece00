// SPDX-License-Identifier: GPL-3.0-or-later
/* customize_settings.c: names, filesystems, clock and language: the small text files of /etc. */
#include "core/cleanup.h"
#include "core/io.h"
#include "images/accounts.h"
#include "images/customize_parts.h"

#include <string.h>

/* ---- names ---- */

/* The image's hosts without its line for 127.0.1.1, and with ours. */
static char *hosts_text(const char *old, const char *hostname, struct err *e)
{
    char *text = strdup("");
    _cleanup_free_ char *ours = io_format(e, "127.0.1.1\t%s", hostname);
    bool has_localhost = false;
    int result = text != NULL && ours != NULL ? 0 : -1;

    while (result == 0 && *old != '\0') {
        size_t len = strcspn(old, "\n");
        _cleanup_free_ char *line = strndup(old, len);

        if (line == NULL)
            break;
        has_localhost = has_localhost || strstr(line, "localhost") != NULL;
        if (strncmp(line, "127.0.1.1", 9) != 0)
            result = accounts_append(&text, line, e);
        old += len + (old[len] == '\n');
    }
    if (result == 0 && !has_localhost)
        result = accounts_append(&text, "127.0.0.1\tlocalhost\n::1\t\tlocalhost ip6-localhost", e);
    if (result == 0 && accounts_append(&text, ours, e) == 0)
        return text;
    free(text);
    return NULL;
}

int customize_names(struct customize *c, struct err *e)
{
    const struct machine_system *system = c->in->system;
    const char *hostname = system->hostname != NULL ? system->hostname : system->name, *old;
    _cleanup_free_ char *line = io_format(e, "%s\n", hostname), *hosts = NULL;

    if (line == NULL || customize_text(c, "etc/hosts", &old, e) < 0)
        return -1;
    hosts = hosts_text(old, hostname, e);
    if (hosts == NULL)
        return -1;
    /* An empty machine-id is filled at the first boot, and asks no questions (machine-id(5)). */
    if (customize_put_file(c, "etc/hostname", 0644, line, e) < 0 ||
        customize_put_text(c, "etc/hosts", 0644, hosts, e) < 0 ||
        customize_put_file(c, "etc/machine-id", 0444, "", e) < 0)
        return -1;
    return 0;
}

/* ---- filesystems ---- */

/* What is not the system's own may be absent, and then nothing waits for it. */
static char *mount_line(const struct customize_mount *mount, struct err *e)
{
    const char *options = mount->own ? "defaults" : "nofail,x-systemd.device-timeout=1s";

    return io_format(e, "UUID=%s %s %s %s 0 2", mount->uuid, mount->path, mount->fs, options);
}

static int add_line(char **text, char *line, struct err *e)
{
    int result = line != NULL ? accounts_append(text, line, e) : -1;

    free(line);
    return result;
}

static int put_fstab(struct customize *c, struct err *e)
{
    const struct customize_input *in = c->in;
    _cleanup_free_ char *text = strdup("# filesystem  mount point  type  options  dump  pass\n");

    if (text == NULL)
        return err_no_memory(e);
    if (add_line(&text,
                 io_format(e, "UUID=%s / %s errors=remount-ro 0 1", in->root_uuid,
                           fs_kind_name(in->system->root.fs)),
                 e) < 0)
        return -1;
    if (in->swap_uuid != NULL &&
        add_line(&text, io_format(e, "UUID=%s none swap sw 0 0", in->swap_uuid), e) < 0)
        return -1;
    for (size_t i = 0; i < in->n_mounts; i++)
        if (add_line(&text, mount_line(&in->mounts[i], e), e) < 0)
            return -1;
    return customize_put_file(c, "etc/fstab", 0644, text, e);
}

/* Without this, initramfs-tools would choose whichever swap it sees, another system's too, and wait
 * for it at every boot. */
static int put_resume(struct customize *c, struct err *e)
{
    const char *uuid = c->in->swap_uuid;
    _cleanup_free_ char *text =
        io_format(e, "RESUME=%s%s\n", uuid != NULL ? "UUID=" : "none", uuid != NULL ? uuid : "");

    if (text == NULL)
        return -1;
    if (!c->facts[HAS_INITRAMFS_TOOLS])
        return 0;
    return customize_put_file(c, "etc/initramfs-tools/conf.d/resume", 0644, text, e);
}

int customize_filesystems(struct customize *c, struct err *e)
{
    return put_fstab(c, e) < 0 ? -1 : put_resume(c, e);
}

/* ---- clock and language ---- */

static int put_timezone(struct customize *c, const char *zone, struct err *e)
{
    _cleanup_free_ char *target = io_format(e, "/usr/share/zoneinfo/%s", zone);
    _cleanup_free_ char *line = io_format(e, "%s\n", zone);

    if (target == NULL || line == NULL)
        return -1;
    if (!c->facts[HAS_ZONE])
        return err_set(e, ERR_NOT_FOUND, "the image has no time zone \"%s\"", zone);
    if (customize_put_link(c, "etc/localtime", target, e) < 0)
        return -1;
    return customize_put_file(c, "etc/timezone", 0644, line, e);
}

/* Two files, for systemd and for Debian's login. */
static int put_locale(struct customize *c, const char *locale, struct err *e)
{
    static const char *const built_in[] = {"C", "POSIX", "C.UTF-8", "C.utf8"};
    _cleanup_free_ char *line = io_format(e, "LANG=%s\n", locale);
    bool known = c->facts[HAS_LOCALE];

    if (line == NULL)
        return -1;
    for (size_t i = 0; i < sizeof(built_in) / sizeof(built_in[0]); i++)
        known = known || strcmp(locale, built_in[i]) == 0;
    if (!known)
        ui_note(c->ui,
                "%s: the image does not have the locale %s; until it is made there, programs "
                "use C",
                c->in->system->name, locale);
    if (customize_put_file(c, "etc/locale.conf", 0644, line, e) < 0)
        return -1;
    return customize_put_link(c, "etc/default/locale", "../locale.conf", e);
}

/* The image's compiled key maps are of the layout it was made with; without them, console-setup
 * makes new ones at the next boot. */
static void drop_compiled_keyboard(struct customize *c)
{
    for (size_t i = 0; i < c->n_held; i++)
        if (strncmp(c->held[i].entry.path, "etc/console-setup/cached_", 25) == 0)
            c->held[i].replaced = true;
}

static int put_keyboard(struct customize *c, const char *layout, struct err *e)
{
    _cleanup_free_ char *line = io_format(e, "XKBLAYOUT=\"%s\"\n", layout);
    _cleanup_free_ char *text = NULL;
    const char *old;

    if (line == NULL || customize_text(c, "etc/default/keyboard", &old, e) < 0)
        return -1;
    if (strstr(old, line) != NULL)
        return 0;
    drop_compiled_keyboard(c);
    text = io_format(
        e, "XKBMODEL=\"pc105\"\n%sXKBVARIANT=\"\"\nXKBOPTIONS=\"\"\n\nBACKSPACE=\"guess\"\n", line);
    return text != NULL ? customize_put_text(c, "etc/default/keyboard", 0644, text, e) : -1;
}

int customize_language(struct customize *c, struct err *e)
{
    const struct machine_system *system = c->in->system;
    const char *locale = system->locale;

    if (system->timezone != NULL && put_timezone(c, system->timezone, e) < 0)
        return -1;
    /* An image that has chosen nothing: login would complain at each session. */
    if (locale == NULL && customize_held(c, "etc/locale.conf") == NULL)
        locale = "C.UTF-8";
    if (locale != NULL && put_locale(c, locale, e) < 0)
        return -1;
    return system->keyboard != NULL ? put_keyboard(c, system->keyboard, e) : 0;
}
