// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * fs_luks_open.c: opens LUKS containers by cryptsetup and the kernel's device mapper.
 *
 * The mapping is over a loop device of our own, so that it is the same for a device and for a file.
 * As soon as it is open it is told to go with its last user: nothing stays behind when this process
 * ends in the middle.
 */
#include "core/cleanup.h"
#include "core/spawn.h"
#include "fs/fs_loop.h"
#include "fs/fs_luks.h"

#include <fcntl.h>
#include <string.h>
#include <time.h>

#define GONE_TRIES 500 /* of 10 ms */

static int check_possible(const struct blockdev *bd, struct err *e)
{
    _cleanup_close_ int control = open("/dev/mapper/control", O_RDWR | O_CLOEXEC);

    if (control >= 0)
        return 0;
    err_set(e, ERR_REFUSED, "%s is encrypted, and cannot be opened here: %s", bd->name,
            errno == EACCES ? "that takes root" : "this kernel has no device mapper");
    return err_hint(e,
                    errno == EACCES ? "run it as root" : "modprobe dm_crypt, or another machine");
}

static int run_open(const char *loop, const char *name, bool writable, const char *key_file,
                    struct err *e)
{
    const char *argv[] = {"cryptsetup", "open", "--type", "luks2", "--key-file",
                          key_file,     loop,   name,     NULL,    NULL};
    struct err why;

    if (!writable)
        argv[8] = "--readonly";
    if (spawn_run(&(struct spawn){.argv = argv, .stdin_fd = -1, .stdout_fd = -1}, NULL, &why) == 0)
        return 0;
    *e = why;
    if (why.code != ERR_TOOL)
        return -1;
    err_set(e, ERR_REFUSED, "it could not be opened with the key in %s: %.200s", key_file,
            why.text);
    return err_hint(e, "--key-file FILE names the file with its passphrase");
}

static void run_close(const char *name)
{
    struct err ignored;

    (void)spawn_tool(NULL, &ignored, "cryptsetup", "close", "--deferred", name, NULL);
}

int fs_luks_open(struct fs_luks *luks, struct blockdev *container, bool writable,
                 const char *key_file, struct err *e)
{
    static unsigned count;
    char loop[FS_LOOP_NODE], name[32];

    *luks = (struct fs_luks){.loop = -1};
    if (fs_luks_data(container, &luks->data, e) < 0 || check_possible(container, e) < 0)
        return -1;
    luks->loop = fs_loop_open(container, writable, loop, e);
    if (luks->loop < 0)
        return -1;
    snprintf(name, sizeof(name), "berth-%d-%u", (int)getpid(), count++);
    snprintf(luks->node, sizeof(luks->node), "/dev/mapper/%s", name);
    if (run_open(loop, name, writable, key_file, e) < 0)
        return err_wrap(e, "%s", container->name);
    luks->bd = file_open(luks->node, writable, container->sector, e);
    run_close(name);
    if (luks->bd == NULL || luks->bd->bytes == container->bytes - luks->data)
        return luks->bd != NULL ? 0 : -1;
    return err_set(e, ERR_VERIFY, "%s: what is in it has %llu bytes, not %llu", container->name,
                   (unsigned long long)luks->bd->bytes,
                   (unsigned long long)(container->bytes - luks->data));
}

/* The kernel takes a deferred mapping away a little after its last user; the loop device is free
 * only then, and would be found to be in use. */
void fs_luks_close(struct fs_luks *luks)
{
    static const struct timespec pause = {0, 10000000};
    struct blockdev *bd = steal(luks->bd);

    blockdev_close(bd);
    for (int i = 0; bd != NULL && i < GONE_TRIES && access(luks->node, F_OK) == 0; i++)
        nanosleep(&pause, NULL);
    fs_loop_close(luks->loop);
    luks->loop = -1;
}
