// SPDX-License-Identifier: GPL-3.0-or-later
/* bus.c: a short table that is looked through. */
#include "hypervisor/bus.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

void bus_add(struct bus *bus, const struct bus_range *range)
{
    assert(bus->n < BUS_MAX);
    bus->ranges[bus->n++] = *range;
}

static const struct bus_range *find(const struct bus *bus, uint64_t address, unsigned n)
{
    for (unsigned i = 0; i < bus->n; i++) {
        const struct bus_range *range = &bus->ranges[i];

        if (address >= range->start && address - range->start < range->bytes)
            return n <= range->bytes - (address - range->start) ? range : NULL;
    }
    return NULL;
}

void bus_read(const struct bus *bus, uint64_t address, uint8_t *data, unsigned n)
{
    const struct bus_range *range = find(bus, address, n);

    if (range == NULL)
        memset(data, 0xff, n);
    else
        range->read(range->device, address - range->start, data, n);
}

void bus_write(const struct bus *bus, uint64_t address, const uint8_t *data, unsigned n)
{
    const struct bus_range *range = find(bus, address, n);

    if (range != NULL)
        range->write(range->device, address - range->start, data, n);
}

uint64_t bus_number(const uint8_t *data, unsigned n)
{
    uint64_t number = 0;

    memcpy(&number, data, n);
    return number;
}

void bus_bytes(uint64_t number, uint8_t *data, unsigned n)
{
    memcpy(data, &number, n);
}
