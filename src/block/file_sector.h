// SPDX-License-Identifier: GPL-3.0-or-later
/* file_sector.h: how large the sectors of a disk in a file are, by what is in it. */
#ifndef BERTH_BLOCK_FILE_SECTOR_H
#define BERTH_BLOCK_FILE_SECTOR_H

#include <stdbool.h>

/* 512 or 4096. A GPT shows it by its header's place; an MBR by berth's log of work on it, or where
 * its partitions fit into the file, or begin with something known, with one of the two sizes only.
 * *certain false: nothing shows it, and what is returned is a guess: 4096 where that alone has all
 * partitions at whole mebibytes, else 512. No table at all is no guess. What cannot be read shows
 * nothing. */
unsigned file_sector(int fd, bool *certain);

/* The size that the file's table shows where it speaks against `sector`, else 0: a GPT's header is
 * where the other size has it, and none where this one does; or an MBR with partitions fits the
 * other size for certain. */
unsigned file_sector_against(int fd, unsigned sector);

#endif
