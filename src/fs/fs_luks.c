// SPDX-License-Identifier: GPL-3.0-or-later
/* fs_luks.c: LUKS2 containers. Making one needs no device mapper; looking into one does. */
#include "fs/fs_luks.h"
#include "core/size.h"
#include "fs/fs_tool.h"

#include <string.h>

#define MIN_BYTES (17 * MIB) /* the header takes 16 */
#define LABEL_MAX 47

/* Headers and key slots are written in full; what lies behind reads as noise in any case. */
static int luks_make(struct blockdev *bd, const struct fs_options *options, struct err *e)
{
    char uuid[GUID_TEXT];
    const char *argv[] = {
        "cryptsetup", "luksFormat", "--batch-mode", "--type", "luks2",        "--uuid", uuid,
        "--key-file", NULL,         "--label",      NULL,     fs_tool_device, NULL};

    if (options->key_file == NULL) {
        err_set(e, ERR_USAGE, "a LUKS container needs a passphrase");
        return err_hint(e, "name a file that holds it with --key-file");
    }
    if (bd->bytes < MIN_BYTES)
        return fs_tool_too_small(bd, "luks", MIN_BYTES, e);
    if (fs_tool_label(options, "luks", LABEL_MAX, &argv[10], e) < 0)
        return -1;
    argv[8] = options->key_file;
    guid_print(&options->uuid, uuid);
    return fs_tool_make(bd, bd->bytes, argv, NULL, options, e);
}

static int luks_ready(struct blockdev *bd, struct err *e)
{
    err_set(e, ERR_REFUSED, "%s is encrypted: what is in it cannot be seen", bd->name);
    return err_hint(e, "--key-file FILE names the file with its passphrase");
}

static int luks_check(struct blockdev *bd, struct err *e)
{
    static const char *const argv[] = {"cryptsetup", "luksDump", fs_tool_device, NULL};

    return fs_tool_must(bd, argv, ERR_VERIFY, NULL, e);
}

static int luks_bounds(struct blockdev *bd, struct fs_bounds *bounds, struct err *e)
{
    if (fs_luks_settled(bd, e) < 0)
        return -1;
    *bounds = (struct fs_bounds){
        .now = bd->bytes, .least = bd->bytes, .most = bd->bytes, .unit = bd->sector};
    return 0;
}

static const char key_first[] = "--key-file FILE, with its passphrase, has it resized, too";

static const struct fs_program programs[] = {{"cryptsetup", "make, check, open"}, {NULL, NULL}};

const struct fs_ops fs_luks_ops = {
    .name = "luks",
    .blkid = (const char *const[]){"crypto_LUKS", NULL},
    .type = "luks",
    .package = "cryptsetup-bin",
    .programs = programs,
    .new_uuid =
        (const char *const[]){"cryptsetup luksUUID --uuid \"$(cat /proc/sys/kernel/random/uuid)\"",
                              NULL},
    .least = MIN_BYTES,
    .grow = key_first,
    .make = luks_make,
    .ready = luks_ready,
    .check = luks_check,
    .bounds = luks_bounds,
    .head = fs_luks_data,
    .locked = &fs_luks_locked,
};
