// SPDX-License-Identifier: GPL-3.0-or-later
/* jail_each.c: one child in the jail looks at many things, as long as it lives. */
#include "core/jail_each.h"

#include <stdint.h>
#include <sys/mman.h>

enum progress { WAITING, UNDER_WAY, DONE };

struct work {
    size_t n;
    uint8_t *progress; /* shared memory, one for each thing */
    jail_look_fn *look;
    void *arg;
};

/* In the jail. */
static int look_at_waiting(void *arg, struct err *e)
{
    struct work *work = arg;

    (void)e;
    for (size_t i = 0; i < work->n; i++) {
        if (work->progress[i] != WAITING)
            continue;
        work->progress[i] = UNDER_WAY;
        work->look(work->arg, i);
        work->progress[i] = DONE;
    }
    return 0;
}

/* The first thing in that state; n when there is none. */
static size_t first(const struct work *work, enum progress progress)
{
    size_t i = 0;

    while (i < work->n && work->progress[i] != progress)
        i++;
    return i;
}

/* Each child that ends badly takes one thing with it. One that was taken over could say anything of
 * the others, so their number bounds the children, too. */
static int look_at_all(struct work *work, const struct jail_options *options, jail_fatal_fn *fatal,
                       struct err *e)
{
    for (size_t i = 0; i < work->n && first(work, WAITING) < work->n; i++) {
        size_t last;

        if (jail_run(options, look_at_waiting, work, e) == 0)
            continue;
        last = first(work, UNDER_WAY);
        if (last == work->n)
            return -1;
        work->progress[last] = DONE;
        fatal(work->arg, last, e);
    }
    return 0;
}

int jail_each(const struct jail_options *options, size_t n, jail_look_fn *look,
              jail_fatal_fn *fatal, void *arg, struct err *e)
{
    struct work work = {.n = n, .look = look, .arg = arg};
    int result;

    if (n == 0)
        return 0;
    work.progress = jail_shared(n, sizeof(*work.progress), e);
    if (work.progress == NULL)
        return -1;
    result = look_at_all(&work, options, fatal, e);
    jail_unshare(work.progress, n, sizeof(*work.progress));
    return result;
}

void *jail_shared(size_t n, size_t size, struct err *e)
{
    void *shared = mmap(NULL, n * size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    if (shared != MAP_FAILED)
        return shared;
    err_errno(e, "memory to share with the jail");
    return NULL;
}

void jail_unshare(void *shared, size_t n, size_t size)
{
    munmap(shared, n * size);
}
