// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * tree_dump.c: what berth's readers see, for tests that compare it with something else.
 *
 *     tree_dump FILE OFFSET BYTES [grub | overlay]
 *
 * The reader is that of ext; with `grub`, the one that GRUB does the reading for; with `overlay`
 * the same, of an overlay of FILE that has "written" over the start of each of the range's MiB that
 * begins with "pattern". Writes a JSON object that maps each path to its metadata, and content as a
 * SHA-256.
 */
#include "core/cleanup.h"
#include "core/digest.h"
#include "tree/tree.h"

#include <jansson.h>
#include <string.h>

#define CHUNK ((size_t)1 << 20)

struct names {
    char **list;
    size_t n, room;
};

static void hex(const void *bytes, size_t n, char *out)
{
    for (size_t i = 0; i < n; i++)
        sprintf(out + 2 * i, "%02x", ((const unsigned char *)bytes)[i]);
    out[2 * n] = '\0';
}

static int keep_name(void *arg, const char *name, enum tree_type type)
{
    struct names *names = arg;

    (void)type;
    if (names->n == names->room) {
        names->room = names->room == 0 ? 64 : 2 * names->room;
        names->list = realloc(names->list, names->room * sizeof(char *));
    }
    names->list[names->n++] = strdup(name);
    return 0;
}

static int digest(struct tree *tree, const char *path, uint64_t size, char *text, struct err *e)
{
    static char buf[CHUNK];
    struct digest *sum = digest_new(e);
    char whole[DIGEST_TEXT];
    size_t got;

    if (sum == NULL)
        return -1;
    for (uint64_t at = 0; at < size; at += got) {
        if (tree_read(tree, path, buf, CHUNK, at, &got, e) < 0)
            return -1;
        if (got == 0)
            return err_set(e, ERR_FAILED, "%s: ends early", path);
        digest_update(sum, buf, got);
    }
    digest_finish(sum, whole);
    digest_free(sum);
    strcpy(text, strchr(whole, ':') + 1);
    return 0;
}

/* Bytes that are no UTF-8 cannot be in JSON as they are: hex for every name and target. */
static json_t *hex_string(const void *bytes, size_t n)
{
    _cleanup_free_ char *text = malloc(2 * n + 1);

    hex(bytes, n, text);
    return json_string(text);
}

static int dump_entry(struct tree *tree, const struct tree_entry *entry, json_t *all, struct err *e)
{
    json_t *one =
        json_pack("{s:i, s:i, s:I, s:I, s:I, s:i, s:I, s:i, s:i}", "type", (int)entry->type, "mode",
                  (int)entry->mode, "uid", (json_int_t)entry->uid, "gid", (json_int_t)entry->gid,
                  "mtime", (json_int_t)entry->mtime, "nsec", (int)entry->mtime_nsec, "size",
                  (json_int_t)entry->size, "major", (int)entry->major, "minor", (int)entry->minor);
    json_t *xattrs = json_object();
    char sum[DIGEST_HEX];
    _cleanup_free_ char *key = malloc(2 * strlen(entry->path) + 1);

    for (size_t i = 0; i < entry->n_xattrs; i++)
        json_object_set_new(xattrs, entry->xattrs[i].name,
                            hex_string(entry->xattrs[i].value, entry->xattrs[i].len));
    json_object_set_new(one, "xattrs", xattrs);
    if (entry->type == TREE_SYMLINK)
        json_object_set_new(one, "target", hex_string(entry->target, strlen(entry->target)));
    if (entry->type == TREE_FILE) {
        if (digest(tree, entry->path, entry->size, sum, e) < 0)
            return -1;
        json_object_set_new(one, "sha256", json_string(sum));
    }
    hex(entry->path, strlen(entry->path), key);
    return json_object_set_new(all, key, one);
}

static int dump(struct tree *tree, const char *path, json_t *all, struct err *e)
{
    struct names names = {NULL, 0, 0};
    struct tree_entry entry;

    if (tree_stat(tree, path, &entry, e) < 0 || dump_entry(tree, &entry, all, e) < 0)
        return -1;
    if (entry.type != TREE_DIR)
        return 0;
    if (tree_list(tree, path, keep_name, &names, e) < 0)
        return -1;
    for (size_t i = 0; i < names.n; i++) {
        char below[4096];

        snprintf(below, sizeof(below), "%s%s%s", path, path[0] != '\0' ? "/" : "", names.list[i]);
        if (dump(tree, below, all, e) < 0)
            return -1;
        free(names.list[i]);
    }
    free(names.list);
    return 0;
}

/* Both: what the overlay has, and what is below it, must come from their places. */
static struct blockdev *write_over(struct blockdev *file, struct extent range, struct err *e)
{
    struct blockdev *overlay = overlay_open(file, NULL, e);
    char start[7] = "";

    for (uint64_t at = range.start; overlay != NULL && at < extent_end(&range); at += 4096) {
        if (blockdev_pread(overlay, start, 7, at, e) < 0)
            return NULL;
        if (memcmp(start, "pattern", 7) == 0)
            return blockdev_pwrite(overlay, "written", 7, at, e) == 0 ? overlay : NULL;
    }
    return overlay;
}

int main(int argc, char **argv)
{
    struct err e = {.code = ERR_OK};
    _cleanup_blockdev_ struct blockdev *file = NULL;
    _cleanup_blockdev_ struct blockdev *overlay = NULL;
    _cleanup_blockdev_ struct blockdev *part = NULL;
    _cleanup_tree_ struct tree *tree = NULL;
    const char *reader = argc > 4 ? argv[4] : "ext";
    struct extent range;
    json_t *all;
    int result;

    if (argc < 4)
        return 2;
    all = json_object();
    range = (struct extent){strtoull(argv[2], NULL, 0), strtoull(argv[3], NULL, 0)};
    file = file_open(argv[1], false, 512, &e);
    if (file != NULL && strcmp(reader, "overlay") == 0)
        overlay = write_over(file, range, &e);
    if (file != NULL)
        part = slice_open(overlay != NULL ? overlay : file, range, &e);
    if (part != NULL)
        tree = strcmp(reader, "ext") == 0 ? ext_tree_open(part, &e) : grubfs_tree_open(part, &e);
    result = tree == NULL ? -1 : dump(tree, "", all, &e);
    if (result < 0)
        fprintf(stderr, "tree_dump: %s\n", e.text);
    else
        json_dumpf(all, stdout, JSON_SORT_KEYS | JSON_INDENT(1));
    json_decref(all);
    return result < 0 ? 1 : 0;
}
