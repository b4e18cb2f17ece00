// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * identify.h: which operating system a tree holds. What is said here was read from the files
 * themselves; nobody's claim counts.
 */
#ifndef BERTH_OS_IDENTIFY_H
#define BERTH_OS_IDENTIFY_H

#include "tree/tree.h"

#define FAMILY_LINUX   "linux"
#define FAMILY_BSD     "bsd"
#define FAMILY_WINDOWS "windows"
#define FAMILY_OTHER   "other"

/* Strings are owned by the identity. */
struct identity {
    char *family;  /* one of the above */
    char *os;      /* for people: "Debian GNU/Linux 12 (bookworm)" */
    char *version; /* "12", or NULL */
    char *arch;    /* "amd64", "i386", "arm64", ..., or NULL where no program was found */
    char *kernel;  /* newest Linux kernel's version in /boot, or NULL */
};

/* Reads what the tree (stat, list and read) holds. A tree that is no system at all is of the family
 * "other" with the os "unknown". Fails when the tree cannot be read. Freed with identity_free. */
int identify(struct tree *tree, struct identity *identity, struct err *e);

void identity_free(struct identity *identity);

#endif
