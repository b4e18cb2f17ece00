// SPDX-License-Identifier: GPL-3.0-or-later
/* bzimage.c: the boot sector's header, and the part behind it. */
#include "hypervisor/kernel.h"

#include "core/io.h"

#include <stddef.h>
#include <string.h>

#define HEADER_AT     0x1f1
#define HEADER_LENGTH 0x201      /* a byte: of the header behind 0x202 */
#define MAGIC         0x53726448 /* "HdrS" */
#define BOOT_FLAG     0xaa55
#define VERSION_64BIT 0x020c /* the first with a 64-bit entry that says so */
#define ENTRY_64      0x200
#define SECTOR        512
#define OLD_SETUP     4

int bzimage_header(int fd, struct setup_header *header, struct err *e)
{
    uint8_t start[HEADER_AT + sizeof(*header)];
    struct stat st;
    size_t length;

    if (fstat(fd, &st) < 0)
        return err_errno(e, "the kernel");
    if ((uint64_t)st.st_size < sizeof(start))
        return 0;
    if (io_pread(fd, start, sizeof(start), 0, e) < 0)
        return -1;
    length = HEADER_LENGTH + 1 + start[HEADER_LENGTH] - HEADER_AT;
    memset(header, 0, sizeof(*header));
    memcpy(header, start + HEADER_AT, length < sizeof(*header) ? length : sizeof(*header));
    return header->boot_flag == BOOT_FLAG && header->header == MAGIC;
}

static int too_small(const struct memory *memory, uint64_t end, struct err *e)
{
    err_set(e, ERR_NO_SPACE, "the kernel needs %llu MiB of memory, and there are %llu",
            (unsigned long long)(end >> 20) + 1, (unsigned long long)(memory->bytes >> 20));
    return err_hint(e, "give it more with --memory");
}

int bzimage_load(const struct memory *memory, int fd, struct kernel *kernel, struct err *e)
{
    const struct setup_header *header = &kernel->header;
    uint64_t setup = (uint64_t)(header->setup_sects != 0 ? header->setup_sects : OLD_SETUP) + 1;
    uint64_t at = header->pref_address;
    struct stat st;
    uint8_t *to;

    if (header->version < VERSION_64BIT || (header->xloadflags & XLF_KERNEL_64) == 0)
        return err_set(e, ERR_UNSUPPORTED, "the kernel has no 64-bit entry");
    if (fstat(fd, &st) < 0)
        return err_errno(e, "the kernel");
    if ((uint64_t)st.st_size <= setup * SECTOR + ENTRY_64)
        return err_set(e, ERR_UNSUPPORTED, "the kernel is cut short");
    if (at > memory->low || header->init_size > memory->low - at)
        return too_small(memory, at + header->init_size, e);
    to = memory_write_at(memory, at, (uint64_t)st.st_size - setup * SECTOR);
    if (to == NULL)
        return too_small(memory, at + (uint64_t)st.st_size, e);
    if (io_pread(fd, to, (size_t)st.st_size - setup * SECTOR, setup * SECTOR, e) < 0)
        return -1;
    kernel->entry = at + ENTRY_64;
    kernel->end = at + header->init_size;
    return 0;
}
