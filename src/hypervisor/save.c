// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * save.c: one table of parts (name, bytes, what to do once they are loaded), then the processors,
 * then the memory, page by page at its own place, so that what was never touched takes no room.
 */
#include "hypervisor/save.h"
#include "hypervisor/cpu_state.h"

#include "core/io.h"

#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define MAGIC     "berth-vm"
#define NAME      24
#define PARTS_MAX 24
#define CHIPS     3 /* two PICs and the IO-APIC */

/* Bytes that are the whole state of something. */
struct part {
    char name[NAME];
    void *data;
    uint32_t bytes;
    void (*loaded)(void *device); /* NULL: nothing more to do */
    void *device;
};

struct parts {
    struct part list[PARTS_MAX];
    size_t n;
};

/* In front of each part in the file. */
struct part_head {
    char name[NAME];
    uint64_t bytes;
};

static void add(struct parts *parts, const char *name, void *data, size_t bytes,
                void (*loaded)(void *), void *device)
{
    struct part *part = &parts->list[parts->n++];

    snprintf(part->name, sizeof(part->name), "%s", name);
    part->data = data;
    part->bytes = (uint32_t)bytes;
    part->loaded = loaded;
    part->device = device;
}

/* A virtio device has four: its configuration space, its PCI function, its transport, itself. */
static void add_virtio(struct parts *parts, struct virtio *virtio)
{
    char name[NAME];

    if (virtio->ops == NULL)
        return; /* this machine has none */
    snprintf(name, sizeof(name), "%s, space", virtio->ops->name);
    add(parts, name, virtio->pci.config, PCI_CONFIG, NULL, NULL);
    snprintf(name, sizeof(name), "%s, PCI", virtio->ops->name);
    add(parts, name, &virtio->pci.state, sizeof(virtio->pci.state), NULL, NULL);
    if (virtio->ops->state_bytes > 0)
        add(parts, virtio->ops->name, virtio->device, virtio->ops->state_bytes, NULL, NULL);
    snprintf(name, sizeof(name), "%s, virtio", virtio->ops->name);
    add(parts, name, &virtio->state, sizeof(virtio->state), virtio_loaded, virtio);
}

static void list_parts(struct vm *vm, struct parts *parts)
{
    parts->n = 0;
    add(parts, "rtc", &vm->rtc.state, sizeof(vm->rtc.state), rtc_loaded, &vm->rtc);
    add(parts, "serial", &vm->serial.state, sizeof(vm->serial.state), serial_loaded, &vm->serial);
    add(parts, "power", &vm->power.state, sizeof(vm->power.state), power_loaded, &vm->power);
    add_virtio(parts, &vm->block.virtio);
    add_virtio(parts, &vm->net.virtio);
    add_virtio(parts, &vm->console.virtio);
    add_virtio(parts, &vm->rng);
}

/* ---- what KVM keeps ---- */

struct kvm_state {
    struct kvm_irqchip chips[CHIPS];
    struct kvm_clock_data clock;
};

static int save_kvm(const struct vm *vm, struct kvm_state *state, struct err *e)
{
    memset(state, 0, sizeof(*state));
    for (uint32_t i = 0; i < CHIPS; i++) {
        state->chips[i].chip_id = i;
        if (ioctl(vm->fd, KVM_GET_IRQCHIP, &state->chips[i]) < 0)
            return err_errno(e, "saving the interrupt controllers");
    }
    if (ioctl(vm->fd, KVM_GET_CLOCK, &state->clock) < 0)
        return err_errno(e, "saving the clock");
    state->clock.flags = 0;
    return 0;
}

static int load_kvm(const struct vm *vm, struct kvm_state *state, struct err *e)
{
    for (uint32_t i = 0; i < CHIPS; i++)
        if (ioctl(vm->fd, KVM_SET_IRQCHIP, &state->chips[i]) < 0)
            return err_errno(e, "restoring the interrupt controllers");
    if (ioctl(vm->fd, KVM_SET_CLOCK, &state->clock) < 0)
        return err_errno(e, "restoring the clock");
    return 0;
}

/* ---- the file ---- */

struct file {
    int fd;
    uint64_t at;
};

static int put(struct file *file, const char *name, const void *data, uint64_t bytes, struct err *e)
{
    struct part_head head = {.bytes = bytes};

    snprintf(head.name, sizeof(head.name), "%s", name);
    if (io_pwrite(file->fd, &head, sizeof(head), file->at, e) < 0 ||
        io_pwrite(file->fd, data, bytes, file->at + sizeof(head), e) < 0)
        return -1;
    file->at += sizeof(head) + bytes;
    return 0;
}

static int get(struct file *file, const char *name, void *data, uint64_t bytes, struct err *e)
{
    struct part_head head;

    if (io_pread(file->fd, &head, sizeof(head), file->at, e) < 0)
        return -1;
    if (strncmp(head.name, name, sizeof(head.name)) != 0 || head.bytes != bytes)
        return err_set(e, ERR_VERIFY, "the saved machine is another one: no %s of %llu bytes", name,
                       (unsigned long long)bytes);
    if (io_pread(file->fd, data, bytes, file->at + sizeof(head), e) < 0)
        return -1;
    file->at += sizeof(head) + bytes;
    return 0;
}

static uint64_t memory_place(const struct file *file)
{
    return (file->at + MEMORY_PAGE - 1) / MEMORY_PAGE * MEMORY_PAGE;
}

static bool is_zero(const uint8_t *page)
{
    return page[0] == 0 && memcmp(page, page + 1, MEMORY_PAGE - 1) == 0;
}

/* A page that reads as zeros is a hole. */
static int save_memory(const struct vm *vm, const struct file *file, struct err *e)
{
    uint64_t start = memory_place(file);

    for (uint64_t at = 0; at < vm->memory.bytes; at += MEMORY_PAGE)
        if (!is_zero(vm->memory.base + at) &&
            io_pwrite(file->fd, vm->memory.base + at, MEMORY_PAGE, start + at, e) < 0)
            return -1;
    if (ftruncate(file->fd, (off_t)(start + vm->memory.bytes)) < 0)
        return err_errno(e, "saving the memory");
    return 0;
}

static int load_memory(const struct vm *vm, const struct file *file, struct err *e)
{
    uint64_t start = memory_place(file), at = 0;

    while (at < vm->memory.bytes) {
        off_t data = lseek(file->fd, (off_t)(start + at), SEEK_DATA), hole;

        if (data < 0)
            return 0; /* the rest is zeros */
        hole = lseek(file->fd, data, SEEK_HOLE);
        if (hole <= data || (uint64_t)hole > start + vm->memory.bytes)
            return err_set(e, ERR_VERIFY, "the saved memory is cut short");
        at = (uint64_t)data - start;
        if (io_pread(file->fd, vm->memory.base + at, (size_t)(hole - data), (uint64_t)data, e) < 0)
            return -1;
        at = (uint64_t)hole - start;
    }
    return 0;
}

/* ---- the machine ---- */

static int save_cpus(struct vm *vm, struct file *file, struct err *e)
{
    static struct cpu_state state; /* large */

    for (unsigned i = 0; i < vm->cpus.n; i++)
        if (cpu_state_save(vm->description->kvm, vm->cpus.each[i].fd, &state, e) < 0 ||
            put(file, "processor", &state, sizeof(state), e) < 0)
            return -1;
    return 0;
}

static int load_cpus(struct vm *vm, struct file *file, struct err *e)
{
    static struct cpu_state state;

    for (unsigned i = 0; i < vm->cpus.n; i++)
        if (get(file, "processor", &state, sizeof(state), e) < 0 ||
            cpu_state_load(vm->cpus.each[i].fd, &state, e) < 0)
            return -1;
    return 0;
}

int save_machine(struct vm *vm, int fd, struct err *e)
{
    struct file file = {.fd = fd};
    struct kvm_state kvm;
    struct parts parts;

    list_parts(vm, &parts);
    if (save_kvm(vm, &kvm, e) < 0 ||
        put(&file, MAGIC, &vm->memory.bytes, sizeof(uint64_t), e) < 0 ||
        put(&file, "kvm", &kvm, sizeof(kvm), e) < 0)
        return -1;
    for (size_t i = 0; i < parts.n; i++)
        if (put(&file, parts.list[i].name, parts.list[i].data, parts.list[i].bytes, e) < 0)
            return -1;
    return save_cpus(vm, &file, e) < 0 ? -1 : save_memory(vm, &file, e);
}

static int load_parts(const struct parts *parts, struct file *file, struct err *e)
{
    for (size_t i = 0; i < parts->n; i++)
        if (get(file, parts->list[i].name, parts->list[i].data, parts->list[i].bytes, e) < 0)
            return -1;
    for (size_t i = 0; i < parts->n; i++)
        if (parts->list[i].loaded != NULL)
            parts->list[i].loaded(parts->list[i].device);
    return 0;
}

int load_machine(struct vm *vm, int fd, struct err *e)
{
    struct file file = {.fd = fd};
    struct kvm_state kvm;
    struct parts parts;
    uint64_t bytes;

    list_parts(vm, &parts);
    if (get(&file, MAGIC, &bytes, sizeof(bytes), e) < 0)
        return -1;
    if (bytes != vm->memory.bytes)
        return err_set(e, ERR_VERIFY, "the saved machine has another size of memory");
    if (get(&file, "kvm", &kvm, sizeof(kvm), e) < 0 || load_kvm(vm, &kvm, e) < 0 ||
        load_parts(&parts, &file, e) < 0 || load_cpus(vm, &file, e) < 0)
        return -1;
    return load_memory(vm, &file, e);
}
