// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * store.h: the image store, a folder of immutable images: BERTH_STORE, else as root
 * /var/lib/berth/images, else $XDG_DATA_HOME/berth/images.
 *
 *   blobs/sha256-<hex>   the archives, named by their bytes
 *   names/<name>.json    the manifests
 *   lock                 held while anything is added
 */
#ifndef BERTH_IMAGES_STORE_H
#define BERTH_IMAGES_STORE_H

#include "core/ui.h"
#include "images/image.h"

/* The store's folder, a new string that the caller frees; it need not exist. */
char *store_folder(struct err *e);

/* Finds an image by its name in the store, or by the path of an archive (which has a "/" in it, or
 * is a file here while the store has no such name): that is read as a whole, on the spot.
 * ERR_NOT_FOUND. The result is freed with image_free. */
int image_find(const char *name_or_path, struct image *image, struct err *e);

/* image_find for names only; does not look at the blob. */
int store_find(const char *name, struct image *image, struct err *e);

/* Where the blob of that digest ("sha256:<hex>") is or would be, a new string. */
char *store_blob_path(const char *folder, const char *digest, struct err *e);

/* All images by name: a new array that the caller frees, each element with image_free. */
int store_list(struct image **images, size_t *n, struct err *e);

/* [a-z0-9][a-z0-9.+-]{0,62}: a name of an image. ERR_USAGE. */
int image_check_name(const char *name, struct err *e);

/* ERR_REFUSED when the store has the name, before long work is done for nothing. */
int store_check_free(const char *name, struct err *e);

/*
 * Adding, in two halves. A draft is a blob without a name: its file is open for writing, and is
 * gone when the draft is closed without store_commit, or when the program ends.
 */
struct draft {
    int fd;
    char *path;   /* of the file while it is a draft */
    char *folder; /* of the store */
};

/* Makes the store's folders and an empty draft. */
int draft_open(struct draft *draft, struct err *e);

/* Names the draft: moves the blob into its place and writes the manifest, in this order, each whole
 * or not at all. image: as scan fills it for draft->path, with name, signature and packages set;
 * its path is set here. ERR_REFUSED when the name has another digest already; the same digest under
 * the same name is success. */
int store_commit(struct draft *draft, struct image *image, struct err *e);

void draft_close(struct draft *draft);

#define _cleanup_draft_ __attribute__((cleanup(draft_close)))

/* Takes an archive into the store as it is, byte for byte. Fills *image. Progress in bytes. */
int store_add(const char *source, const char *name, struct image *image, struct ui *ui,
              struct err *e);

#endif
