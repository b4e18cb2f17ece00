// SPDX-License-Identifier: GPL-3.0-or-later
/* description.c: nothing in it is used before all of it has been checked. */
#include "hypervisor/description.h"
#include "hypervisor/machine.h"

#include "core/io.h"

#include <fcntl.h>
#include <string.h>

#define MIB        ((uint64_t)1 << 20)
#define MEMORY_MIN (64 * MIB)
#define MEMORY_MAX (MIB * MIB)

static int wrong(const char *field, struct err *e)
{
    return err_set(e, ERR_USAGE, "the run description: %s makes no sense", field);
}

static bool is_open(int32_t fd)
{
    return fd > DESCRIPTION_FD && fcntl(fd, F_GETFD) >= 0;
}

static bool is_open_or_none(int32_t fd)
{
    return fd == -1 || is_open(fd);
}

static int check_descriptors(const struct description *d, struct err *e)
{
    const struct {
        const char *field;
        bool good;
    } checks[] = {
        {"kvm", is_open(d->kvm)},
        {"kernel", is_open(d->kernel)},
        {"control", is_open(d->control)},
        {"payload", is_open_or_none(d->payload)},
        {"initrd", is_open_or_none(d->initrd)},
        {"serial", is_open_or_none(d->serial)},
        {"console", is_open_or_none(d->console)},
        {"state", d->restore != 0 ? is_open(d->state) : is_open_or_none(d->state)},
        {"overlay", is_open_or_none(d->overlay)},
        {"overlay_map", d->overlay >= 0 ? is_open(d->overlay_map) : d->overlay_map == -1},
        {"net", d->net_kind == DESCRIPTION_NET_NONE ? d->net == -1 : is_open(d->net)},
        {"net_kind", d->net_kind <= DESCRIPTION_NET_TAP},
    };

    for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++)
        if (!checks[i].good)
            return wrong(checks[i].field, e);
    return 0;
}

static int check_disk(const struct description *d, struct err *e)
{
    uint64_t at = 0;

    if (d->disk_bytes == 0)
        return d->n_ranges == 0 && d->overlay == -1 ? 0 : wrong("a disk of no bytes", e);
    if (d->sector != 512 && d->sector != 4096)
        return wrong("sector", e);
    if (d->disk_bytes % d->sector != 0 || d->disk_bytes > INT64_MAX)
        return wrong("disk_bytes", e);
    if (d->n_ranges > STORAGE_RANGES)
        return wrong("n_ranges", e);
    for (uint32_t i = 0; i < d->n_ranges; i++) {
        const struct storage_range *r = &d->ranges[i];

        if (r->start != at || r->bytes == 0 || r->bytes > d->disk_bytes - at ||
            r->at > INT64_MAX - r->bytes || !is_open(r->fd) ||
            (r->direct != 0 && !is_open(r->direct)))
            return wrong("ranges", e);
        at += r->bytes;
    }
    return at == d->disk_bytes ? 0 : wrong("ranges", e);
}

int description_check(const struct description *d, struct err *e)
{
    if (d->magic != DESCRIPTION_MAGIC)
        return wrong("magic", e);
    if (memchr(d->name, '\0', sizeof(d->name)) == NULL)
        return wrong("name", e);
    if (memchr(d->command_line, '\0', sizeof(d->command_line)) == NULL)
        return wrong("command_line", e);
    if (d->memory < MEMORY_MIN || d->memory > MEMORY_MAX || d->memory % MIB != 0)
        return wrong("memory", e);
    if (d->cpus < 1 || d->cpus > CPUS_MAX)
        return wrong("cpus", e);
    return check_descriptors(d, e) < 0 ? -1 : check_disk(d, e);
}

int description_read(int fd, struct description *d, struct err *e)
{
    struct stat st;

    if (fstat(fd, &st) < 0)
        return err_errno(e, "the run description");
    if ((uint64_t)st.st_size != sizeof(*d))
        return wrong("its size", e);
    if (io_pread(fd, d, sizeof(*d), 0, e) < 0)
        return err_wrap(e, "the run description");
    return description_check(d, e);
}
