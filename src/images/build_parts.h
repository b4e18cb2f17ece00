// SPDX-License-Identifier: GPL-3.0-or-later
/* build_parts.h: what build.c and build_command.c share. Nobody else includes it. */
#ifndef BERTH_IMAGES_BUILD_PARTS_H
#define BERTH_IMAGES_BUILD_PARTS_H

#include "images/build.h"

#define BUILD_LOG "log" /* in the folder: what mmdebstrap says */

/* The argument list of mmdebstrap, which writes a tar to its standard output. folder is one that
 * the build has to itself; its path needs no quoting. */
int build_command(const struct build *build, const char *folder, struct strings *command,
                  struct err *e);

/* True for a path of a .deb file rather than a package's name. */
bool build_is_path(const char *package);

#endif
