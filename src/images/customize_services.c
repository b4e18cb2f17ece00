// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * customize_services.c: what systemd starts: the network on whatever card there is, a login on the
 * screen, host keys, the first-boot script. A unit is enabled as `systemctl enable` would: by the
 * links that its own [Install] section asks for (systemd.unit(5)). Logins on serial lines need
 * nothing here: systemd makes one for each console= of the kernel's command line.
 */
#include "core/cleanup.h"
#include "core/io.h"
#include "images/customize_parts.h"

#include <string.h>

#define UNITS     "etc/systemd/system"
#define MAX_DEPTH 4 /* of Also= */

static const char network_text[] = "# Any Ethernet card, whatever it is called: the same system "
                                   "has other cards in its other life.\n"
                                   "[Match]\n"
                                   "Type=ether\n"
                                   "Kind=!*\n"
                                   "\n"
                                   "[Network]\n"
                                   "DHCP=yes\n";

static const char ssh_keys_unit[] = "[Unit]\n"
                                    "Description=Make this system's own SSH host keys\n"
                                    "ConditionPathExists=!/etc/ssh/ssh_host_ed25519_key\n"
                                    "Before=ssh.service ssh.socket sshd.service\n"
                                    "\n"
                                    "[Service]\n"
                                    "Type=oneshot\n"
                                    "ExecStart=/usr/bin/ssh-keygen -A\n";

static const char first_boot_unit[] = "[Unit]\n"
                                      "Description=This system's first-boot script\n"
                                      "ConditionPathExists=/etc/berth/first-boot.pending\n"
                                      "\n"
                                      "[Service]\n"
                                      "Type=oneshot\n"
                                      "ExecStart=/etc/berth/first-boot\n"
                                      "ExecStartPost=/bin/rm -f /etc/berth/first-boot.pending\n";

/* ---- enabling ---- */

/* The held unit file, wherever the image keeps its units. */
static const struct held *find_unit(struct customize *c, const char *unit)
{
    static const char *const folders[] = {"usr/lib/systemd/system", "lib/systemd/system"};

    for (size_t i = 0; i < 2; i++) {
        struct err ignored;
        _cleanup_free_ char *path = io_format(&ignored, "%s/%s", folders[i], unit);
        const struct held *held = path != NULL ? customize_held(c, path) : NULL;

        if (held != NULL && held->data != NULL)
            return held;
    }
    return NULL;
}

/* Links etc/systemd/system/<folder><dot><link> to the unit's file. */
static int put_unit_link(struct customize *c, const char *folder, const char *link,
                         const char *unit_path, struct err *e)
{
    _cleanup_free_ char *path = io_format(e, UNITS "/%s%s", folder, link);
    _cleanup_free_ char *target = io_format(e, "/%s", unit_path);

    return path != NULL && target != NULL ? customize_put_link(c, path, target, e) : -1;
}

static int enable(struct customize *c, const char *unit, unsigned depth, struct err *e);

/* One "Key=word word" line of the [Install] section. */
static int install_line(struct customize *c, const char *unit, const char *unit_path, char *line,
                        unsigned depth, struct err *e)
{
    char *words = strchr(line, '='), *word;

    if (words == NULL || line[0] == '#' || line[0] == ';')
        return 0;
    *words++ = '\0';
    while ((word = strsep(&words, " \t")) != NULL) {
        char folder[256];
        int result = 0;

        if (*word == '\0' || strchr(word, '/') != NULL)
            continue;
        snprintf(folder, sizeof(folder), "%s.%s/", word,
                 strcmp(line, "RequiredBy") == 0 ? "requires" : "wants");
        if (strcmp(line, "WantedBy") == 0 || strcmp(line, "RequiredBy") == 0)
            result = put_unit_link(c, folder, unit, unit_path, e);
        else if (strcmp(line, "Alias") == 0)
            result = put_unit_link(c, "", word, unit_path, e);
        else if (strcmp(line, "Also") == 0)
            result = enable(c, word, depth + 1, e);
        if (result < 0)
            return -1;
    }
    return 0;
}

/* Enables a unit of the image; nothing happens where the image does not have it. */
static int enable(struct customize *c, const char *unit, unsigned depth, struct err *e)
{
    const struct held *held = find_unit(c, unit);
    _cleanup_free_ char *text = NULL, *path = NULL;
    bool in_install = false;
    char *next, *line;

    if (held == NULL || depth > MAX_DEPTH)
        return 0;
    next = text = strdup(held->data);
    path = strdup(held->entry.path);
    if (text == NULL || path == NULL)
        return err_no_memory(e);
    while ((line = strsep(&next, "\n")) != NULL) {
        if (line[0] == '[')
            in_install = strncmp(line, "[Install]", 9) == 0;
        else if (in_install && install_line(c, unit, path, line, depth, e) < 0)
            return -1;
    }
    return 0;
}

/* Puts a unit of our own, wanted by multi-user.target. */
static int put_own_unit(struct customize *c, const char *unit, const char *text, struct err *e)
{
    _cleanup_free_ char *path = io_format(e, UNITS "/%s", unit);

    if (path == NULL || customize_put_file(c, path, 0644, text, e) < 0)
        return -1;
    return put_unit_link(c, "multi-user.target.wants/", unit, path, e);
}

/* ---- the services ---- */

static int put_network(struct customize *c, struct err *e)
{
    if (find_unit(c, "systemd-networkd.service") == NULL) {
        ui_note(c->ui, "%s: the image has no systemd-networkd, so its network is left as it is",
                c->in->system->name);
        return 0;
    }
    if (customize_put_file(c, "etc/systemd/network/80-berth.network", 0644, network_text, e) < 0 ||
        enable(c, "systemd-networkd.service", 0, e) < 0)
        return -1;
    if (find_unit(c, "systemd-resolved.service") == NULL)
        return 0;
    if (enable(c, "systemd-resolved.service", 0, e) < 0)
        return -1;
    return customize_put_link(c, "etc/resolv.conf", "../run/systemd/resolve/stub-resolv.conf", e);
}

static int put_screen_login(struct customize *c, struct err *e)
{
    const struct held *getty = find_unit(c, "getty@.service");
    _cleanup_free_ char *path = getty != NULL ? strdup(getty->entry.path) : NULL;

    if (path == NULL)
        return 0;
    return put_unit_link(c, "getty.target.wants/", "getty@tty1.service", path, e);
}

/* Debian 12 makes host keys when the package is installed, Debian 13 at what systemd calls the
 * first boot: which an empty machine-id is not. */
static int put_ssh_keys(struct customize *c, struct err *e)
{
    if (!c->facts[HAS_SSHD])
        return 0;
    return put_own_unit(c, "berth-ssh-keys.service", ssh_keys_unit, e);
}

/* Without a first line of its own, the script is for the shell. It may hold secrets: root's only.
 */
static int put_first_boot(struct customize *c, struct err *e)
{
    const char *script = c->in->system->first_boot;
    _cleanup_free_ char *text = NULL;

    if (script == NULL)
        return 0;
    text = io_format(e, "%s%s", strncmp(script, "#!", 2) == 0 ? "" : "#!/bin/sh\n", script);
    if (text == NULL || customize_put_file(c, "etc/berth/first-boot", 0700, text, e) < 0 ||
        customize_put_file(c, "etc/berth/first-boot.pending", 0600, "", e) < 0)
        return -1;
    return put_own_unit(c, "berth-first-boot.service", first_boot_unit, e);
}

int customize_services(struct customize *c, struct err *e)
{
    if (!c->facts[HAS_SYSTEMD]) {
        ui_note(c->ui,
                "%s: the image has no systemd: network, SSH host keys and first-boot script "
                "are left to it",
                c->in->system->name);
        return 0;
    }
    if (put_network(c, e) < 0 || put_screen_login(c, e) < 0 || put_ssh_keys(c, e) < 0)
        return -1;
    return put_first_boot(c, e);
}
