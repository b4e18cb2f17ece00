// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * machine_node.h: YAML text as a tree of nodes, each with its place in the file. Only for the
 * readers of machine files.
 */
#ifndef BERTH_MODEL_MACHINE_NODE_H
#define BERTH_MODEL_MACHINE_NODE_H

#include "core/err.h"
#include "model/machine.h"

#include <stddef.h>

enum node_kind {
    NODE_NULL, /* null, ~ or nothing at all, unquoted */
    NODE_TEXT, /* any other scalar; never typed: 0644 stays "0644" */
    NODE_LIST,
    NODE_MAP,
};

struct node {
    enum node_kind kind;
    struct position at;
    char *text;                /* of NODE_TEXT: UTF-8 without a NUL inside */
    const struct node *parent; /* NULL at the top */
    char *key;                 /* in a map, else NULL */
    struct position key_at;
    size_t index;        /* in a list, from 0 */
    struct node **items; /* of a list or map, in the file's order; a map's keys are unique */
    size_t n;
};

/* Parses one YAML document. Anchors, aliases, tags, duplicate keys, a second document and nesting
 * beyond reason are errors. `path` is for messages. Freed with node_free; NULL on failure. */
struct node *node_parse(const char *text, size_t len, const char *path, struct err *e);
void node_free(struct node *node);

#define _cleanup_node_ __attribute__((cleanup(node_cleanup)))
void node_cleanup(struct node **node);

/* The value of a key of a map, or NULL. */
const struct node *node_child(const struct node *map, const char *key);

/* "PATH:LINE:COLUMN: guests[1].root.size: ..." */
int node_error(const struct node *node, const char *path, enum err_code code, struct err *e,
               const char *fmt, ...) ERR_PRINTF(5, 6);

/* "found ..., expected ..."; with `secret` the text found is not shown. */
int node_unexpected(const struct node *node, const char *path, bool secret, const char *expected,
                    struct err *e);

#endif
