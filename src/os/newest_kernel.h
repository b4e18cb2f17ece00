// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * newest_kernel.h: which of a system's installed kernels boots. The menu's GRUB script and this
 * code follow one rule, so that a system boots the same kernel natively and beside the host:
 *
 * 1. Candidates are the files boot/vmlinuz-VERSION that are not empty, as a power cut leaves them,
 *    and symlinks to such; except versions that contain "rescue", ".old",
 *    ".bak", ".dpkg-" or "-kdump".
 * 2. Two versions are compared run by run: text without digits, then digits, again and again. The
 *    text decides only when it announces a release candidate ("rc", "-rc", "~rc" or ".rc" in front
 * of a number), which is older than anything else in its place.
 * 3. The digits decide as a number of any length; where one version ends, the longer one is newer.
 * 4. Versions alike by that (a flavour's name is the only difference) go by their bytes: the first
 *    in that order wins, so that "6.1.0-9-amd64" is before "6.1.0-9-cloud-amd64".
 */
#ifndef BERTH_OS_NEWEST_KERNEL_H
#define BERTH_OS_NEWEST_KERNEL_H

#include "core/err.h"
#include "tree/tree.h"

#include <stdbool.h>

struct newest_kernel {
    char *version; /* "6.1.0-13-amd64" */
    char *kernel;  /* path in the tree, symlinks resolved */
    char *initrd;  /* path in the tree, or NULL when the kernel has none */
};

/* Finds the newest kernel below boot/ and its initrd: the first of initrd.img-V, initramfs-V.img
 * and initrd-V that is there and not empty. ERR_NOT_FOUND when there is no kernel. Freed with
 * newest_kernel_free. */
int newest_kernel_find(struct tree *tree, struct newest_kernel *found, struct err *e);
void newest_kernel_free(struct newest_kernel *found);

/* True when version a is newer than b (rules 2 to 4). */
bool kernel_version_newer(const char *a, const char *b);

/* True when a kernel of that version is never taken (rule 1). */
bool kernel_version_skipped(const char *version);

#endif
