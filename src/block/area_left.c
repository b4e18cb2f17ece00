// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * area_left.c: what an area has left where somebody's partition is now.
 *
 * A head says where its area lies; one that is there itself vouches for the heads, counters and
 * documents, which are written by nobody else. It does not for the journal in front of them, which
 * has to be zeros, as it is after use.
 */
#include "block/area_format.h"
#include "core/cleanup.h"
#include "core/size.h"

#include <string.h>

/* Where the head says that documents begin; 0: it does not lie where it says. */
static uint64_t documents_of(const struct area_head *head, uint64_t at, uint64_t parity)
{
    struct extent range = {head->start, head->bytes};

    if (!area_head_is_whole(head, parity) || head->bytes > AREA_MOST || head->start > INT64_MAX ||
        extent_end(&range) != at + (2 - parity) * AREA_BLOCK || head->slot > head->bytes / 2 ||
        2 * head->slot + AREA_TAIL > head->bytes)
        return 0;
    return extent_end(&range) - AREA_TAIL - 2 * head->slot;
}

/* Where the area ends that has the byte `at` in its documents or behind them, by a head in the
 * buffer, which begins at `start`; 0: none has. */
static uint64_t end_of_area(const char *buf, uint64_t start, size_t n, uint64_t at)
{
    for (size_t i = 0; i + sizeof(struct area_head) <= n; i += AREA_BLOCK) {
        struct area_head head;

        memcpy(&head, buf + i, sizeof(head));
        for (uint64_t parity = 0; parity < 2; parity++) {
            uint64_t documents = documents_of(&head, start + i, parity);

            if (documents != 0 && documents <= at)
                return start + i + (2 - parity) * AREA_BLOCK;
        }
    }
    return 0;
}

int area_left(struct blockdev *bd, uint64_t at, uint64_t end, uint64_t *behind, struct err *e)
{
    uint64_t start = round_down(at, AREA_BLOCK), last = start + AREA_MOST;
    _cleanup_free_ char *buf = malloc(MIB);

    *behind = at;
    if (buf == NULL)
        return err_no_memory(e);
    for (last = last < end ? last : end; start < last; start += MIB) {
        size_t n = last - start < MIB ? (size_t)(last - start) : (size_t)MIB;
        uint64_t found;

        if (blockdev_pread(bd, buf, n, start, e) < 0)
            return -1;
        found = end_of_area(buf, start, n, at);
        if (found != 0) {
            *behind = found < end ? found : end;
            return 1;
        }
    }
    return 0;
}
