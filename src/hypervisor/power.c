// SPDX-License-Identifier: GPL-3.0-or-later
/* power.c: registers whose bits clear when ones are written, and what ends the machine. */
#include "hypervisor/power.h"
#include "hypervisor/interrupt.h"
#include "hypervisor/machine.h"

#define PM_BUTTON      0x0100
#define PM_ACPI_MODE   0x0001 /* SCI_EN: there is no other mode to leave */
#define PM_SLEEP       0x2000
#define PM_SLEEP_TYPE  10
#define SLEEP_TYPE_OFF 5 /* as \_S5 in dsdt.asl */

#define PANIC_PANICKED   0x01
#define KEYBOARD_RESET   0xfe
#define PM_REGISTER_SIZE 2

static void update_interrupt(struct power *power)
{
    const struct power_state *s = &power->state;

    interrupt_line(power->vm, IRQ_SCI,
                   (s->status & s->enable) != 0 || (s->gpe_status & s->gpe_enable) != 0);
}

/* The registers as the bytes at PORT_PM_EVT and on. */
static uint8_t read_byte(const struct power_state *s, uint64_t port)
{
    unsigned shift = port % PM_REGISTER_SIZE * 8;

    if (port < PORT_PM_EVT + 2)
        return (uint8_t)(s->status >> shift);
    if (port < PORT_PM_CNT)
        return (uint8_t)(s->enable >> shift);
    if (port < PORT_PM_CNT + 2)
        return (uint8_t)((s->control | PM_ACPI_MODE) >> shift);
    if (port == PORT_GPE)
        return s->gpe_status;
    return port == PORT_GPE + 1 ? s->gpe_enable : 0;
}

static uint16_t with_byte(uint16_t word, uint64_t port, uint8_t byte)
{
    unsigned shift = port % PM_REGISTER_SIZE * 8;

    return (uint16_t)((word & ~(0xff << shift)) | byte << shift);
}

static void write_byte(struct power_state *s, uint64_t port, uint8_t byte)
{
    if (port < PORT_PM_EVT + 2)
        s->status &= (uint16_t)~with_byte(0, port, byte);
    else if (port < PORT_PM_CNT)
        s->enable = with_byte(s->enable, port, byte);
    else if (port < PORT_PM_CNT + 2)
        s->control = with_byte(s->control, port, byte);
    else if (port == PORT_GPE)
        s->gpe_status &= (uint8_t)~byte;
    else if (port == PORT_GPE + 1)
        s->gpe_enable = byte;
}

static void on_read(void *device, uint64_t offset, uint8_t *data, unsigned n)
{
    struct power *power = device;

    pthread_mutex_lock(&power->lock);
    for (unsigned i = 0; i < n; i++)
        data[i] = read_byte(&power->state, PORT_PM_EVT + offset + i);
    pthread_mutex_unlock(&power->lock);
}

static void sleep_if_asked(struct power *power)
{
    uint16_t control = power->state.control;

    power->state.control &= (uint16_t)~PM_SLEEP; /* it reads as zero */
    if ((control & PM_SLEEP) != 0 && (control >> PM_SLEEP_TYPE & 7) == SLEEP_TYPE_OFF)
        outcome_set(power->outcome, ENDING_OFF, NULL);
}

static void on_write(void *device, uint64_t offset, const uint8_t *data, unsigned n)
{
    struct power *power = device;

    pthread_mutex_lock(&power->lock);
    for (unsigned i = 0; i < n; i++) {
        if (PORT_PM_EVT + offset + i == PORT_RESET && data[i] == RESET_VALUE)
            outcome_set(power->outcome, ENDING_RESET, NULL);
        write_byte(&power->state, PORT_PM_EVT + offset + i, data[i]);
    }
    sleep_if_asked(power);
    update_interrupt(power);
    pthread_mutex_unlock(&power->lock);
}

static void panic_read(void *device, uint64_t offset, uint8_t *data, unsigned n)
{
    (void)device, (void)offset;
    for (unsigned i = 0; i < n; i++)
        data[i] = PANIC_PANICKED; /* the events it understands */
}

static void panic_write(void *device, uint64_t offset, const uint8_t *data, unsigned n)
{
    struct power *power = device;

    (void)offset, (void)n;
    if ((data[0] & PANIC_PANICKED) != 0)
        outcome_set(power->outcome, ENDING_CRASH, "its kernel panicked");
}

static void keyboard_read(void *device, uint64_t offset, uint8_t *data, unsigned n)
{
    (void)device, (void)offset;
    for (unsigned i = 0; i < n; i++)
        data[i] = 0xff; /* there is no controller; a half one costs the kernel half a second */
}

static void keyboard_write(void *device, uint64_t offset, const uint8_t *data, unsigned n)
{
    struct power *power = device;

    (void)offset, (void)n;
    if (data[0] == KEYBOARD_RESET)
        outcome_set(power->outcome, ENDING_RESET, NULL);
}

void power_press(struct power *power)
{
    pthread_mutex_lock(&power->lock);
    power->state.status |= PM_BUTTON;
    update_interrupt(power);
    pthread_mutex_unlock(&power->lock);
}

void power_new_generation(struct power *power)
{
    pthread_mutex_lock(&power->lock);
    power->state.gpe_status |= 1 << GPE_GENERATION;
    update_interrupt(power);
    pthread_mutex_unlock(&power->lock);
}

void power_loaded(void *device)
{
    update_interrupt(device);
}

void power_make(struct power *power, int vm, struct outcome *outcome, struct bus *ports)
{
    const struct bus_range ranges[] = {
        {PORT_PM_EVT, PORT_RESET + 1 - PORT_PM_EVT, on_read, on_write, power},
        {PORT_PANIC, 1, panic_read, panic_write, power},
        {PORT_I8042, 1, keyboard_read, keyboard_write, power},
    };

    pthread_mutex_init(&power->lock, NULL);
    power->vm = vm;
    power->outcome = outcome;
    for (unsigned i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
        bus_add(ports, &ranges[i]);
}
