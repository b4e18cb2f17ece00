// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * populate.c: fills a file with an ext4 made from a tar, through berth's library alone.
 *
 *     populate FILE OFFSET BYTES UUID TAR
 *
 * FILE is opened, not made: the filesystem covers BYTES bytes from OFFSET. TAR may be "-".
 */
#include "core/cleanup.h"
#include "fs/fs_ext4.h"
#include "tree/ext_write.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

static int fill(struct blockdev *part, int tar_fd, const char *name, struct err *e)
{
    _cleanup_tree_ struct tree *from = tar_tree_open(tar_fd, name, e);
    _cleanup_tree_ struct tree *to = from != NULL ? ext_write_open(part, e) : NULL;
    struct tree_entry entry;
    int more;

    if (to == NULL)
        return -1;
    while ((more = tree_next(from, &entry, e)) == 1)
        if (tree_put(to, &entry, tree_content(from), e) < 0)
            return -1;
    return more < 0 ? -1 : tree_sync(to, e);
}

static int populate(char **argv, struct err *e)
{
    struct extent range = {strtoull(argv[2], NULL, 0), strtoull(argv[3], NULL, 0)};
    struct fs_options options = {.label = "populate"};
    _cleanup_blockdev_ struct blockdev *file = file_open(argv[1], true, 512, e);
    _cleanup_blockdev_ struct blockdev *part = file != NULL ? slice_open(file, range, e) : NULL;
    bool from_stdin = argv[5][0] == '-' && argv[5][1] == '\0';
    int fd;

    if (part == NULL || guid_parse(argv[4], &options.uuid, e) < 0 ||
        fs_ext4_make(part, &options, e) < 0)
        return -1;
    fd = from_stdin ? dup(STDIN_FILENO) : open(argv[5], O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_errno(e, "%s", argv[5]);
    return fill(part, fd, argv[5], e);
}

int main(int argc, char **argv)
{
    struct err e = {.code = ERR_OK};

    if (argc != 6) {
        fprintf(stderr, "usage: populate FILE OFFSET BYTES UUID TAR\n");
        return 2;
    }
    if (populate(argv, &e) == 0)
        return 0;
    fprintf(stderr, "populate: %s\n", e.text);
    if (e.hint[0] != '\0')
        fprintf(stderr, "hint: %s\n", e.hint);
    return err_exit_status(e.code);
}
