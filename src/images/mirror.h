// SPDX-License-Identifier: GPL-3.0-or-later
/* mirror.h: where this machine gets a distribution's packages from. */
#ifndef BERTH_IMAGES_MIRROR_H
#define BERTH_IMAGES_MIRROR_H

#include "images/recipe.h"

/* Appends apt source lines ("deb URI suite main") for the recipe's suite, its updates and its
 * security updates, at the mirrors that apt is configured with here. None when apt knows no Debian
 * mirror: the tool that builds then falls back to its own. */
int mirror_lines(const struct recipe *recipe, struct strings *lines, struct err *e);

/* The same from what `apt-get indextargets` printed with MIRROR_FORMAT. Pure. */
int mirror_lines_from(const char *targets, const struct recipe *recipe, struct strings *lines,
                      struct err *e);

#define MIRROR_FORMAT "$(ORIGIN)|$(LABEL)|$(REPO_URI)|$(RELEASE)"

#endif
