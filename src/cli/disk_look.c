// SPDX-License-Identifier: GPL-3.0-or-later
/* disk_look.c: opens a disk for reading, and its table. */
#include "cli/disk_look.h"
#include "core/cleanup.h"
#include "core/shell.h"
#include "flow/change.h"
#include "log/disk_log.h"

void disk_look_close(struct disk_look *look)
{
    table_free(look->table);
    disk_close(look->disk);
}

/* --serial and --wwn are said by who wants no other disk, to read from either. */
static int check_identity(const struct cli *cli, const char *path, const struct disk *disk,
                          struct err *e)
{
    struct disk_identity identity;
    struct survey survey = {.path = (char *)(uintptr_t)path};
    int result;

    device_identify(disk_device(disk), &identity);
    survey.serial = identity.serial;
    survey.wwn = identity.wwn;
    result = plan_check_identity(&survey, cli->serial, cli->wwn, e);
    disk_identity_clear(&identity);
    return result;
}

int disk_look_open(struct cli *cli, const char *path, struct disk_look *look, struct err *e)
{
    unsigned sector;

    if (cli_sector(cli, &sector, e) < 0)
        return -1;
    look->disk = disk_open(path, false, sector, e);
    if (look->disk == NULL || check_identity(cli, path, look->disk, e) < 0)
        return -1;
    look->table = table_read(disk_blockdev(look->disk), e);
    return look->table == NULL ? -1 : 0;
}

int disk_look_refuse_pending(const struct disk_look *look, const char *path, struct err *e)
{
    _cleanup_history_ struct history *history = NULL;
    _cleanup_free_ char *worker = NULL;

    if (disk_log_read(disk_blockdev(look->disk), look->table, &history, e) < 0)
        return -1;
    if (history->pending == NULL)
        return change_check_half_moved(look->table, &(struct change_options){0}, path, e);
    if (disk_worker(look->disk, &worker, e) < 0)
        return -1;
    if (worker != NULL)
        return err_set(e, ERR_IN_USE, "work on partition %u of %s is %s", history->pending->number,
                       path, worker);
    err_set(e, ERR_REFUSED, "work on partition %u of %s was interrupted", history->pending->number,
            path);
    return err_hint(e, "%s", pending_command(history->pending, path, NULL).text);
}
