// SPDX-License-Identifier: GPL-3.0-or-later
/* store.c: finds images: where the store is, what its names stand for, and archives given by path.
 */
#include "images/store.h"
#include "core/cleanup.h"
#include "core/digest.h"
#include "core/io.h"
#include "core/size.h"
#include "images/scan.h"

#include <dirent.h>
#include <string.h>

#define MANIFEST_MAX (4 * MIB)

/* ---- where things are ---- */

char *store_folder(struct err *e)
{
    const char *store = getenv("BERTH_STORE"), *data = getenv("XDG_DATA_HOME");
    const char *home = getenv("HOME");

    if (store != NULL && *store != '\0')
        return io_format(e, "%s", store);
    if (geteuid() == 0)
        return io_format(e, "/var/lib/berth/images");
    if (data != NULL && *data == '/')
        return io_format(e, "%s/berth/images", data);
    if (home != NULL && *home == '/')
        return io_format(e, "%s/.local/share/berth/images", home);
    err_set(e, ERR_NOT_FOUND, "no folder for the image store: HOME is not set");
    err_hint(e, "set BERTH_STORE to a folder");
    return NULL;
}

char *store_blob_path(const char *folder, const char *digest, struct err *e)
{
    if (strncmp(digest, "sha256:", 7) != 0 || strspn(digest + 7, "0123456789abcdef") != 64 ||
        strlen(digest) != DIGEST_TEXT - 1) {
        err_set(e, ERR_SYNTAX, "\"digest\" is no SHA-256");
        return NULL;
    }
    return io_format(e, "%s/blobs/sha256-%s", folder, digest + 7);
}

int image_check_name(const char *name, struct err *e)
{
    static const char first[] = "abcdefghijklmnopqrstuvwxyz0123456789";
    static const char rest[] = "abcdefghijklmnopqrstuvwxyz0123456789.+-";
    size_t len = strlen(name);

    if (len > 0 && len <= 63 && strchr(first, name[0]) != NULL && strspn(name, rest) == len)
        return 0;
    err_set(e, ERR_USAGE, "\"%s\" cannot be an image's name", name);
    return err_hint(e, "lower-case letters, digits, \".\", \"+\" and \"-\", at most 63");
}

/* ---- reading ---- */

static int read_manifest(const char *folder, const char *path, struct image *image, struct err *e)
{
    _cleanup_free_ char *text = NULL;
    json_error_t error;
    json_t *json;
    size_t len;
    int result;

    if (io_read_file(path, MANIFEST_MAX, &text, &len, e) < 0)
        return -1;
    json = json_loadb(text, len, JSON_REJECT_DUPLICATES, &error);
    if (json == NULL)
        return err_set(e, ERR_SYNTAX, "%s:%d:%d: %s", path, error.line, error.column, error.text);
    result = image_from_json(json, image, e);
    json_decref(json);
    if (result < 0)
        return err_wrap(e, "%s", path);
    image->path = store_blob_path(folder, image->digest, e);
    if (image->path == NULL) {
        image_free(image);
        return err_wrap(e, "%s", path);
    }
    return 0;
}

int store_find(const char *name, struct image *image, struct err *e)
{
    _cleanup_free_ char *folder = store_folder(e), *path = NULL;

    if (folder == NULL)
        return -1;
    path = io_format(e, "%s/names/%s.json", folder, name);
    if (path == NULL)
        return -1;
    if (access(path, F_OK) < 0 && errno == ENOENT) {
        err_set(e, ERR_NOT_FOUND, "no image \"%s\" in the store %s", name, folder);
        return err_hint(e, "berth image list; berth image build makes one");
    }
    return read_manifest(folder, path, image, e);
}

static int find_by_path(const char *path, struct image *image, struct err *e)
{
    struct err no_memory;

    if (access(path, F_OK) < 0)
        return err_errno(e, "the image %s", path);
    if (scan(path, path, image, NULL, e) < 0)
        return -1;
    image->name = io_format(&no_memory, "%s", path);
    image->path = io_format(&no_memory, "%s", path);
    image->signature = io_format(&no_memory, "unsigned");
    if (image->name != NULL && image->path != NULL && image->signature != NULL)
        return 0;
    image_free(image);
    return err_no_memory(e);
}

/* A manifest without its blob is damage that is better told before a plan is made. */
static int check_blob(struct image *image, struct err *e)
{
    if (access(image->path, R_OK) == 0)
        return 0;
    err_errno(e, "the blob of image \"%s\"", image->name);
    image_free(image);
    return -1;
}

int image_find(const char *name_or_path, struct image *image, struct err *e)
{
    struct err ignored;

    *image = (struct image){0};
    if (strchr(name_or_path, '/') != NULL)
        return find_by_path(name_or_path, image, e);
    if (image_check_name(name_or_path, &ignored) == 0) {
        if (store_find(name_or_path, image, e) == 0)
            return check_blob(image, e);
        if (e->code != ERR_NOT_FOUND)
            return -1;
    }
    if (access(name_or_path, F_OK) == 0)
        return find_by_path(name_or_path, image, e);
    err_set(e, ERR_NOT_FOUND, "no image \"%s\" in the store", name_or_path);
    return err_hint(e, "berth image list; berth image build makes one");
}

static int is_manifest(const struct dirent *entry)
{
    size_t len = strlen(entry->d_name);

    return entry->d_name[0] != '.' && len > 5 && strcmp(entry->d_name + len - 5, ".json") == 0;
}

static int read_listed(const char *folder, struct dirent **entries, size_t n, struct image *images,
                       struct err *e)
{
    for (size_t i = 0; i < n; i++) {
        _cleanup_free_ char *path = io_format(e, "%s/names/%s", folder, entries[i]->d_name);

        if (path == NULL || read_manifest(folder, path, &images[i], e) < 0)
            return -1;
    }
    return 0;
}

int store_list(struct image **images, size_t *n, struct err *e)
{
    _cleanup_free_ char *folder = store_folder(e), *names = NULL;
    struct dirent **entries = NULL;
    int found, result;

    if (folder == NULL || (names = io_format(e, "%s/names", folder)) == NULL)
        return -1;
    found = scandir(names, &entries, is_manifest, alphasort);
    if (found < 0 && errno != ENOENT)
        return err_errno(e, "%s", names);
    *n = found > 0 ? (size_t)found : 0;
    *images = calloc(*n + 1, sizeof(**images));
    result = *images != NULL ? read_listed(folder, entries, *n, *images, e) : err_no_memory(e);
    for (size_t i = 0; i < *n; i++) {
        if (result < 0 && *images != NULL)
            image_free(&(*images)[i]);
        free(entries[i]);
    }
    free(entries);
    if (result < 0)
        free(*images);
    return result;
}

int store_check_free(const char *name, struct err *e)
{
    struct image image;
    struct err reason;

    if (image_check_name(name, e) < 0)
        return -1;
    if (store_find(name, &image, &reason) < 0) {
        if (reason.code == ERR_NOT_FOUND)
            return 0;
        *e = reason;
        return -1;
    }
    err_set(e, ERR_REFUSED, "the store has an image \"%s\" already (%.19s)", name, image.digest);
    image_free(&image);
    return err_hint(e, "images never change: choose another --name");
}
