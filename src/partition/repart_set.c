// SPDX-License-Identifier: GPL-3.0-or-later
/* repart_set.c: the list of partitions that repart.d files and the disk make together. */
#include "partition/repart.h"

#include <stdlib.h>

struct repart_partition *repart_set_add(struct repart_set *set, struct err *e)
{
    struct repart_partition *grown =
        realloc(set->partitions, (set->n + 1) * sizeof(*set->partitions));

    if (grown == NULL) {
        err_no_memory(e);
        return NULL;
    }
    set->partitions = grown;
    grown[set->n] = (struct repart_partition){
        .weight = 1000,
        .size_min = REPART_UNSET,
        .size_max = REPART_UNSET,
        .padding_min = REPART_UNSET,
        .padding_max = REPART_UNSET,
        .no_auto = REPART_FLAG_DEFAULT,
        .read_only = REPART_FLAG_DEFAULT,
        .grow_fs = REPART_FLAG_DEFAULT,
        .size_there = REPART_UNSET,
        .size = REPART_UNSET,
        .padding = REPART_UNSET,
        .area_behind = -1,
        .area = -1,
    };
    return &grown[set->n++];
}

void repart_set_clear(struct repart_set *set)
{
    for (size_t i = 0; i < set->n; i++) {
        free(set->partitions[i].file);
        free(set->partitions[i].label);
        free(set->partitions[i].format);
    }
    free(set->partitions);
    strings_clear(&set->notes);
    *set = (struct repart_set){0};
}
