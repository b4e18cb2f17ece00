// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * ext_folder.c: reads a folder's names through libext2fs.
 *
 * The folder is hostile: a damaged map can name one block for ever, so blocks are counted.
 */
#include "tree/ext_folder.h"
#include "core/size.h"

#include <stdlib.h>
#include <string.h>

#define MAX_FOLDER GIB /* bytes of one folder's blocks */

struct scan {
    struct ext_folder *folder;
    struct err *e;
    uint64_t bytes; /* of the blocks seen so far */
    int result;
};

static int keep(struct ext_folder *folder, const char *text, uint32_t ino, unsigned type,
                struct err *e)
{
    if (folder->n == folder->room) {
        size_t room = folder->room > 0 ? folder->room * 2 : 32;
        struct ext_folder_name *grown = realloc(folder->names, room * sizeof(*grown));

        if (grown == NULL)
            return err_no_memory(e);
        folder->names = grown;
        folder->room = room;
    }
    folder->names[folder->n] = (struct ext_folder_name){strdup(text), ino, type};
    if (folder->names[folder->n].text == NULL)
        return err_no_memory(e);
    folder->n++;
    return 0;
}

static int damaged(struct scan *scan)
{
    scan->result = err_set(scan->e, ERR_SYNTAX, "a damaged folder");
    return DIRENT_ABORT;
}

static int scan_record(ext2_ino_t dir, int kind, struct ext2_dir_entry *record, int offset,
                       int blocksize, char *block, void *arg)
{
    struct scan *scan = arg;
    char name[EXT2_NAME_LEN + 1];
    size_t len = (size_t)ext2fs_dirent_name_len(record);

    (void)dir;
    (void)block;
    scan->bytes += offset == 0 ? (uint64_t)blocksize : 0;
    if (scan->bytes > MAX_FOLDER)
        return damaged(scan);
    if (record->inode == 0 || kind == DIRENT_DOT_FILE || kind == DIRENT_DOT_DOT_FILE)
        return 0;
    memcpy(name, record->name, len);
    name[len] = '\0';
    if (len == 0 || strlen(name) != len || strchr(name, '/') != NULL)
        return damaged(scan);
    if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return 0;
    scan->result =
        keep(scan->folder, name, record->inode, (unsigned)ext2fs_dirent_file_type(record), scan->e);
    return scan->result != 0 ? DIRENT_ABORT : 0;
}

static int compare(const void *a, const void *b)
{
    const struct ext_folder_name *x = a, *y = b;

    return strcmp(x->text, y->text);
}

int ext_folder_read(struct ext_io *io, uint32_t ino, struct ext_folder *folder, struct err *e)
{
    struct scan scan = {.folder = folder, .e = e};
    errcode_t code =
        ext2fs_dir_iterate2(io->fs, ino, DIRENT_FLAG_INCLUDE_EMPTY, NULL, scan_record, &scan);

    if (scan.result < 0)
        return -1;
    if (code == EXT2_ET_NO_DIRECTORY)
        return err_set(e, ERR_NOT_FOUND, "not a folder");
    if (code != 0)
        return ext_io_error(io, code, "reading a folder", e);
    if (folder->n > 0)
        qsort(folder->names, folder->n, sizeof(folder->names[0]), compare);
    return 0;
}

const struct ext_folder_name *ext_folder_find(const struct ext_folder *folder, const char *text,
                                              size_t len)
{
    char name[EXT2_NAME_LEN + 1];
    struct ext_folder_name wanted = {.text = name};

    if (len > EXT2_NAME_LEN || folder->n == 0)
        return NULL;
    memcpy(name, text, len);
    name[len] = '\0';
    return bsearch(&wanted, folder->names, folder->n, sizeof(folder->names[0]), compare);
}

void ext_folder_free(struct ext_folder *folder)
{
    for (size_t i = 0; i < folder->n; i++)
        free(folder->names[i].text);
    free(folder->names);
    *folder = (struct ext_folder){.n = 0};
}
