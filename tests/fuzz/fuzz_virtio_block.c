// SPDX-License-Identifier: GPL-3.0-or-later
/* fuzz_virtio_block.c: two disks, one with a file for what is written: no byte outside the window
 * changes, and none at all below that file. */
#include "device_world.h"

#define MARGIN 4096
#define WINDOW 65536

static struct storage_range range = {.bytes = WINDOW, .at = MARGIN}, below = {.bytes = WINDOW};
static int disk, under, map;

static int memory_file(uint64_t bytes)
{
    int fd = memfd_create("disk", MFD_CLOEXEC);

    if (fd < 0 || ftruncate(fd, (off_t)bytes) < 0)
        abort();
    return fd;
}

static void plug(void)
{
    struct overlay_map head = {.bytes = WINDOW, .below_bytes = WINDOW};
    struct storage plain = {.ranges = &range, .n_ranges = 1, .bytes = WINDOW, .sector = 512};
    struct vm *vm = &world.vm;
    struct err e;

    disk = range.fd = memory_file(WINDOW + 2 * MARGIN);
    under = below.fd = memory_file(WINDOW);
    map = memory_file(overlay_map_bytes(WINDOW));
    if (pwrite(map, &head, sizeof(head), 0) < 0)
        abort();
    vm->block.storage = world.overlay.storage = plain;
    world.overlay.storage.ranges = &below;
    world_must(storage_overlay(&world.overlay.storage, memory_file(WINDOW), map, &e), &e);
    world_must(virtio_make(&vm->block.virtio, &world_machine, &virtio_block_ops, &vm->block, &e),
               &e);
    world_must(
        virtio_make(&world.overlay.virtio, &world_machine, &virtio_block_ops, &world.overlay, &e),
        &e);
    world.devices[world.n++] = &vm->block.virtio;
    world.devices[world.n++] = &world.overlay.virtio;
}

static void must_be(int fd, uint64_t at, uint64_t bytes, uint8_t value)
{
    static uint8_t data[WINDOW];

    if (pread(fd, data, bytes, (off_t)at) != (ssize_t)bytes)
        abort();
    for (uint64_t i = 0; i < bytes; i++)
        if (data[i] != value)
            abort();
}

static void fill(int fd, uint64_t bytes, uint8_t value)
{
    static uint8_t data[WINDOW + 2 * MARGIN];

    memset(data, value, bytes);
    if (pwrite(fd, data, bytes, 0) != (ssize_t)bytes)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (world.n == 0)
        world_make(plug, false);
    fill(disk, WINDOW + 2 * MARGIN, 'd');
    fill(under, WINDOW, 'u');
    world_run(data, size);
    must_be(disk, 0, MARGIN, 'd');
    must_be(disk, MARGIN + WINDOW, MARGIN, 'd');
    must_be(under, 0, WINDOW, 'u');
    overlay_map_forget(world.overlay.storage.overlay.map, 0);
    return 0;
}
