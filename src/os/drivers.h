// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * drivers.h: what an initramfs lacks of the modules that reach its root on a virtual machine's
 * disk, and what has to be put behind it so that they load. An initramfs that was made for the
 * hardware it was made on alone (initramfs-tools' MODULES=dep, dracut's hostonly) has no reason to
 * have them. They come from the system's own folder of modules. Pure: bytes and texts in and out.
 */
#ifndef BERTH_OS_DRIVERS_H
#define BERTH_OS_DRIVERS_H

#include "core/strings.h"

#include <stdbool.h>
#include <stdint.h>

/* What matters of an initramfs. Texts are owned by it and never NULL. */
struct drivers_initramfs {
    struct strings folders; /* every folder in it */
    char *modules_folder;   /* of the kernel: "usr/lib/modules/6.1.0-9-amd64" */
    char *files;            /* the modules in it, a path a line */
    char *dep;              /* its modules.dep */
    char *load;             /* its conf/modules, the names that initramfs-tools' init loads */
    bool by_initramfs_tools;
};

/* Looks through an initrd (initrd.h) of the kernel of that version. Works in a jail. Freed with
 * drivers_initramfs_free, also after a failure. */
int drivers_look(const void *initrd, uint64_t bytes, const char *version,
                 struct drivers_initramfs *found, struct err *e);
void drivers_initramfs_free(struct drivers_initramfs *found);

/*
 * The modules that a root of that filesystem ("ext4", "btrfs", "xfs") needs and the initramfs
 * lacks, appended to `files` as the system's modules.dep names them, in the order in which they
 * load. builtin: the text of its modules.builtin. A module that is in none of these texts is passed
 * over: the system has no such thing.
 */
int drivers_missing(const struct drivers_initramfs *found, const char *fs, const char *dep,
                    const char *builtin, struct strings *files, struct err *e);

/* Where a module's file goes, unpacked, below modules_folder: a new string. */
char *drivers_place(const char *file, struct err *e);

/* The initramfs's modules.dep with these files in it: a new text. */
char *drivers_dep(const struct drivers_initramfs *found, const char *dep,
                  const struct strings *files, struct err *e);

/* A file that makes them load: the first (0) or another one, as the init there reads it. Returns 1
 * with *path (constant) and a new *text, 0 behind the last one. */
int drivers_loader(const struct drivers_initramfs *found, const struct strings *files,
                   unsigned which, const char **path, char **text, struct err *e);

#endif
