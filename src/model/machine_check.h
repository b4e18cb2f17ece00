// SPDX-License-Identifier: GPL-3.0-or-later
/* machine_check.h: what happens to a machine once it is read. Only for the machine_*.c files. */
#ifndef BERTH_MODEL_MACHINE_CHECK_H
#define BERTH_MODEL_MACHINE_CHECK_H

#include "model/machine.h"

/* A type of partition as the file names it, and what it means. */
struct machine_type {
    const char *name;
    enum fs_kind fs;   /* the only filesystem it may have */
    uint64_t bytes;    /* its size when the file does not say; 0: it must */
    const char *added; /* the name under which berth adds one that is left out, or NULL */
    bool of_disk;      /* there is one at most, and it is no system's volume */
};

/* NULL when there is no such type. */
const struct machine_type *machine_type_find(const char *name);

/* Fills in what the file leaves out: types, filesystems, roots' names, esp and bios-boot. */
int machine_complete(struct machine *machine, struct err *e);

/* Checks what no single key shows: names, references, sums. Takes a completed machine. */
int machine_check(const struct machine *machine, struct err *e);

#endif
