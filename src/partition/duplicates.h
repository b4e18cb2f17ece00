// SPDX-License-Identifier: GPL-3.0-or-later
/* duplicates.h: what on a disk must be unique, and is there a second time: on it, or on another
 * disk of this machine. */
#ifndef BERTH_PARTITION_DUPLICATES_H
#define BERTH_PARTITION_DUPLICATES_H

#include "model/survey.h"

/* Looks at every other disk of this machine and lists, as DAMAGE_DUPLICATE_ON_MACHINE, the disk's
 * GUID or MBR id and the partitions' UUIDs that one of those has too; as DAMAGE_DUPLICATE_FS the
 * filesystems whose UUID another one has, there or on the disk itself. A disk is left out when one
 * shows the other's bytes on purpose: a RAID or mapping over either, a loop device over this image
 * file; so are filesystems that share a UUID because they span disks. Disks that cannot be read are
 * passed over. Slow: opens them all. *list is new, freed with damage_free.
 */
int duplicates_find(const struct survey *survey, struct damage **list, size_t *n, struct err *e);

/* The same against one other survey, adding to the list. Pure. */
int duplicates_compare(const struct survey *survey, const struct survey *other,
                       struct damage **list, size_t *n, struct err *e);

/* Only the disk's own filesystems among themselves, adding to the list. Pure. */
int duplicates_within(const struct survey *survey, struct damage **list, size_t *n, struct err *e);

/* duplicates_hint.c: fills the way out of one that was listed: which command gives the partition a
 * UUID of its own. Whether that one shall have it, or the other, is for a person to choose. */
int duplicates_hint(const struct survey *survey, const struct damage *damage, struct err *e);

#endif
