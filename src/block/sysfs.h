// SPDX-License-Identifier: GPL-3.0-or-later
/* sysfs.h: what the kernel says of block devices in sysfs. */
#ifndef BERTH_BLOCK_SYSFS_H
#define BERTH_BLOCK_SYSFS_H

#include <dirent.h>
#include <stdbool.h>
#include <sys/types.h>

#define SYSFS_FOLDER 48

/* The folder of a device, disk or partition ("/sys/dev/block/8:1"). Returns folder. */
char *sysfs_folder(dev_t device, char folder[SYSFS_FOLDER]);

/* The attribute's text without the blanks and newlines around it, a new string; NULL when there is
 * no such attribute, when it is empty, or without memory. */
char *sysfs_text(const char *folder, const char *name);

/* True when the folder has that entry. */
bool sysfs_has(const char *folder, const char *name);

/* The device number in the folder's attribute "dev", 0 when it has none. */
dev_t sysfs_device(const char *folder);

/* The entries of FOLDER/NAME in their natural order (loop2 before loop10); 0 when there is no such
 * folder. Freed with sysfs_entries_free. */
int sysfs_entries(const char *folder, const char *name, struct dirent ***entries);
void sysfs_entries_free(struct dirent **entries, int n);

#endif
