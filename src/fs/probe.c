// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * probe.c: recognises filesystems.
 *
 * What libblkid reads are somebody else's bytes, and it looks for eighty kinds of things in them: a
 * child in the jail does it for all ranges, and hands back short texts in memory it shares. A range
 * that brings it down has something in it, whatever that is.
 */
#include "fs/probe.h"
#include "core/cleanup.h"
#include "core/jail_each.h"
#include "fs/superblock_copy.h"
#include "fs/zfs.h"

#include <blkid.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_MAX 300 /* the longest label is HFS+'s, of 255 characters in UTF-8 at most */

/* One range; what is found is in memory shared with the child. */
struct finding {
    int found; /* what blkid_do_safeprobe returns: 0 something, 1 nothing, -2 several things */
    char fs[TEXT_MAX], version[TEXT_MAX], uuid[TEXT_MAX], device_uuid[TEXT_MAX], label[TEXT_MAX];
    char problem[TEXT_MAX]; /* how the child was brought down, or empty */
};

struct look {
    blkid_probe *probes; /* one for each range; NULL: a hole, in which nothing is */
    struct finding *findings;
    size_t n;
    struct jail_fds keep; /* the descriptors that they read */
};

/* ---- in the jail ---- */

static void copy_value(blkid_probe pr, const char *name, char to[TEXT_MAX])
{
    const char *text;

    if (blkid_probe_lookup_value(pr, name, &text, NULL) == 0)
        snprintf(to, TEXT_MAX, "%s", text);
}

static void look_at(void *arg, size_t i)
{
    struct look *look = arg;
    struct finding *finding = &look->findings[i];
    blkid_probe pr = look->probes[i];

    if (pr == NULL)
        return;
    finding->found = blkid_do_safeprobe(pr);
    if (finding->found != 0)
        return;
    copy_value(pr, "TYPE", finding->fs);
    copy_value(pr, "VERSION", finding->version);
    copy_value(pr, "UUID", finding->uuid);
    copy_value(pr, "UUID_SUB", finding->device_uuid);
    copy_value(pr, "LABEL", finding->label);
}

/* ---- outside ---- */

static void note_fatal(void *arg, size_t i, const struct err *why)
{
    struct look *look = arg;

    look->findings[i] = (struct finding){.found = -2};
    snprintf(look->findings[i].problem, TEXT_MAX, "%.*s", TEXT_MAX - 1, why->text);
}

/* libblkid reads a megabyte to look for ZFS, ten times as long as for all other kinds together: it
 * is asked only where a label of ZFS is. */
static int leave_zfs_out(blkid_probe pr)
{
    char *kinds[] = {"zfs_member", NULL};

    return blkid_probe_filter_superblocks_type(pr, BLKID_FLTR_NOTIN, kinds);
}

/* Reads nothing yet. */
static int set_up(blkid_probe pr, int fd, struct extent range, unsigned sector, bool zfs)
{
    int flags = BLKID_SUBLKS_TYPE | BLKID_SUBLKS_VERSION | BLKID_SUBLKS_UUID | BLKID_SUBLKS_LABEL;

    if (blkid_probe_set_device(pr, fd, (blkid_loff_t)range.start, (blkid_loff_t)range.bytes) < 0 ||
        blkid_probe_set_sectorsize(pr, sector) < 0 ||
        blkid_probe_set_superblocks_flags(pr, flags) < 0)
        return -1;
    return zfs ? 0 : leave_zfs_out(pr);
}

static int prepare(struct look *look, size_t i, struct blockdev *bd, struct extent range,
                   struct err *e)
{
    struct extent in_fd = {.bytes = range.bytes}, data;
    int fd, zfs;

    look->findings[i].found = 1;
    if (blockdev_next_data(bd, range.start, &data, e) < 0)
        return -1;
    if (data.bytes == 0 || data.start >= extent_end(&range))
        return 0; /* zeros have no signature */
    zfs = zfs_is_labelled(bd, range, e);
    if (zfs < 0 || blockdev_fd_extent(bd, range, &fd, &in_fd.start, e) < 0 ||
        jail_fds_add(&look->keep, fd, e) < 0)
        return -1;
    look->probes[i] = blkid_new_probe();
    if (look->probes[i] == NULL)
        return err_no_memory(e);
    return set_up(look->probes[i], fd, in_fd, bd->sector, zfs > 0) < 0
               ? err_set(e, ERR_IO, "probing for a filesystem failed")
               : 0;
}

/* Where a group of blocks begins, of ext with blocks of 1 KiB, a copy of the superblock lies as the
 * first one would: no filesystem begins there. */
static int leave_copy_out(struct blockdev *bd, struct extent range, struct probe *probe,
                          struct err *e)
{
    bool ext = probe->fs != NULL && strncmp(probe->fs, "ext", 3) == 0;
    bool xfs = probe->fs != NULL && strcmp(probe->fs, "xfs") == 0;
    const char *fs;
    uint64_t start;
    int copy = 0;

    if (ext || xfs)
        copy = superblock_copy_at(bd, range.start + (ext ? EXT_SUPERBLOCK_AT : 0), &fs, &start, e);
    if (copy != 0)
        probe_clear(probe);
    return copy < 0 ? -1 : 0;
}

/* NULL where it says nothing. */
static char *text_of(char text[TEXT_MAX])
{
    text[TEXT_MAX - 1] = '\0';
    return *text != '\0' ? strdup(text) : NULL;
}

static int take(struct finding *finding, struct probe *probe, struct err *e)
{
    if (finding->found == -1)
        return err_set(e, ERR_IO, "probing for a filesystem failed");
    if (finding->found == 0) {
        probe->fs = text_of(finding->fs);
        probe->version = text_of(finding->version);
        probe->uuid = text_of(finding->uuid);
        probe->device_uuid = text_of(finding->device_uuid);
        probe->label = text_of(finding->label);
    }
    probe->ambivalent = finding->found == -2;
    probe->problem = text_of(finding->problem);
    return 0;
}

static int look_at_all(struct look *look, struct blockdev *bd, const struct extent *ranges,
                       struct probe *probes, struct err *e)
{
    struct jail_options jail = {.profile = JAIL_PROBER, .what = "what recognises filesystems"};

    for (size_t i = 0; i < look->n; i++)
        if (prepare(look, i, bd, ranges[i], e) < 0)
            return -1;
    jail.keep = look->keep;
    if (look->keep.n > 0 && jail_each(&jail, look->n, look_at, note_fatal, look, e) < 0)
        return -1;
    for (size_t i = 0; i < look->n; i++)
        if (take(&look->findings[i], &probes[i], e) < 0 ||
            leave_copy_out(bd, ranges[i], &probes[i], e) < 0)
            return -1;
    return 0;
}

int probe_ranges(struct blockdev *bd, const struct extent *ranges, size_t n, struct probe *probes,
                 struct err *e)
{
    _cleanup_free_ blkid_probe *prs = calloc(n, sizeof(*prs));
    struct look look = {.probes = prs, .n = n};
    int result = -1;

    memset(probes, 0, n * sizeof(*probes));
    if (n == 0)
        return 0;
    if (prs == NULL)
        return err_no_memory(e);
    look.findings = jail_shared(n, sizeof(*look.findings), e);
    if (look.findings == NULL)
        return -1;
    result = look_at_all(&look, bd, ranges, probes, e);
    for (size_t i = 0; i < n; i++) {
        blkid_free_probe(prs[i]);
        if (result < 0)
            probe_clear(&probes[i]);
    }
    jail_unshare(look.findings, n, sizeof(*look.findings));
    return result;
}

int probe_range(struct blockdev *bd, struct extent range, struct probe *probe, struct err *e)
{
    return probe_ranges(bd, &range, 1, probe, e);
}

void probe_clear(struct probe *probe)
{
    free(probe->fs);
    free(probe->version);
    free(probe->uuid);
    free(probe->device_uuid);
    free(probe->label);
    free(probe->problem);
    *probe = (struct probe){0};
}

bool probe_is_member(const char *name)
{
    static const char *const others[] = {"crypto_LUKS", "BitLocker", "bcache",
                                         "drbd",        "jbd",       "xfs_external_log"};
    size_t len = strlen(name), suffix = strlen("_member");

    if (len > suffix && strcmp(name + len - suffix, "_member") == 0)
        return true;
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        if (strcmp(name, others[i]) == 0)
            return true;
    return false;
}
