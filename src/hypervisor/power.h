// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * power.h: how a guest is switched off and on: ACPI's fixed power button, sleep and reset
 * registers, one general event (a new generation id), the panic port, and the reset line that old
 * keyboard controllers have.
 *
 * Source: ACPI 6.4, 4.8.3 (fixed hardware registers), 4.8.3.6 (reset register); QEMU
 * docs/specs/pvpanic.txt.
 */
#ifndef BERTH_HYPERVISOR_POWER_H
#define BERTH_HYPERVISOR_POWER_H

#include "hypervisor/bus.h"
#include "hypervisor/outcome.h"

#include <pthread.h>

struct power_state {
    uint16_t status, enable, control; /* PM1 */
    uint8_t gpe_status, gpe_enable;
};

struct power {
    struct power_state state;
    pthread_mutex_t lock;
    int vm;
    struct outcome *outcome;
};

void power_make(struct power *power, int vm, struct outcome *outcome, struct bus *ports);

/* Presses the power button: a guest that listens powers off. */
void power_press(struct power *power);

/* Tells the guest that it is another copy of itself: the generation id has changed. */
void power_new_generation(struct power *power);

void power_loaded(void *power);

#endif
