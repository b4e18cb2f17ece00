// SPDX-License-Identifier: GPL-3.0-or-later
/* probe.h: which filesystem is in a range of a disk, by libblkid. */
#ifndef BERTH_PARTITION_PROBE_H
#define BERTH_PARTITION_PROBE_H

#include "block/blockdev.h"

struct probe {
    char *fs, *uuid, *label; /* new strings, or NULL where there is nothing to say */
    bool ambivalent;         /* several signatures contradict each other; fs is NULL */
};

/* Probes the range. That nothing is found does not mean that the range is empty. */
int probe_range(struct blockdev *bd, struct extent range, struct probe *probe, struct err *e);

void probe_clear(struct probe *probe);

#endif
