// SPDX-License-Identifier: GPL-3.0-or-later
/* disk_content.h: the few kinds of content that the picture of a disk tells apart. */
#ifndef BERTH_CLI_DISK_CONTENT_H
#define BERTH_CLI_DISK_CONTENT_H

#include "model/survey.h"

enum disk_content {
#define CONTENT(kind, letter, background, words) CONTENT_##kind,
#include "cli/disk_content.def"
#undef CONTENT
    N_CONTENTS,
};

struct disk_content_look {
    char letter;
    int background;
    const char *words;
};

extern const struct disk_content_look disk_content_looks[N_CONTENTS];

enum disk_content disk_content_of(const struct survey_partition *p);

#endif
