// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * fuzz_repart.c: any text as a repart.d file. Two partitions that it describes lie apart, aligned
 * and inside the free range, or are refused.
 */
#include "core/cleanup.h"
#include "core/size.h"
#include "partition/repart.h"

#include <string.h>

#define GRAIN UINT64_C(4096)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct repart_set *set, const struct extent *usable)
{
    struct extent before = {usable->start, 0};

    for (size_t i = 0; i < set->n; i++) {
        const struct repart_partition *p = &set->partitions[i];
        struct extent range = {p->start, p->size};

        if (p->dropped)
            continue;
        if (range.start % GRAIN != 0 || range.bytes % GRAIN != 0 || range.bytes == 0 ||
            range.start < extent_end(&before) || !extent_contains(usable, &range) ||
            p->label == NULL || strlen(p->label) > TABLE_NAME_MAX * 3)
            abort();
        before = range;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err e;
    _cleanup_free_ char *text = strndup((const char *)data, size);
    _cleanup_repart_set_ struct repart_set set = {0};
    struct extent usable = {MIB, 62 * MIB - 17 * 512};
    struct guid seed = {{1}};

    for (unsigned i = 0; i < 2; i++) {
        struct repart_partition *partition = repart_set_add(&set, &e);

        if (partition == NULL || text == NULL)
            abort();
        partition->file = strdup("fuzz.conf");
        if (repart_file_parse(text, "fuzz.conf", partition, &e) < 0 ||
            repart_key_finish(partition, "fuzz.conf", &e) < 0)
            return 0;
    }
    if (repart_place(&set, usable, GRAIN, &e) < 0 || repart_identity_fill(&set, &seed, &e) < 0)
        return 0;
    check(&set, &usable);
    return 0;
}
