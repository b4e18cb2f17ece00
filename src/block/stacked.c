// SPDX-License-Identifier: GPL-3.0-or-later
/* stacked.c: names what the kernel has stacked on a device: device-mapper, MD, bcache. */
#include "block/holder.h"
#include "block/sysfs.h"
#include "core/cleanup.h"
#include "core/io.h"
#include "core/shell.h"

#include <limits.h>
#include <string.h>

#define NAMED_AT_MOST 3 /* of several holders; the others are counted */

/* What a device-mapper device is shows in the prefix that its maker gives its UUID. */
struct mapping {
    const char *prefix, *what, *release; /* release: the command, before the name */
};

static const struct mapping mappings[] = {
    {"LVM-", "LVM volume", "lvchange --activate n"},
    {"CRYPT-LUKS", "LUKS mapping", "cryptsetup close"},
    {"CRYPT-", "encrypted mapping", "cryptsetup close"},
    {"mpath-", "multipath map", "multipath -f"},
    {"DMRAID-", "RAID", "dmraid --activate no"},
    {"part", "partition mapping", "kpartx -d"},
    {"", "device-mapper device", "dmsetup remove"},
};

static const struct mapping *mapping_of(const char *uuid)
{
    const struct mapping *m = mappings;

    while (strncmp(uuid, m->prefix, strlen(m->prefix)) != 0)
        m++; /* the last prefix fits everything */
    return m;
}

/* "the LUKS mapping secret (dm-1)" and how to close it. */
static int describe_mapping(const char *folder, const char *node, char **text, char **release,
                            struct err *e)
{
    _cleanup_free_ char *name = sysfs_text(folder, "dm/name");
    _cleanup_free_ char *uuid = sysfs_text(folder, "dm/uuid");
    const struct mapping *m = mapping_of(uuid != NULL ? uuid : "");

    if (name == NULL)
        *text = io_format(e, "the %s %s", m->what, node);
    else
        *text = io_format(e, "the %s %s (%s)", m->what, name, node);
    *release =
        io_format(e, "%s /dev/mapper/%s", m->release, shell_quote(name != NULL ? name : node).text);
    return *text == NULL || *release == NULL ? -1 : 0;
}

static int describe(const char *folder, const char *node, char **text, char **release,
                    struct err *e)
{
    if (sysfs_has(folder, "dm"))
        return describe_mapping(folder, node, text, release, e);
    if (sysfs_has(folder, "md")) {
        *text = io_format(e, "the RAID %s", node);
        *release = io_format(e, "mdadm --stop /dev/%s", node);
    } else if (sysfs_has(folder, "bcache")) {
        *text = io_format(e, "the bcache device %s", node);
        *release = io_format(e, "echo 1 > /sys/block/%s/bcache/stop", node);
    } else {
        *text = strdup(node);
        *release = io_format(e, "stop using /dev/%s", node);
    }
    return *text == NULL || *release == NULL ? -1 : 0;
}

/* Adds one more holder, the i-th of n, to the text. */
static int add_holder(struct holder *holder, char *text, int i, int n, struct err *e)
{
    _cleanup_free_ char *before = holder->text;
    const char *between = i == n - 1 ? " and " : ", ";

    if (i == 0)
        holder->text = io_format(e, "held by %s", text);
    else if (i < NAMED_AT_MOST)
        holder->text = io_format(e, "%s%s%s", before, between, text);
    else
        holder->text = io_format(e, "%s and %d more", before, n - i);
    return holder->text == NULL ? -1 : 0;
}

int holder_stacked(const char *folder, struct holder *holder, struct err *e)
{
    char path[PATH_MAX];
    struct dirent **nodes;
    int n = sysfs_entries(folder, "holders", &nodes), result = 0;

    *holder = (struct holder){0};
    for (int i = 0; i < n && i <= NAMED_AT_MOST && result == 0; i++) {
        _cleanup_free_ char *text = NULL, *release = NULL;

        snprintf(path, sizeof(path), "%s/holders/%s", folder, nodes[i]->d_name);
        result = describe(path, nodes[i]->d_name, &text, &release, e);
        if (result == 0)
            result = add_holder(holder, text, i, n, e);
        if (i == 0)
            holder->release = steal(release);
    }
    sysfs_entries_free(nodes, n);
    return result;
}
