// SPDX-License-Identifier: GPL-3.0-or-later
/* guest_drivers.h: gives a guest's initramfs the modules that reach its disk beside the host, from
 * its own root, where it was made for other hardware (os/drivers.h). */
#ifndef BERTH_RUN_GUEST_DRIVERS_H
#define BERTH_RUN_GUEST_DRIVERS_H

#include "block/blockdev.h"
#include "core/guid.h"
#include "core/jail.h"
#include "run/boot_reader.h"
#include "tree/tree.h"

struct guest_drivers {
    struct blockdev *root;
    const struct jail_fds *fds; /* that root reads through */
    /* Opens the root, where that cannot be done in a jail; NULL: it is ext. */
    struct tree *(*open)(const struct guest_drivers *drivers, struct err *e);
    const char *options;      /* the system's kernel options, for `open`; or NULL */
    const struct guid *guest; /* the GUID of its root partition */
    const char *fs;           /* of the root: "ext4" */
    const char *state_folder; /* where the answer is kept, for as long as the initrd is the same */
};

/* Puts an archive behind files->initrd, which is not sealed yet. Returns 1, 0 when it lacks nothing
 * or there is none, -1: the initrd is as it was. */
int guest_drivers_add(const struct guest_drivers *drivers, const struct boot_files *files,
                      struct err *e);

#endif
