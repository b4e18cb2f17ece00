// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * landlock.c: what each version of Landlock can deny.
 *
 * The kernel's headers may be older than the kernel: the newer members are written out here. A
 * kernel takes a longer struct than it knows as long as the rest is zero.
 */
#include "core/landlock.h"

#include <errno.h>
#include <linux/landlock.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

struct ruleset {
    uint64_t files, network, scope;
};

/* How many rights each kind has from a version on; they are numbered from bit 0. */
static const struct version {
    int version;
    unsigned files, network, scope;
} versions[] = {
    {1, 13, 0, 0}, /* read, write, execute, make, remove */
    {2, 14, 0, 0}, /* link and rename between folders */
    {3, 15, 0, 0}, /* truncate */
    {4, 15, 2, 0}, /* bind and connect by TCP */
    {5, 16, 2, 0}, /* ioctl on devices opened from now on */
    {6, 16, 2, 2}, /* abstract sockets of others; signals to others */
};

static struct ruleset everything(int version)
{
    struct ruleset all = {0, 0, 0};

    for (size_t i = 0; i < sizeof(versions) / sizeof(versions[0]); i++)
        if (versions[i].version <= version)
            all =
                (struct ruleset){(1ULL << versions[i].files) - 1, (1ULL << versions[i].network) - 1,
                                 (1ULL << versions[i].scope) - 1};
    return all;
}

int landlock_version(void)
{
    int version =
        (int)syscall(SYS_landlock_create_ruleset, NULL, (size_t)0, LANDLOCK_CREATE_RULESET_VERSION);

    if (version < 0 && (errno == ENOSYS || errno == EOPNOTSUPP || errno == EPERM))
        return 0; /* EPERM: what runs this container does not know the call */
    return version;
}

int landlock_deny_all(struct err *e)
{
    int version = landlock_version();
    struct ruleset all;
    int fd, result;

    if (version == 0)
        return 0;
    all = everything(version);
    fd = version < 0 ? -1 : (int)syscall(SYS_landlock_create_ruleset, &all, sizeof(all), 0);
    if (fd < 0)
        return err_errno(e, "Landlock");
    result = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
             syscall(SYS_landlock_restrict_self, fd, 0) < 0;
    if (result != 0)
        err_errno(e, "Landlock");
    close(fd);
    return result != 0 ? -1 : 1;
}
