// SPDX-License-Identifier: GPL-3.0-or-later
/* image.h: what is known of one operating system image, and its manifest (JSON). */
#ifndef BERTH_IMAGES_IMAGE_H
#define BERTH_IMAGES_IMAGE_H

#include "core/err.h"
#include "model/machine.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#define IMAGE_LEVEL 1 /* "berth-image" of the manifest */

/* Plain data; strings are owned by the image, NULL where not known. */
struct image {
    char *name;             /* in the store, or the path it was found by */
    char *family;           /* "linux", "bsd", "windows", "other": read from the content */
    char *os;               /* "Debian GNU/Linux 12 (bookworm)" */
    char *version;          /* "12" */
    char *arch;             /* "amd64" */
    char *kernel;           /* newest kernel's version */
    char *digest;           /* "sha256:<hex>" of the blob's bytes */
    char *signature;        /* "built-here" | "unsigned" */
    char *path;             /* of the blob; not in the manifest */
    uint64_t bytes;         /* of the blob */
    uint64_t content_bytes; /* of all files, each rounded up to 4 KiB blocks */
    uint64_t inodes;
    int64_t created;                         /* seconds since 1970 */
    struct strings packages;                 /* asked for when it was built here */
    struct strings users, groups, timezones; /* that the content has; for checks before any write */
};

void image_free(struct image *image);

#define _cleanup_image_ __attribute__((cleanup(image_free)))

/* The manifest as a new JSON object, or NULL with the err filled. With `lists`, the users, groups
 * and time zones too. */
json_t *image_to_json(const struct image *image, bool lists, struct err *e);

/* Reads a manifest. ERR_SYNTAX names the member; a higher level is ERR_UNSUPPORTED. */
int image_from_json(const json_t *json, struct image *image, struct err *e);

#endif
