// SPDX-License-Identifier: GPL-3.0-or-later
/* build.h: makes an image from a distribution's packages. */
#ifndef BERTH_IMAGES_BUILD_H
#define BERTH_IMAGES_BUILD_H

#include "core/ui.h"
#include "images/image.h"
#include "images/recipe.h"

/* What to build: the recipe, and packages beside its own: names, or paths of .deb files (which have
 * a
 * "/" in them). */
struct build {
    const struct recipe *recipe;
    const char *name; /* of the image */
    const char *const *packages;
    size_t n_packages;
};

/* Writes what would be run to the ui's notes, a line for each word. Changes nothing. */
int build_show(const struct build *build, struct ui *ui, struct err *e);

/* Builds the image and takes it into the store; fills *image, which the caller frees. Needs root,
 * or a user with subordinate ids (mmdebstrap(1), mode unshare). ERR_TOOL with mmdebstrap's last
 * words, ERR_REFUSED when the name is taken, ERR_INTERRUPTED. On failure the store is as before.
 * Progress: what mmdebstrap is doing, with the bytes of the archive once they come. */
int build_image(const struct build *build, struct image *image, struct ui *ui, struct err *e);

#endif
