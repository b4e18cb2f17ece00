// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * ext_acl.h: POSIX ACLs in two forms: as getxattr returns them ("system.posix_acl_access", Linux's
 * posix_acl_xattr.h: version 2, 8 bytes for each entry), and as ext4 stores them (version 1, 4
 * bytes for entries without an id).
 */
#ifndef BERTH_TREE_EXT_ACL_H
#define BERTH_TREE_EXT_ACL_H

#include "core/err.h"

#include <stdbool.h>
#include <stddef.h>

/* Converts to ext4's form, into out, which has room for len bytes (the result is never longer).
 * ERR_SYNTAX for what the kernel would refuse. *mode gets the permission bits that the ACL stands
 * for (07 in each digit), and *plain says that it holds nothing beyond them. */
int ext_acl_to_disk(const void *value, size_t len, void *out, size_t *out_len, unsigned *mode,
                    bool *plain, struct err *e);

/* Converts from ext4's form. out has room for 2 * len bytes. ERR_SYNTAX when it is damaged. */
int ext_acl_from_disk(const void *value, size_t len, void *out, size_t *out_len, struct err *e);

#endif
