// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * fuzz_description.c: any bytes as a run description. One that is taken describes a disk without a
 * gap, reads of which stay inside, and the sandbox can make its lists of it.
 *
 * Descriptors 10 to 15 are open. What the input is too short for is zeros.
 */
#include "hypervisor/description.h"
#include "hypervisor/sandbox.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define FIRST 10
#define LAST  15

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int file = -1;

static void open_files(void)
{
    file = memfd_create("description", MFD_CLOEXEC);
    for (int fd = FIRST; fd <= LAST; fd++)
        if (file < 0 || dup2(file, fd) < 0)
            abort();
}

static void read_at(struct storage *storage, uint64_t offset, uint64_t bytes)
{
    static uint8_t data[4096];

    if (storage_move(storage, false, offset, data, bytes, false) &&
        (offset > storage->bytes || bytes > storage->bytes - offset))
        abort();
}

static void use_disk(const struct description *d)
{
    struct storage storage = {
        .ranges = d->ranges, .n_ranges = d->n_ranges, .bytes = d->disk_bytes, .sector = d->sector};

    for (uint32_t i = 0; i < d->n_ranges; i++)
        for (uint64_t k = 0; k < 3; k++)
            read_at(&storage, d->ranges[i].start + d->ranges[i].bytes - 1 + k, 2);
    read_at(&storage, 0, 4096);
    read_at(&storage, UINT64_MAX, 1);
}

static void use(const struct description *d)
{
    static struct filter filter;
    static struct vm vm;
    struct err e;

    if (memchr(d->command_line, '\0', sizeof(d->command_line)) == NULL)
        abort();
    use_disk(d);
    vm.description = d;
    (void)sandbox_list_cpu(&filter, &vm, &e);
    (void)sandbox_list_loop(&filter, &vm, &e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct description whole, d;
    struct err e;

    if (file < 0)
        open_files();
    if (size > sizeof(whole))
        return 0;
    memset(&whole, 0, sizeof(whole));
    memcpy(&whole, data, size);
    if (ftruncate(file, 0) < 0 || pwrite(file, &whole, sizeof(whole), 0) != (ssize_t)sizeof(whole))
        abort();
    if (description_read(file, &d, &e) == 0)
        use(&d);
    whole.magic = DESCRIPTION_MAGIC;
    if (description_check(&whole, &e) == 0)
        use(&whole);
    return 0;
}
