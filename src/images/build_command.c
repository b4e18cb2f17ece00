// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * build_command.c: the command that makes an image. Hooks are the one place where mmdebstrap wants
 * shell text: they are constant here, or made of paths that berth has chosen; nothing a user wrote
 * goes in.
 */
#include "core/cleanup.h"
#include "core/io.h"
#include "images/build_parts.h"
#include "images/mirror.h"

#include <string.h>

/* Manuals and translations are a third of a small system; they are left out now, licences stay, and
 * what is installed later comes whole. No image configures a boot loader or waits for another
 * system's swap, and its initramfs checks an ext4 root before mounting it. Nothing of the machine
 * that builds stays. The files .updated say that the caches in /etc and /var are of this /usr
 * (systemd.unit(5), ConditionNeedsUpdate), else the first boot makes them all again. */
static const char *const constant_arguments[] = {
    "--architectures=amd64",
    "--format=tar",
    "--dpkgopt=path-exclude=/usr/share/man/*",
    "--dpkgopt=path-exclude=/usr/share/info/*",
    "--dpkgopt=path-exclude=/usr/share/doc/*",
    "--dpkgopt=path-include=/usr/share/doc/*/copyright",
    "--dpkgopt=path-exclude=/usr/share/locale/*/LC_MESSAGES/*",
    "--essential-hook=mkdir -p \"$1/etc/initramfs-tools/conf.d\"",
    "--essential-hook=echo RESUME=none > \"$1/etc/initramfs-tools/conf.d/resume\"",
    "--essential-hook=echo '/dev/root / ext4 errors=remount-ro 0 1' > \"$1/etc/fstab\"",
    "--customize-hook=rm -f \"$1/etc/dpkg/dpkg.cfg.d/99mmdebstrap\" \"$1\"/etc/ssh/ssh_host_*",
    "--customize-hook=test -L \"$1/etc/resolv.conf\" || rm -f \"$1/etc/resolv.conf\"",
    "--customize-hook=: > \"$1/etc/machine-id\"",
    "--customize-hook=touch \"$1/etc/.updated\" \"$1/var/.updated\"",
    "--customize-hook=rm -rf \"$1/var/log/apt\" \"$1\"/var/log/*.log",
};

bool build_is_path(const char *package)
{
    return strchr(package, '/') != NULL;
}

static int add(struct strings *command, struct err *e, char *argument)
{
    int result = argument != NULL ? strings_add(command, argument, strlen(argument), e) : -1;

    free(argument);
    return result;
}

static int add_packages(const struct build *build, struct strings *command, struct err *e)
{
    for (size_t i = 0; i < build->recipe->packages.n; i++)
        if (add(command, e, io_format(e, "--include=%s", build->recipe->packages.items[i])) < 0)
            return -1;
    for (size_t i = 0; i < build->n_packages; i++)
        if (!build_is_path(build->packages[i]) &&
            add(command, e, io_format(e, "--include=%s", build->packages[i])) < 0)
            return -1;
    return 0;
}

/* The .deb files were copied into the folder as 0.deb, 1.deb ...; they are installed together, so
 * that they may need each other, with what else they need. The apt that does it is the one outside,
 * on the image's state, as for all other packages: inside there may be no way to resolve a mirror's
 * name. */
static int add_local_packages(const struct build *build, const char *folder,
                              struct strings *command, struct err *e)
{
    size_t n = 0;

    for (size_t i = 0; i < build->n_packages; i++)
        n += build_is_path(build->packages[i]);
    if (n == 0)
        return 0;
    if (add(command, e, io_format(e, "--customize-hook=mkdir \"$1/var/tmp/berth\"")) < 0)
        return -1;
    for (size_t i = 0; i < n; i++)
        if (add(command, e,
                io_format(e, "--customize-hook=upload %s/%zu.deb /var/tmp/berth/%zu.deb", folder, i,
                          i)) < 0)
            return -1;
    if (add(command, e,
            io_format(e,
                      "--customize-hook=env APT_CONFIG=\"$MMDEBSTRAP_APT_CONFIG\" apt-get install "
                      "--yes --no-install-recommends -oDPkg::Chroot-Directory=\"$1\" "
                      "\"$1\"/var/tmp/berth/*.deb")) < 0)
        return -1;
    return add(command, e, io_format(e, "--customize-hook=rm -r \"$1/var/tmp/berth\""));
}

static int add_sources(const struct recipe *recipe, struct strings *command, struct err *e)
{
    struct strings lines = {0};
    int result = mirror_lines(recipe, &lines, e);

    for (size_t i = 0; result == 0 && i < lines.n; i++)
        result = strings_add(command, lines.items[i], strlen(lines.items[i]), e);
    strings_clear(&lines);
    return result;
}

static int add_components(const struct recipe *recipe, struct strings *command, struct err *e)
{
    char *all = io_format(e, "--components=%s", recipe->components.items[0]);

    for (size_t i = 1; all != NULL && i < recipe->components.n; i++) {
        char *longer = io_format(e, "%s,%s", all, recipe->components.items[i]);

        free(all);
        all = longer;
    }
    return add(command, e, all);
}

int build_command(const struct build *build, const char *folder, struct strings *command,
                  struct err *e)
{
    if (add(command, e, io_format(e, "mmdebstrap")) < 0 ||
        add(command, e, io_format(e, "--variant=%s", build->recipe->variant)) < 0 ||
        add(command, e, io_format(e, "--logfile=%s/" BUILD_LOG, folder)) < 0 ||
        add_components(build->recipe, command, e) < 0 || add_packages(build, command, e) < 0 ||
        add_local_packages(build, folder, command, e) < 0)
        return -1;
    for (size_t i = 0; i < sizeof(constant_arguments) / sizeof(constant_arguments[0]); i++)
        if (strings_add(command, constant_arguments[i], strlen(constant_arguments[i]), e) < 0)
            return -1;
    if (add(command, e, io_format(e, "%s", build->recipe->suite)) < 0 ||
        add(command, e, io_format(e, "-")) < 0)
        return -1;
    return add_sources(build->recipe, command, e);
}
