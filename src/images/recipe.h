// SPDX-License-Identifier: GPL-3.0-or-later
/* recipe.h: what an image is built from, as a YAML file says it. */
#ifndef BERTH_IMAGES_RECIPE_H
#define BERTH_IMAGES_RECIPE_H

#include "core/err.h"
#include "model/machine.h"

/* Plain data; strings are owned by the recipe. */
struct recipe {
    char *path;         /* of the file */
    char *name;         /* of the image, unless another is asked for */
    char *distribution; /* "debian" */
    char *suite;        /* "bookworm" */
    char *variant;      /* mmdebstrap's: "minbase" */
    struct strings components, packages;
};

/* Reads a recipe: a path (which has a "/" or ends in .yaml), or a name of one that came with berth.
 * Every error says FILE:LINE:COLUMN. ERR_NOT_FOUND lists the names there are. Freed with
 * recipe_free. */
int recipe_read(const char *name_or_path, struct recipe *recipe, struct err *e);

void recipe_free(struct recipe *recipe);

#define _cleanup_recipe_ __attribute__((cleanup(recipe_free)))

#endif
