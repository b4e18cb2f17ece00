// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * stream.h: an image's blob, read once from front to end: as a tree of files, and through SHA-256
 * on the way.
 */
#ifndef BERTH_IMAGES_STREAM_H
#define BERTH_IMAGES_STREAM_H

#include "tree/tree.h"

struct stream;

/* Starts reading the file at path, which messages call `shown`. NULL with the err filled. */
struct stream *stream_open(const char *path, const char *shown, struct err *e);

/* The archive's entries; owned by the stream. */
struct tree *stream_tree(struct stream *stream);

uint64_t stream_bytes(const struct stream *stream);    /* of the whole blob */
uint64_t stream_position(const struct stream *stream); /* bytes read so far */

/* Reads what is left and gives the digest of every byte that was handed to the tree, and of those
 * behind the archive's end: "sha256:<hex>", owned by the stream. Ends the tree. */
int stream_finish(struct stream *stream, const char **digest, struct err *e);

void stream_close(struct stream *stream); /* NULL is allowed */

#define _cleanup_stream_ __attribute__((cleanup(stream_cleanup)))
void stream_cleanup(struct stream **stream);

#endif
