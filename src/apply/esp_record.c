// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * esp_record.c: reads an ESP, which may be anybody's: a child in the jail walks its FAT, and hands
 * the record back as text in memory it shares. A mounted one is read by the kernel.
 */
#include "apply/esp_record.h"
#include "apply/esp_access.h"
#include "bootmenu/menu.h"
#include "core/cleanup.h"
#include "core/jail_each.h"
#include "core/size.h"

#include <string.h>

#define ENTRY 256 /* more than the name of any */

/* In memory shared with the child. */
struct finding {
    bool ours;
    char next[ENTRY]; /* "": none */
    char record[MIB]; /* JSON */
};

struct look {
    struct disk *disk;
    struct extent range;
    const char *mountpoint;
    struct finding *finding;
};

/* What cannot be read chooses nothing, and what is longer than a name nothing that there is. */
static void keep_next(struct esp *esp, struct finding *finding)
{
    _cleanup_free_ char *next = NULL;
    struct err ignored;

    if (esp_next_get(esp, &next, &ignored) == 0 && next != NULL && strlen(next) < ENTRY)
        strcpy(finding->next, next);
}

static int keep_record(const struct record *record, struct finding *finding, struct err *e)
{
    _cleanup_free_ char *text = record_print(record, e);

    if (text == NULL)
        return -1;
    if (strlen(text) >= sizeof(finding->record))
        return err_set(e, ERR_UNSUPPORTED, "the record on the EFI system partition is too long");
    strcpy(finding->record, text);
    return 0;
}

/* A jail_fn. */
static int look_at(void *arg, struct err *e)
{
    const struct look *look = arg;
    struct finding *finding = look->finding;
    _cleanup_esp_access_ struct esp_access access = {0};
    _cleanup_record_ struct record *record = NULL;

    if (esp_access_open(look->disk, look->range, look->mountpoint, &access, e) < 0)
        return -1;
    finding->ours = true;
    if (esp_read(access.esp, &record, NULL, e) < 0)
        return -1;
    keep_next(access.esp, finding);
    return keep_record(record, finding, e);
}

static int look_in_jail(struct look *look, struct err *e)
{
    struct jail_options jail = {.profile = JAIL_PROBER, /* the C library asks for the time zone */
                                .what = "the reader of the EFI system partition"};
    uint64_t start;
    int fd;

    if (blockdev_fd_extent(disk_blockdev(look->disk), look->range, &fd, &start, e) < 0 ||
        jail_fds_add(&jail.keep, fd, e) < 0)
        return -1;
    return jail_run(&jail, look_at, look, e);
}

/* An ESP that is not berth's, or cannot be walked, is no failure. */
static int judge(const struct finding *finding, int result, struct record **record, char **next,
                 struct err *e)
{
    if (result < 0)
        return finding->ours || e->code == ERR_IO || e->code == ERR_NO_MEMORY ? -1 : 0;
    *record = record_parse(finding->record, strnlen(finding->record, sizeof(finding->record)), e);
    if (*record == NULL)
        return err_wrap(e, "the record on the EFI system partition");
    if (finding->next[0] == '\0')
        return 1;
    *next = strndup(finding->next, ENTRY - 1);
    return *next != NULL ? 1 : err_no_memory(e);
}

int esp_record(struct disk *disk, struct extent range, const char *mountpoint,
               struct record **record, char **next, struct err *e)
{
    struct look look = {.disk = disk, .range = range, .mountpoint = mountpoint};
    int result;

    look.finding = jail_shared(1, sizeof(*look.finding), e);
    if (look.finding == NULL)
        return -1;
    result = mountpoint != NULL ? look_at(&look, e) : look_in_jail(&look, e);
    result = judge(look.finding, result, record, next, e);
    jail_unshare(look.finding, 1, sizeof(*look.finding));
    return result;
}
