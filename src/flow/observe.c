// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * observe.c: adds to a survey what only trees can tell. Filesystems are somebody else's bytes: they
 * are read by a child in the jail, which hands back short texts.
 */
#include "flow/observe.h"
#include "core/cleanup.h"
#include "core/io.h"
#include "core/jail.h"
#include "flow/esp_access.h"
#include "os/identify.h"
#include "partition/inspect.h"
#include "partition/type.h"
#include "tree/tree.h"

#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define TEXT_MAX 256

/* What the jailed child hands back, in memory shared with it. */
struct findings {
    bool found;
    char family[TEXT_MAX], os[TEXT_MAX], kernel[TEXT_MAX];
};

struct search {
    struct blockdev *slice;
    struct findings *findings;
};

const struct survey_partition *survey_esp(const struct survey *survey)
{
    for (size_t i = 0; i < survey->n_partitions; i++)
        if (survey->partitions[i].number == survey->esp)
            return &survey->partitions[i];
    return NULL;
}

/* 1: that ESP is berth's, and its record is read. */
static int read_esp(struct disk *disk, const struct survey_partition *esp, struct survey *survey,
                    struct err *e)
{
    _cleanup_esp_access_ struct esp_access access = {0};

    if (esp_access_open(disk, esp->range, esp->mountpoint, &access, e) < 0)
        return e->code == ERR_IO || e->code == ERR_NO_MEMORY ? -1 : 0;
    if (esp_read(access.esp, &survey->record, NULL, e) < 0)
        return -1;
    survey->esp = esp->number;
    return 1;
}

/* Another system may have made an ESP too: the first one that is berth's counts. */
static int read_record(struct disk *disk, struct survey *survey, struct err *e)
{
    int found = 0;

    for (size_t i = 0; found == 0 && i < survey->n_partitions; i++)
        if (partition_type_is(&survey->partitions[i].type, "esp"))
            found = read_esp(disk, &survey->partitions[i], survey, e);
    return found < 0 ? -1 : 0;
}

static void copy_text(char to[TEXT_MAX], const char *from)
{
    snprintf(to, TEXT_MAX, "%s", from != NULL ? from : "");
    for (char *p = to; *p != '\0'; p++)
        if ((unsigned char)*p < ' ' || *p == 0x7f)
            *p = '?';
}

static int take(struct identity *identity, struct findings *findings)
{
    copy_text(findings->family, identity->family);
    copy_text(findings->os, identity->os);
    copy_text(findings->kernel, identity->kernel);
    findings->found = strcmp(findings->os, "unknown") != 0;
    identity_free(identity);
    return 0;
}

static int search_ext(void *arg, struct err *e)
{
    struct search *search = arg;
    _cleanup_tree_ struct tree *tree = ext_tree_open(search->slice, e);
    struct identity identity;

    if (tree == NULL || identify(tree, &identity, e) < 0)
        return -1;
    return take(&identity, search->findings);
}

static int search_in_jail(struct blockdev *bd, const struct survey_partition *p,
                          struct findings *findings, struct err *e)
{
    _cleanup_blockdev_ struct blockdev *slice = slice_open(bd, p->range, e);
    struct search search = {slice, findings};
    struct jail_options jail = {.profile = JAIL_READER, .what = "the reader of a filesystem"};
    uint64_t start;
    int fd;

    if (slice == NULL || blockdev_fd_extent(bd, p->range, &fd, &start, e) < 0 ||
        jail_fds_add(&jail.keep, fd, e) < 0)
        return -1;
    return jail_run(&jail, search_ext, &search, e);
}

/* A mounted filesystem is read through its folder; its bytes on the disk may be behind. */
static int search_mounted(const char *mountpoint, struct findings *findings, struct err *e)
{
    _cleanup_tree_ struct tree *tree = dir_tree_open(mountpoint, e);
    struct identity identity;

    if (tree == NULL || identify(tree, &identity, e) < 0)
        return -1;
    return take(&identity, findings);
}

static char *text_or_null(const char *text)
{
    return *text != '\0' ? strdup(text) : NULL;
}

static void find_system(struct blockdev *bd, struct survey_partition *p, struct findings *findings)
{
    struct err why;
    int result;

    memset(findings, 0, sizeof(*findings));
    result = p->mountpoint != NULL ? search_mounted(p->mountpoint, findings, &why)
                                   : search_in_jail(bd, p, findings, &why);
    if (result < 0)
        p->problem = strdup(why.text);
    if (result < 0 || !findings->found)
        return;
    p->system = calloc(1, sizeof(*p->system));
    if (p->system == NULL)
        return;
    findings->family[TEXT_MAX - 1] = findings->os[TEXT_MAX - 1] = '\0';
    findings->kernel[TEXT_MAX - 1] = '\0';
    p->system->family = text_or_null(findings->family);
    p->system->os = text_or_null(findings->os);
    p->system->kernel = text_or_null(findings->kernel);
}

static int find_systems(struct disk *disk, struct survey *survey, struct err *e)
{
    struct findings *findings =
        mmap(NULL, sizeof(*findings), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    if (findings == MAP_FAILED)
        return err_errno(e, "memory for the readers");
    for (size_t i = 0; i < survey->n_partitions; i++) {
        struct survey_partition *p = &survey->partitions[i];

        if (!p->incomplete && p->fs != NULL && strncmp(p->fs, "ext", 3) == 0)
            find_system(disk_blockdev(disk), p, findings);
    }
    munmap(findings, sizeof(*findings));
    return 0;
}

struct survey *observe(struct disk *disk, const char *path, unsigned what, struct err *e)
{
    _cleanup_survey_ struct survey *survey = inspect(disk, path, e);

    if (survey == NULL || ((what & OBSERVE_RECORD) && read_record(disk, survey, e) < 0) ||
        ((what & OBSERVE_SYSTEMS) && find_systems(disk, survey, e) < 0))
        return NULL;
    return steal(survey);
}

struct survey *observe_path(const char *path, unsigned sector, unsigned what, struct err *e)
{
    _cleanup_disk_ struct disk *disk = disk_open(path, false, sector, e);

    return disk == NULL ? NULL : observe(disk, path, what, e);
}

/* True when the record names the partition that is mounted on /. */
static bool names_running_root(const struct survey *survey)
{
    for (size_t i = 0; survey->record != NULL && i < survey->record->n_systems; i++) {
        const struct survey_partition *p = survey_by_uuid(survey, &survey->record->systems[i].root);

        if (p != NULL && p->mountpoint != NULL && strcmp(p->mountpoint, "/") == 0)
            return true;
    }
    return false;
}

int observe_default_disk(const char *named, char **path, struct err *e)
{
    _cleanup_free_ char *found = NULL;
    _cleanup_survey_ struct survey *survey = NULL;
    struct err inner;

    if (named != NULL) {
        *path = io_format(e, "%s", named);
        return *path == NULL ? -1 : 0;
    }
    if (disk_of_root(&found, &inner) == 0)
        survey = observe_path(found, 0, OBSERVE_RECORD, &inner);
    if (survey == NULL || !names_running_root(survey)) {
        err_set(e, ERR_USAGE,
                "no disk is named, and the running system is not one that berth manages");
        return err_hint(e, "say which one with --disk DISK");
    }
    *path = steal(found);
    return 0;
}
