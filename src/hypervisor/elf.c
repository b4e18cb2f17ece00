// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * elf.c: an ELF kernel, loaded at a random place.
 *
 * A kernel that unpacks itself chooses that place; entering its ELF would drop that, so it is done
 * here: the segments go to a random physical address, and every absolute address in them gets a
 * random virtual offset. Where they are, the file's tail says: from its end backwards 32-bit words,
 * three lists, each ended by a zero: places of 32-bit addresses, of negated 32-bit ones, and of
 * 64-bit ones. Source: Holmes et al., "KASLR in the age of MicroVMs", EuroSys 2022; Linux
 * arch/x86/boot/compressed/misc.c, handle_relocations().
 */
#include "hypervisor/kernel.h"

#include "core/cleanup.h"
#include "core/io.h"

#include <elf.h>
#include <string.h>

#define ALIGNMENT    ((uint64_t)2 << 20)   /* CONFIG_PHYSICAL_ALIGN */
#define KERNEL_MAP   0xffffffff80000000ULL /* __START_KERNEL_map */
#define IMAGE_SIZE   ((uint64_t)1 << 30)   /* of the window the kernel's addresses are in */
#define SEGMENTS_MAX 16
#define MAGIC        0x53726448
#define BOOT_FLAG    0xaa55
#define BOOT_VERSION 0x020f

struct image {
    int fd;
    uint64_t file_bytes;
    Elf64_Ehdr head;
    Elf64_Phdr segments[SEGMENTS_MAX]; /* PT_LOAD only */
    unsigned n;
    uint64_t low, high;        /* physical addresses it is linked for */
    uint64_t tail, tail_bytes; /* in the file: what is behind the last section */
};

static int refuse(const char *why, struct err *e)
{
    return err_set(e, ERR_UNSUPPORTED, "the kernel's ELF %s", why);
}

static bool within(uint64_t at, uint64_t bytes, uint64_t all)
{
    return at <= all && bytes <= all - at;
}

/* ---- reading it ---- */

static int read_head(struct image *image, struct err *e)
{
    struct stat st;

    if (fstat(image->fd, &st) < 0)
        return err_errno(e, "the kernel");
    image->file_bytes = (uint64_t)st.st_size;
    if (image->file_bytes < sizeof(image->head))
        return refuse("is cut short", e);
    if (io_pread(image->fd, &image->head, sizeof(image->head), 0, e) < 0)
        return -1;
    if (memcmp(image->head.e_ident, ELFMAG, SELFMAG) != 0 ||
        image->head.e_ident[EI_CLASS] != ELFCLASS64 || image->head.e_machine != EM_X86_64 ||
        image->head.e_phentsize != sizeof(Elf64_Phdr))
        return refuse("is not one for this processor", e);
    return 0;
}

static int add_segment(struct image *image, const Elf64_Phdr *segment, struct err *e)
{
    uint64_t end = segment->p_paddr + segment->p_memsz;

    if (segment->p_type != PT_LOAD || segment->p_memsz == 0)
        return 0;
    if (image->n == SEGMENTS_MAX || segment->p_filesz > segment->p_memsz ||
        end < segment->p_paddr || !within(segment->p_offset, segment->p_filesz, image->file_bytes))
        return refuse("has a segment that makes no sense", e);
    image->low = image->n == 0 || segment->p_paddr < image->low ? segment->p_paddr : image->low;
    image->high = end > image->high ? end : image->high;
    image->segments[image->n++] = *segment;
    return 0;
}

static int read_segments(struct image *image, struct err *e)
{
    Elf64_Phdr segment;

    for (unsigned i = 0; i < image->head.e_phnum; i++) {
        uint64_t at = image->head.e_phoff + i * sizeof(segment);

        if (!within(at, sizeof(segment), image->file_bytes))
            return refuse("is cut short", e);
        if (io_pread(image->fd, &segment, sizeof(segment), at, e) < 0 ||
            add_segment(image, &segment, e) < 0)
            return -1;
    }
    if (image->n == 0 || image->low % ALIGNMENT != 0 || image->high > IMAGE_SIZE ||
        image->head.e_entry < image->low || image->head.e_entry >= image->high)
        return refuse("is not a Linux kernel's", e);
    return 0;
}

/* The relocations are what is behind the table of sections, which linkers put last. */
static void find_tail(struct image *image)
{
    uint64_t end = image->head.e_shoff + (uint64_t)image->head.e_shnum * image->head.e_shentsize;

    if (image->head.e_shoff == 0 || end > image->file_bytes)
        end = image->file_bytes;
    image->tail = end;
    image->tail_bytes = (image->file_bytes - end) / sizeof(uint32_t) * sizeof(uint32_t);
}

/* ---- placing it ---- */

/* Where it goes: `physical` is the address of its first byte, `offset` is added to every virtual
 * address. */
struct choice {
    uint64_t physical, offset;
};

static struct choice choose(const struct image *image, const struct kernel_place *place,
                            uint64_t limit)
{
    uint64_t bytes = image->high - image->low;
    struct choice choice = {.physical = image->low};

    if (!place->wanted || image->tail_bytes < 3 * sizeof(uint32_t))
        return choice;
    if (limit > image->low + bytes)
        choice.physical +=
            place->physical % ((limit - image->low - bytes) / ALIGNMENT + 1) * ALIGNMENT;
    choice.offset = place->virtual % ((IMAGE_SIZE - image->low - bytes) / ALIGNMENT + 1) *
                    ALIGNMENT;
    return choice;
}

static int load_segments(const struct image *image, const struct memory *memory, uint64_t shift,
                         struct err *e)
{
    for (unsigned i = 0; i < image->n; i++) {
        const Elf64_Phdr *segment = &image->segments[i];
        uint8_t *to = memory_write_at(memory, segment->p_paddr + shift, segment->p_memsz);

        if (to == NULL)
            return err_set(e, ERR_NO_SPACE, "the kernel does not fit into the guest's memory");
        if (io_pread(image->fd, to, segment->p_filesz, segment->p_offset, e) < 0)
            return -1;
        memset(to + segment->p_filesz, 0, segment->p_memsz - segment->p_filesz);
    }
    return 0;
}

/* ---- relocating it ---- */

struct relocation {
    const uint32_t *words; /* of the tail */
    uint64_t n;            /* words not looked at yet: the next is words[n - 1] */
    uint8_t *image;        /* in the guest's memory */
    uint64_t low, bytes;   /* the physical address it is linked for, and its size */
    uint64_t offset;
};

/* Adds `offset` (negated: subtracts) to the numbers of `width` bytes that one list names. */
static bool relocate_list(struct relocation *r, unsigned width, bool negated)
{
    uint64_t add = negated ? 0 - r->offset : r->offset;

    while (r->n > 0) {
        uint32_t word = r->words[--r->n];
        uint64_t at = (uint64_t)(int64_t)(int32_t)word - (uint64_t)KERNEL_MAP - r->low;
        uint64_t number = 0;

        if (word == 0)
            return true;
        if (!within(at, width, r->bytes))
            return false;
        memcpy(&number, r->image + at, width);
        number += add;
        memcpy(r->image + at, &number, width);
    }
    return false; /* a list without an end */
}

static int relocate(const struct image *image, const struct memory *memory,
                    const struct choice *choice, struct err *e)
{
    _cleanup_free_ uint32_t *words = malloc(image->tail_bytes);
    uint64_t bytes = image->high - image->low;
    struct relocation r = {.words = words,
                           .n = image->tail_bytes / sizeof(*words),
                           .image = memory_write_at(memory, choice->physical, bytes),
                           .low = image->low,
                           .bytes = bytes,
                           .offset = choice->offset};

    if (image->tail_bytes > bytes) /* more places than there are bytes */
        return refuse("has relocations that make no sense", e);
    if (words == NULL)
        return err_no_memory(e);
    if (io_pread(image->fd, words, image->tail_bytes, image->tail, e) < 0)
        return -1;
    if (r.image == NULL || !relocate_list(&r, sizeof(uint32_t), false) ||
        !relocate_list(&r, sizeof(uint32_t), true) || !relocate_list(&r, sizeof(uint64_t), false))
        return refuse("has relocations that make no sense", e);
    return 0;
}

static struct setup_header plain_header(void)
{
    return (struct setup_header){.boot_flag = BOOT_FLAG,
                                 .header = MAGIC,
                                 .version = BOOT_VERSION,
                                 .kernel_alignment = ALIGNMENT,
                                 .cmdline_size = 2047};
}

int elf_load(const struct memory *memory, int fd, const struct kernel_place *place, uint64_t limit,
             struct kernel *kernel, struct err *e)
{
    struct image image = {.fd = fd};
    struct choice choice;

    if (read_head(&image, e) < 0 || read_segments(&image, e) < 0)
        return -1;
    find_tail(&image);
    choice = choose(&image, place, limit);
    if (load_segments(&image, memory, choice.physical - image.low, e) < 0)
        return -1;
    if (choice.offset != 0 && relocate(&image, memory, &choice, e) < 0)
        return -1;
    if (kernel->header.header != MAGIC)
        kernel->header = plain_header();
    kernel->entry = image.head.e_entry - image.low + choice.physical;
    kernel->end = choice.physical + (image.high - image.low);
    kernel->randomized = place->wanted && image.tail_bytes >= 3 * sizeof(uint32_t);
    return 0;
}
