// SPDX-License-Identifier: GPL-3.0-or-later
/* guest.c: the entry, the serial line, and a small driver of virtio-pci. Source: VIRTIO 1.2, 4.1.
 */
#include "guest.h"

#define COMMAND_LINE_AT 0x228 /* in the boot parameters */
#define BUS_SLOTS       8
#define SLOT_BYTES      0x8000
#define VIRTIO_VENDOR   0x1af4
#define VIRTIO_FIRST    0x1040
#define CAPABILITY_OWN  9 /* vendor specific */
#define WAIT_TURNS      3000000

static uint64_t params_at;
static struct ring rings[2];

/* The stack is the monitor's; rsi has the boot parameters. */
__attribute__((naked, section(".text.start"))) void _start(void)
{
    __asm__ volatile("and $-16, %rsp\n"
                     "mov %rsi, %rdi\n"
                     "call guest_start\n");
}

__attribute__((used)) void guest_start(uint64_t params)
{
    params_at = params;
    guest_main();
    power_off();
}

/* The compiler calls these by itself. */
void *memset(void *to, int byte, unsigned long n)
{
    for (unsigned long i = 0; i < n; i++)
        ((volatile uint8_t *)to)[i] = (uint8_t)byte;
    return to;
}

void say(const char *text)
{
    while (*text != '\0') {
        while ((in8(PORT_SERIAL + 5) & 0x20) == 0)
            ;
        out8(PORT_SERIAL, (uint8_t)*text++);
    }
}

void say_number(uint64_t number)
{
    char text[21];
    char *at = text + sizeof(text) - 1;

    *at = '\0';
    do
        *--at = (char)('0' + number % 10);
    while ((number /= 10) != 0);
    say(at);
}

static _Noreturn void halt(void)
{
    for (;;)
        __asm__ volatile("hlt");
}

void fail(const char *name)
{
    say("FAILED ");
    say(name);
    say("\n");
    out8(PORT_PANIC, 1);
    halt();
}

void power_off(void)
{
    out16(PORT_PM_CNT, 5 << 10 | 1 << 13);
    halt();
}

uint64_t boot_params(void)
{
    return params_at;
}

const char *command_line(void)
{
    return (const char *)(uint64_t)load32(params_at + COMMAND_LINE_AT);
}

bool command_line_has(const char *word)
{
    for (const char *at = command_line(); *at != '\0'; at++) {
        const char *a = at, *w = word;

        while (*w != '\0' && *a == *w)
            a++, w++;
        if (*w == '\0')
            return true;
    }
    return false;
}

/* ---- virtio ---- */

static void note_part(struct device *device, uint64_t window, uint64_t capability)
{
    uint64_t at = window + load32(capability + 8);

    switch (load8(capability + 3)) {
    case 1:
        device->common = at;
        break;
    case 2:
        device->notify = at;
        break;
    case 4:
        device->own = at;
        break;
    }
}

bool device_find(struct device *device, uint16_t id)
{
    for (unsigned slot = 0; slot < BUS_SLOTS; slot++) {
        uint64_t config = ECAM_BASE + slot * SLOT_BYTES;

        if (load32(config) != ((uint32_t)(VIRTIO_FIRST + id) << 16 | VIRTIO_VENDOR))
            continue;
        store16(config + 4, 0x6); /* memory, bus master */
        device->config = config;
        device->id = id;
        for (uint8_t at = load8(config + 0x34); at != 0; at = load8(config + at + 1))
            if (load8(config + at) == CAPABILITY_OWN)
                note_part(device, load32(config + 0x10), config + at);
        return true;
    }
    return false;
}

static void set64(uint64_t address, uint64_t value)
{
    store32(address, (uint32_t)value);
    store32(address + 4, (uint32_t)(value >> 32));
}

static void start_queue(struct device *device, unsigned i)
{
    struct ring *ring = &rings[i];

    memset(ring, 0, sizeof(*ring));
    store16(device->common + QUEUE_SELECT, (uint16_t)i);
    store16(device->common + QUEUE_SIZE, RING);
    store16(device->common + QUEUE_VECTOR, 0xffff);
    set64(device->common + QUEUE_RINGS, (uint64_t)ring->descriptors);
    set64(device->common + QUEUE_RINGS + 8, (uint64_t)&ring->available);
    set64(device->common + QUEUE_RINGS + 16, (uint64_t)&ring->used);
    store16(device->common + QUEUE_ENABLE, 1);
    device->rings[i] = ring;
    device->seen[i] = 0;
}

void device_start(struct device *device, uint64_t features, unsigned n)
{
    store8(device->common + DEVICE_STATUS, 0);
    store8(device->common + DEVICE_STATUS, 1 | 2); /* acknowledged; there is a driver */
    store32(device->common + DRIVER_FEATURE_SELECT, 0);
    store32(device->common + DRIVER_FEATURE, (uint32_t)features);
    store32(device->common + DRIVER_FEATURE_SELECT, 1);
    store32(device->common + DRIVER_FEATURE, (uint32_t)(features >> 32) | 1); /* VERSION_1 */
    store8(device->common + DEVICE_STATUS, 1 | 2 | 8);
    CHECK((load8(device->common + DEVICE_STATUS) & 8) != 0, "features are accepted");
    for (unsigned i = 0; i < n; i++)
        start_queue(device, i);
    store8(device->common + DEVICE_STATUS, 1 | 2 | 8 | 4);
}

void device_submit(struct device *device, unsigned queue, uint16_t first)
{
    struct ring *ring = device->rings[queue];

    ring->available.ring[ring->available.index % RING] = first;
    __atomic_store_n(&ring->available.index, (uint16_t)(ring->available.index + 1),
                     __ATOMIC_SEQ_CST);
    store16(device->notify + 4 * queue, (uint16_t)queue);
}

int64_t device_wait(struct device *device, unsigned queue)
{
    struct ring *ring = device->rings[queue];

    for (unsigned i = 0; i < WAIT_TURNS; i++) {
        if (ring->used.index != device->seen[queue])
            return ring->used.ring[device->seen[queue]++ % RING].bytes;
        __asm__ volatile("pause");
    }
    return -1;
}

uint8_t device_status(const struct device *device)
{
    return load8(device->common + DEVICE_STATUS);
}
