// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * fuzz_initrd.c: any bytes as an initrd that is looked through for drivers. Whatever its own texts
 * say, what is written for it names every module that is added.
 */
#include "core/cleanup.h"
#include "os/drivers.h"
#include "os/module_index.h"
#include "tree/libarchive.h"

#include <string.h>

#define VERSION "6.1.0-9-amd64"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char system_dep[] =
    "kernel/fs/ext4/ext4.ko.xz: kernel/fs/jbd2/jbd2.ko.xz\n"
    "kernel/fs/jbd2/jbd2.ko.xz:\n"
    "kernel/drivers/virtio/virtio_ring.ko.xz:\n"
    "kernel/drivers/virtio/virtio_pci.ko.xz: kernel/drivers/virtio/virtio_ring.ko.xz\n"
    "kernel/drivers/block/virtio_blk.ko.xz: kernel/drivers/virtio/virtio_ring.ko.xz\n";

static void check_texts(const struct drivers_initramfs *found, const struct strings *files)
{
    struct err e;
    _cleanup_free_ char *dep = drivers_dep(found, system_dep, files, &e), *index = NULL;
    size_t bytes;

    if (dep == NULL || (index = module_index_make(dep, &bytes, &e)) == NULL)
        abort();
    for (size_t i = 0; i < files->n; i++) {
        _cleanup_free_ char *place = drivers_place(files->items[i], &e);

        if (place == NULL || strstr(dep, place) == NULL ||
            memmem(index, bytes, place, strlen(place)) == NULL)
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct drivers_initramfs found;
    _cleanup_strings_ struct strings files = {0};
    struct err e;

    if (libarchive_load(&e) < 0)
        abort();
    if (drivers_look(data, size, VERSION, &found, &e) == 0) {
        if (drivers_missing(&found, "ext4", system_dep, "", &files, &e) < 0)
            abort();
        check_texts(&found, &files);
    }
    drivers_initramfs_free(&found);
    return 0;
}
