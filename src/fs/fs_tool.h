// SPDX-License-Identifier: GPL-3.0-or-later
/* fs_tool.h: the filesystems' own tools, on a stage or an overlay. For fs_*.c only. */
#ifndef BERTH_FS_FS_TOOL_H
#define BERTH_FS_FS_TOOL_H

#include "fs/fs.h"

/* Stands for the path of the device in an argument list. */
extern const char fs_tool_device[];

/*
 * Runs a tool on the device: on it when it is an overlay, else on an overlay of it, so that nothing
 * the tool might write goes any further. *said (may be NULL) is what it printed, standard error
 * included: a new string, the caller frees. *status is its exit status.
 */
int fs_tool_run(struct blockdev *bd, const char *const *argv, int *status, char **said,
                struct err *e);

/* The same for a tool that must end with status 0: else ERR_`code` with what it said last. */
int fs_tool_must(struct blockdev *bd, const char *const *argv, enum err_code code, char **said,
                 struct err *e);

/*
 * Makes a filesystem: runs the tool on zeros of that many bytes, then brings to the device what it
 * wrote or zeroed. Before that, what the device held is made unrecognisable: its first and last 4
 * MiB and the copies of btrfs's superblock read as zeros, which is where every signature that
 * libblkid knows lies. `patch` (may be NULL) changes what the tool made.
 */
typedef int fs_tool_patch(struct blockdev *stage, const struct fs_options *options, struct err *e);
int fs_tool_make(struct blockdev *bd, uint64_t bytes, const char *const *argv, fs_tool_patch *patch,
                 const struct fs_options *options, struct err *e);

/* Only the first part of that. */
int fs_tool_wipe(struct blockdev *bd, struct err *e);

/* ERR_USAGE when the label has more than so many bytes. Returns it, "" for NULL, in *label. */
int fs_tool_label(const struct fs_options *options, const char *kind, size_t most,
                  const char **label, struct err *e);

/* ERR_NO_SPACE: the device is too small for a filesystem of that kind. */
int fs_tool_too_small(const struct blockdev *bd, const char *kind, uint64_t least, struct err *e);

#endif
