// SPDX-License-Identifier: GPL-3.0-or-later
/* fuzz_pci.c: configuration space and windows of two functions: what a guest may not change stays,
 * and every window is where its register says. */
#include "device_world.h"

#include <linux/pci_regs.h>

static void plug(void)
{
    struct vm *vm = &world.vm;
    struct err e;

    world_must(virtio_make(&vm->rng, &world_machine, &virtio_rng_ops, NULL, &e), &e);
    world_must(virtio_console_make(&vm->console, &world_machine, world_line(SOCK_STREAM), &e), &e);
    world.devices[world.n++] = &vm->rng;
    world.devices[world.n++] = &vm->console.virtio;
}

static void check(const struct pci_function *function, const uint8_t *as_made)
{
    uint32_t place;

    for (unsigned i = 0; i < PCI_CONFIG; i++)
        if (((function->config[i] ^ as_made[i]) & ~function->writable[i]) != 0)
            abort();
    memcpy(&place, function->config + PCI_BASE_ADDRESS_0, sizeof(place));
    if ((function->config[PCI_COMMAND] & PCI_COMMAND_MEMORY) == 0)
        place = 0;
    if (function->window != place || place % PCI_BAR != 0)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (world.n == 0)
        world_make(plug, false);
    world_run(data, size);
    for (unsigned slot = 1; slot <= world.n; slot++)
        check(world.vm.pci.slots[slot], world_space + slot * 0x8000);
    return 0;
}
