// SPDX-License-Identifier: GPL-3.0-or-later
/* duplicates.h: what a disk has in common with another disk of this machine that must be unique. */
#ifndef BERTH_PARTITION_DUPLICATES_H
#define BERTH_PARTITION_DUPLICATES_H

#include "model/survey.h"

/* Looks at every other disk of this machine and lists, as DAMAGE_DUPLICATE_ON_MACHINE, the disk's
 * GUID or MBR id, the partitions' and the filesystems' UUIDs that one of those has too. A disk
 * is left out when one shows the other's bytes on purpose: a RAID or mapping over either, a loop
 * device over this image file; so are filesystems that share a UUID because they span disks. Disks
 * that cannot be read are passed over. Slow: opens them all. *list is new, freed with damage_free.
 */
int duplicates_find(const struct survey *survey, struct damage **list, size_t *n, struct err *e);

/* The same against one other survey, adding to the list. Pure. */
int duplicates_compare(const struct survey *survey, const struct survey *other,
                       struct damage **list, size_t *n, struct err *e);

#endif
