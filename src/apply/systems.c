// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * systems.c: looks for operating systems in the partitions of a disk.
 *
 * Filesystems are somebody else's bytes: one child in the jail reads all of them, one after the
 * other, and hands back short texts in memory it shares. A filesystem that brings it down is noted
 * as a problem, and another child goes on behind it, so what the others hold is never lost.
 */
#include "apply/systems.h"
#include "core/cleanup.h"
#include "core/jail_each.h"
#include "model/machine.h"
#include "os/identify.h"
#include "tree/tree.h"

#include <string.h>

#define TEXT_MAX 256

/* What the jailed child hands back of one partition, in memory shared with it. */
struct finding {
    bool done; /* before the jail: it was read elsewhere, or cannot be */
    bool found;
    char family[TEXT_MAX], os[TEXT_MAX], kernel[TEXT_MAX];
    char problem[TEXT_MAX]; /* why it could not be read, or empty */
};

/* One filesystem to be read, and where its finding goes. */
struct candidate {
    struct survey_partition *partition;
    struct blockdev *slice;
    struct finding *finding;
};

struct search {
    struct candidate *candidates;
    size_t n;
    struct finding *findings; /* shared memory, one for each candidate */
    struct jail_fds keep;     /* the descriptors that the slices read */
};

/* ---- one filesystem ---- */

static void copy_text(char to[TEXT_MAX], const char *from)
{
    snprintf(to, TEXT_MAX, "%.*s", TEXT_MAX - 1, from != NULL ? from : "");
}

static int take(struct tree *tree, struct finding *finding, struct err *e)
{
    struct identity identity;

    if (identify(tree, &identity, e) < 0)
        return -1;
    copy_text(finding->family, identity.family);
    copy_text(finding->os, identity.os);
    copy_text(finding->kernel, identity.kernel);
    finding->found = strcmp(finding->os, "unknown") != 0;
    identity_free(&identity);
    return 0;
}

static void read_one(struct candidate *c)
{
    struct err why;
    _cleanup_tree_ struct tree *tree = ext_tree_open(c->slice, &why);

    if (tree == NULL || take(tree, c->finding, &why) < 0)
        copy_text(c->finding->problem, why.text);
}

/* A mounted filesystem is read through its folder; its bytes on the disk may be behind. */
static void read_mounted(struct candidate *c)
{
    struct err why;
    _cleanup_tree_ struct tree *tree = dir_tree_open(c->partition->mountpoint, &why);

    if (tree == NULL || take(tree, c->finding, &why) < 0)
        copy_text(c->finding->problem, why.text);
    c->finding->done = true;
}

/* ---- all of them ---- */

static void read_in_jail(void *arg, size_t i)
{
    struct search *search = arg;

    if (!search->candidates[i].finding->done)
        read_one(&search->candidates[i]);
}

static void note_fatal(void *arg, size_t i, const struct err *why)
{
    struct search *search = arg;
    struct finding *finding = search->candidates[i].finding;

    copy_text(finding->problem, why->text);
    finding->found = false;
}

/* Opens what the child will need to read the partition. */
static int prepare(struct search *search, struct blockdev *bd, struct candidate *c, struct err *e)
{
    uint64_t start;
    int fd;

    c->slice = slice_open(bd, c->partition->range, e);
    if (c->slice == NULL || blockdev_fd_extent(bd, c->partition->range, &fd, &start, e) < 0)
        return -1;
    return jail_fds_add(&search->keep, fd, e);
}

static void add_candidate(struct search *search, struct blockdev *bd, struct survey_partition *p)
{
    struct candidate *c = &search->candidates[search->n];
    struct err why;

    *c = (struct candidate){.partition = p, .finding = &search->findings[search->n]};
    search->n++;
    if (p->mountpoint != NULL) {
        read_mounted(c);
    } else if (prepare(search, bd, c, &why) < 0) {
        copy_text(c->finding->problem, why.text);
        c->finding->done = true;
    }
}

/* What only GRUB's program reads takes too long for a list of disks, unless it is mounted. */
static bool may_hold_a_system(const struct survey_partition *p)
{
    if (p->incomplete || p->fs == NULL)
        return false;
    if (strcmp(p->fs, "btrfs") == 0 || strcmp(p->fs, "xfs") == 0)
        return p->mountpoint != NULL;
    return strncmp(p->fs, "ext", 3) == 0;
}

/* What a jailed child wrote is not trusted: bounded, and made of printable text. */
static char *text_of(char text[TEXT_MAX])
{
    text[TEXT_MAX - 1] = '\0';
    text_make_line(text);
    return *text != '\0' ? strdup(text) : NULL;
}

static int keep_finding(struct candidate *c, struct err *e)
{
    struct survey_partition *p = c->partition;

    p->problem = text_of(c->finding->problem);
    if (!c->finding->found)
        return 0;
    p->system = calloc(1, sizeof(*p->system));
    if (p->system == NULL)
        return err_no_memory(e);
    p->system->family = text_of(c->finding->family);
    p->system->os = text_of(c->finding->os);
    p->system->kernel = text_of(c->finding->kernel);
    return 0;
}

static int search_disk(struct search *search, struct disk *disk, struct survey *survey,
                       struct err *e)
{
    struct jail_options jail = {.profile = JAIL_READER, .what = "the reader of a filesystem"};
    int result;

    for (size_t i = 0; i < survey->n_partitions; i++)
        if (may_hold_a_system(&survey->partitions[i]))
            add_candidate(search, disk_blockdev(disk), &survey->partitions[i]);
    jail.keep = search->keep;
    result = jail_each(&jail, search->n, read_in_jail, note_fatal, search, e);
    for (size_t i = 0; i < search->n; i++) {
        if (result == 0)
            result = keep_finding(&search->candidates[i], e);
        blockdev_close(search->candidates[i].slice);
    }
    return result;
}

int systems_find(struct disk *disk, struct survey *survey, struct err *e)
{
    size_t n = survey->n_partitions + 1;
    _cleanup_free_ struct candidate *candidates = calloc(n, sizeof(*candidates));
    struct search search = {.candidates = candidates};
    int result;

    if (candidates == NULL)
        return err_no_memory(e);
    search.findings = jail_shared(n, sizeof(*search.findings), e);
    if (search.findings == NULL)
        return -1;
    result = search_disk(&search, disk, survey, e);
    jail_unshare(search.findings, n, sizeof(*search.findings));
    return result;
}
