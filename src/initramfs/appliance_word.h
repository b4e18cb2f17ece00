// SPDX-License-Identifier: GPL-3.0-or-later
/* appliance_word.h: what an appliance is told, and what it answers. For appliance.c and
 * appliance_main.c. */
#ifndef BERTH_INITRAMFS_APPLIANCE_WORD_H
#define BERTH_INITRAMFS_APPLIANCE_WORD_H

#include "core/err.h"

#include <stdint.h>

struct appliance_word {
    const char *fs;   /* by its name in fs/fs.def */
    uint64_t bytes;   /* what it shall have; 0: all of its disk */
    const char *name; /* of the disk, for messages */
};

/* A new string; NULL with the err filled. */
char *appliance_word_print(const struct appliance_word *word, struct err *e);

/* The members point into text, which is changed. ERR_SYNTAX. */
int appliance_word_parse(char *text, struct appliance_word *word, struct err *e);

/* The last line that it says (listener.h): this, or that with the error behind it. */
#define APPLIANCE_DONE   "the size is changed"
#define APPLIANCE_FAILED "the size is not changed: "

#endif
