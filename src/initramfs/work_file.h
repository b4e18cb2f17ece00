// SPDX-License-Identifier: GPL-3.0-or-later
/* work_file.h: what an initramfs of berth's is told: which disk, and which command. JSON, in the
 * initramfs itself. */
#ifndef BERTH_INITRAMFS_WORK_FILE_H
#define BERTH_INITRAMFS_WORK_FILE_H

#include "core/guid.h"
#include "core/strings.h"

#define WORK_FILE "berth/work.json" /* in the initramfs */
#define WORK_MODULES                                                                               \
    "berth/modules" /* the files of the kernel's modules, in the order to load them */

struct work_file {
    struct guid table;   /* the disk's GUID */
    char *serial, *wwn;  /* what the device says of itself, or NULL */
    struct strings argv; /* the command, its disk left out: "part", "resize", ... */
};

/* A new string; NULL with the err filled. */
char *work_file_print(const struct work_file *work, struct err *e);

/* ERR_SYNTAX. Freed with work_file_clear, after a failure too. */
int work_file_parse(const char *text, size_t len, struct work_file *work, struct err *e);
void work_file_clear(struct work_file *work);

#define _cleanup_work_file_ __attribute__((cleanup(work_file_clear)))

/* The path of the disk, a new string; ERR_NOT_FOUND while there is none such. */
int work_file_find_disk(const struct work_file *work, char **path, struct err *e);

#endif
