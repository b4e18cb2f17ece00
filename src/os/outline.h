// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * outline.h: the little of an archive that identifying it takes. An archive can be read once, from
 * front to end; the outline keeps names near the root and the heads of a few files while it passes,
 * and is then a tree to look things up in.
 */
#ifndef BERTH_OS_OUTLINE_H
#define BERTH_OS_OUTLINE_H

#include "tree/tree.h"

/* An empty outline: a tree with stat, list and read. NULL with the err filled. */
struct tree *outline_new(struct err *e);

/* Notes one entry of a stream, and reads the head of its content when it is one of those that are
 * kept (content may be NULL for an entry without any). */
int outline_add(struct tree *outline, const struct tree_entry *entry, struct tree_source *content,
                struct err *e);

#endif
