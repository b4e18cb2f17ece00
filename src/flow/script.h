// SPDX-License-Identifier: GPL-3.0-or-later
/* script.h: an sfdisk script or a folder of repart.d files as what is wanted of a disk. */
#ifndef BERTH_FLOW_SCRIPT_H
#define BERTH_FLOW_SCRIPT_H

#include "flow/change.h"

enum script_kind { SCRIPT_MACHINE, SCRIPT_SFDISK, SCRIPT_REPART };

struct script {
    const char *path;
    enum script_kind kind;
    struct guid seed; /* repart.d: what GUIDs are derived from */
};

/* What the path is: a folder is repart.d, a file with sfdisk's headers or fields a script, anything
 * else a machine file. */
int script_find_kind(const char *path, enum script_kind *kind, struct err *e);

/* The seed that a person gives (a GUID, or 32 digits as machine-id(5) has them), else the
 * machine's ID, which systemd-repart takes too. */
int script_seed(const char *text, struct guid *seed, struct err *e);

/* A change_edit_fn; arg: a struct script. */
int edit_script(void *arg, struct blockdev *bd, const struct table *there, struct wanted *wanted,
                struct err *e);

#endif
