// SPDX-License-Identifier: GPL-3.0-or-later
/* disk_look.h: a disk that is only looked at, with its table. */
#ifndef BERTH_CLI_DISK_LOOK_H
#define BERTH_CLI_DISK_LOOK_H

#include "block/disk.h"
#include "cli/cli.h"
#include "partition/table.h"

struct disk_look {
    struct disk *disk;
    struct table *table;
};

/* With the sector size that --sector-size says. */
int disk_look_open(struct cli *cli, const char *path, struct disk_look *look, struct err *e);

/* ERR_REFUSED while work is pending: the table shows neither what was nor what will be. */
int disk_look_refuse_pending(const struct disk_look *look, const char *path, struct err *e);

void disk_look_close(struct disk_look *look);

#define _cleanup_disk_look_ __attribute__((cleanup(disk_look_close)))

#endif
