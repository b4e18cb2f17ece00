// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * boot.c: the first megabyte: descriptor table, page tables, boot parameters, command line; the
 * initrd at the top of the memory below the hole.
 */
#include "hypervisor/boot.h"
#include "hypervisor/kernel.h"
#include "hypervisor/machine.h"

#include "core/io.h"

#include <stddef.h>
#include <string.h>

#define LOADER_UNKNOWN 0xff
#define HUGE_PAGE      ((uint64_t)2 << 20)
#define ENTRIES        512  /* of a page table */
#define TABLES_4GIB    4    /* page directories that map 4 GiB */
#define PAGE_TABLE     0x03 /* present, writable */
#define PAGE_HUGE      0x83
#define SETUP_SEED     9 /* SETUP_RNG_SEED, from Linux 6.0 on */
#define RAM            1
#define RESERVED       2
#define KASLR_FLAG_BIT 0x02 /* boot_params.hdr.loadflags: its place is random */

/* Flat code and data segments at 0x10 and 0x18. */
static int write_descriptors(const struct memory *memory)
{
    static const uint64_t table[] = {0, 0, 0x00af9b000000ffff, 0x00cf93000000ffff};

    return memory_put(memory, BOOT_GDT, table, sizeof(table)) ? 0 : -1;
}

/* The first 4 GiB, each address itself. */
static int write_page_tables(const struct memory *memory)
{
    uint64_t *tables = memory_write_at(memory, BOOT_PAGE_TABLES, (2 + TABLES_4GIB) * MEMORY_PAGE);
    uint64_t *pointers, *directories;

    if (tables == NULL)
        return -1;
    memset(tables, 0, (size_t)2 * MEMORY_PAGE);
    pointers = tables + ENTRIES;
    directories = pointers + ENTRIES;
    tables[0] = (BOOT_PAGE_TABLES + MEMORY_PAGE) | PAGE_TABLE;
    for (uint64_t i = 0; i < TABLES_4GIB; i++)
        pointers[i] = (BOOT_PAGE_TABLES + (2 + i) * MEMORY_PAGE) | PAGE_TABLE;
    for (uint64_t i = 0; i < TABLES_4GIB * ENTRIES; i++)
        directories[i] = i * HUGE_PAGE | PAGE_HUGE;
    return 0;
}

static void add_range(struct boot_params *params, uint64_t start, uint64_t end, uint32_t type)
{
    struct boot_e820_entry *entry = &params->e820_table[params->e820_entries];

    if (end <= start)
        return;
    params->e820_entries++;
    entry->addr = start;
    entry->size = end - start;
    entry->type = type;
}

static void fill_map(struct boot_params *params, const struct memory *memory)
{
    add_range(params, 0, LOW_RAM_END, RAM);
    add_range(params, LOW_RAM_END, 0xa0000, RESERVED);
    add_range(params, ACPI_TABLES, HIGH_RAM_START, RESERVED);
    add_range(params, HIGH_RAM_START, memory->low, RAM);
    add_range(params, ECAM_BASE, ECAM_BASE + ECAM_BYTES, RESERVED);
    add_range(params, HOLE_END, HOLE_END + (memory->bytes - memory->low), RAM);
}

/* At the top of the low memory, on a page. Returns its address, 0 on failure. */
static uint64_t load_initrd(const struct memory *memory, int fd, uint64_t *bytes, struct err *e)
{
    struct stat st;
    uint64_t at;
    void *to;

    if (fstat(fd, &st) < 0) {
        err_errno(e, "the initrd");
        return 0;
    }
    *bytes = (uint64_t)st.st_size;
    at = *bytes < memory->low ? (memory->low - *bytes) / MEMORY_PAGE * MEMORY_PAGE : 0;
    to = at > HIGH_RAM_START ? memory_write_at(memory, at, *bytes) : NULL;
    if (to == NULL) {
        err_set(e, ERR_NO_SPACE, "the initrd of %llu MiB does not fit into the guest's memory",
                (unsigned long long)(*bytes >> 20) + 1);
        err_hint(e, "give it more with --memory");
        return 0;
    }
    return io_pread(fd, to, *bytes, 0, e) < 0 ? 0 : at;
}

static int write_seed(const struct memory *memory, const uint8_t *seed)
{
    const struct setup_data head = {.type = SETUP_SEED, .len = BOOT_SEED_BYTES};

    if (!memory_put(memory, BOOT_SETUP_DATA, &head, sizeof(head)) ||
        !memory_put(memory, BOOT_SETUP_DATA + sizeof(head), seed, BOOT_SEED_BYTES))
        return -1;
    return 0;
}

static int write_params(const struct memory *memory, const struct boot_files *files,
                        const struct kernel *kernel, uint64_t initrd, uint64_t initrd_bytes,
                        struct err *e)
{
    struct boot_params params = {.hdr = kernel->header, .acpi_rsdp_addr = ACPI_TABLES};
    size_t line = strlen(files->command_line) + 1;

    if (params.hdr.cmdline_size != 0 && line > params.hdr.cmdline_size)
        return err_set(e, ERR_USAGE, "the kernel takes a command line of %u characters, not %zu",
                       params.hdr.cmdline_size, line - 1);
    params.hdr.type_of_loader = LOADER_UNKNOWN;
    params.hdr.loadflags |= LOADED_HIGH;
    if (kernel->randomized)
        params.hdr.loadflags |= KASLR_FLAG_BIT;
    params.hdr.cmd_line_ptr = BOOT_COMMAND_LINE;
    params.hdr.ramdisk_image = (uint32_t)initrd;
    params.hdr.ramdisk_size = (uint32_t)initrd_bytes;
    params.hdr.setup_data = BOOT_SETUP_DATA;
    fill_map(&params, memory);
    if (!memory_put(memory, BOOT_PARAMS, &params, sizeof(params)) ||
        !memory_put(memory, BOOT_COMMAND_LINE, files->command_line, line) ||
        write_descriptors(memory) < 0 || write_page_tables(memory) < 0 ||
        write_seed(memory, files->seed) < 0)
        return err_set(e, ERR_FAILED, "the guest's first megabyte is not memory");
    return 0;
}

static uint64_t number(const uint8_t *seed)
{
    uint64_t value;

    memcpy(&value, seed, sizeof(value));
    return value;
}

static bool has_word(const char *line, const char *word)
{
    size_t n = strlen(word);

    for (const char *at = strstr(line, word); at != NULL; at = strstr(at + 1, word))
        if ((at == line || at[-1] == ' ') && (at[n] == '\0' || at[n] == ' '))
            return true;
    return false;
}

static int load_kernel(const struct memory *memory, const struct boot_files *files, uint64_t limit,
                       struct kernel *kernel, struct err *e)
{
    struct kernel_place place = {.wanted = !has_word(files->command_line, "nokaslr"),
                                 .physical = number(files->place),
                                 .virtual = number(files->place + sizeof(uint64_t))};
    int packed = bzimage_header(files->kernel, &kernel->header, e);

    if (packed < 0)
        return -1;
    if (packed > 0 && files->payload < 0)
        return bzimage_load(memory, files->kernel, kernel, e);
    if (packed == 0)
        memset(&kernel->header, 0, sizeof(kernel->header));
    return elf_load(memory, packed > 0 ? files->payload : files->kernel, &place, limit, kernel, e);
}

int boot_load(const struct memory *memory, const struct boot_files *files, struct cpu_start *start,
              struct err *e)
{
    struct kernel kernel = {.randomized = false};
    uint64_t initrd = 0, bytes = 0;

    if (files->initrd >= 0) {
        initrd = load_initrd(memory, files->initrd, &bytes, e);
        if (initrd == 0)
            return -1;
    }
    if (load_kernel(memory, files, initrd != 0 ? initrd : memory->low, &kernel, e) < 0)
        return -1;
    if (initrd != 0 && kernel.end > initrd) {
        err_set(e, ERR_NO_SPACE, "kernel and initrd do not fit into %llu MiB of memory",
                (unsigned long long)(memory->bytes >> 20));
        return err_hint(e, "give it more with --memory");
    }
    *start = (struct cpu_start){.entry = kernel.entry,
                                .boot_params = BOOT_PARAMS,
                                .stack = BOOT_STACK,
                                .page_tables = BOOT_PAGE_TABLES,
                                .gdt = BOOT_GDT};
    return write_params(memory, files, &kernel, initrd, bytes, e);
}
