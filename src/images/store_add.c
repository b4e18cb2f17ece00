// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * store_add.c: takes images into the store. Blobs and manifests appear under their names by rename,
 * after fsync, so a power cut or a kill leaves a file under a temporary name at most; those of dead
 * programs are removed by the next one that adds (a live one holds a lock on its own). Names never
 * change what they stand for.
 */
#include "core/cleanup.h"
#include "core/io.h"
#include "core/size.h"
#include "images/format.h"
#include "images/scan.h"
#include "images/store.h"
#include "tree/tree.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#define DRAFT_PREFIX ".draft-"

/* Removes drafts whose program is gone: nobody holds their lock. */
static void remove_dead_drafts(const char *blobs)
{
    DIR *dir = opendir(blobs);
    struct dirent *entry;

    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        _cleanup_close_ int fd = -1;

        if (strncmp(entry->d_name, DRAFT_PREFIX, strlen(DRAFT_PREFIX)) != 0)
            continue;
        fd = openat(dirfd(dir), entry->d_name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0)
            unlinkat(dirfd(dir), entry->d_name, 0);
    }
    if (dir != NULL)
        closedir(dir);
}

/* The lock that makes one program at a time change names. Held until the descriptor is closed. */
static int lock_store(const char *folder, struct err *e)
{
    _cleanup_free_ char *path = io_format(e, "%s/lock", folder);
    _cleanup_close_ int fd = -1;

    if (path == NULL)
        return -1;
    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0 || flock(fd, LOCK_EX) < 0)
        return err_errno(e, "%s", path);
    return steal_fd(&fd);
}

static int make_folders(const char *folder, struct err *e)
{
    static const char *const names[] = {"blobs", "names"};

    for (size_t i = 0; i < 2; i++) {
        _cleanup_free_ char *path = io_format(e, "%s/%s", folder, names[i]);

        if (path == NULL || io_make_dirs(path, e) < 0)
            return -1;
    }
    return 0;
}

/* The lock on the store covers the moment between making the file and locking it. */
static int make_draft(struct draft *draft, struct err *e)
{
    _cleanup_free_ char *blobs = NULL;
    _cleanup_close_ int lock = -1;

    if (make_folders(draft->folder, e) < 0 || (lock = lock_store(draft->folder, e)) < 0)
        return -1;
    blobs = io_format(e, "%s/blobs", draft->folder);
    if (blobs == NULL)
        return -1;
    remove_dead_drafts(blobs);
    draft->path = io_format(e, "%s/%sXXXXXX", blobs, DRAFT_PREFIX);
    if (draft->path == NULL)
        return -1;
    draft->fd = mkostemp(draft->path, O_CLOEXEC);
    if (draft->fd < 0 || flock(draft->fd, LOCK_EX) < 0)
        return err_errno(e, "%s", draft->path);
    return 0;
}

int draft_open(struct draft *draft, struct err *e)
{
    *draft = (struct draft){.fd = -1, .folder = store_folder(e)};
    if (draft->folder == NULL)
        return -1;
    if (make_draft(draft, e) < 0) {
        draft_close(draft);
        return err_wrap(e, "the image store");
    }
    return 0;
}

void draft_close(struct draft *draft)
{
    if (draft->fd >= 0 && draft->path != NULL)
        unlink(draft->path);
    cleanup_close(&draft->fd);
    free(draft->path);
    free(draft->folder);
    *draft = (struct draft){.fd = -1};
}

/* Two different images must not share a name; the same one twice is no change. Returns 1 when the
 * name stands for this very image. */
static int check_name_stands_for(const char *name, const char *digest, struct err *e)
{
    struct image other;
    struct err reason;
    bool same;

    if (store_find(name, &other, &reason) < 0) {
        if (reason.code == ERR_NOT_FOUND)
            return 0;
        *e = reason;
        return -1;
    }
    same = strcmp(other.digest, digest) == 0;
    image_free(&other);
    return same ? 1 : store_check_free(name, e);
}

static int place_blob(struct draft *draft, const char *path, struct err *e)
{
    if (fchmod(draft->fd, 0444) < 0 || fsync(draft->fd) < 0 || rename(draft->path, path) < 0)
        return err_errno(e, "%s", path);
    cleanup_close(&draft->fd);
    draft->fd = -1;
    return io_sync_folder(path, e);
}

static int write_manifest(const char *folder, const struct image *image, struct err *e)
{
    _cleanup_free_ char *path = io_format(e, "%s/names/%s.json", folder, image->name), *text = NULL;
    json_t *json = json_pack("{s:i}", "berth-image", IMAGE_LEVEL);
    json_t *members = image_to_json(image, true, e);

    if (json != NULL && members != NULL && json_object_update(json, members) == 0)
        text = json_dumps(json, JSON_INDENT(2));
    json_decref(members);
    json_decref(json);
    if (path == NULL || text == NULL)
        return err_no_memory(e);
    return io_replace_file(path, text, strlen(text), 0644, e);
}

int store_commit(struct draft *draft, struct image *image, struct err *e)
{
    _cleanup_close_ int lock = lock_store(draft->folder, e);
    _cleanup_free_ char *path = NULL;
    int stands;

    if (lock < 0 || image_check_name(image->name, e) < 0)
        return -1;
    stands = check_name_stands_for(image->name, image->digest, e);
    path = store_blob_path(draft->folder, image->digest, e);
    if (stands < 0 || path == NULL)
        return -1;
    if (image->created == 0)
        image->created = tree_now();
    if (stands == 0 &&
        (place_blob(draft, path, e) < 0 || write_manifest(draft->folder, image, e) < 0))
        return err_wrap(e, "the image store");
    free(image->path);
    image->path = steal(path);
    return 0;
}

/* Copies the source's bytes. The file may change meanwhile: what counts is the copy. */
static int copy_source(const char *source, int to, struct ui *ui, struct err *e)
{
    _cleanup_close_ int from = open(source, O_RDONLY | O_CLOEXEC);
    _cleanup_free_ char *buf = malloc(MIB);
    struct stat st;
    uint64_t done = 0;

    if (from < 0 || fstat(from, &st) < 0)
        return err_errno(e, "%s", source);
    if (buf == NULL)
        return err_no_memory(e);
    for (;;) {
        ssize_t got = read(from, buf, MIB);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return err_errno(e, "%s", source);
        if (got == 0)
            return 0;
        if (io_write(to, buf, (size_t)got, e) < 0)
            return -1;
        done += (uint64_t)got;
        if (ui_progress(ui, "copying the image", done, (uint64_t)st.st_size, e) < 0)
            return -1;
    }
}

int store_add(const char *source, const char *name, struct image *image, struct ui *ui,
              struct err *e)
{
    _cleanup_draft_ struct draft draft = {.fd = -1};

    *image = (struct image){0};
    if (image_check_name(name, e) < 0 || format_check(source, e) < 0 || draft_open(&draft, e) < 0 ||
        copy_source(source, draft.fd, ui, e) < 0 || scan(draft.path, source, image, ui, e) < 0)
        return -1;
    image->name = strdup(name);
    image->signature = strdup("unsigned");
    if (image->name == NULL || image->signature == NULL) {
        image_free(image);
        return err_no_memory(e);
    }
    if (store_commit(&draft, image, e) < 0) {
        image_free(image);
        return -1;
    }
    return 0;
}
