// SPDX-License-Identifier: GPL-3.0-or-later
/* An ELF kernel goes to a random place, with every absolute address in it following. */
#include "core/io.h"
#include "hypervisor/kernel.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <elf.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define MIB       (1ULL << 20)
#define MEMORY    (256 * MIB)
#define LINKED    0x1000000ULL
#define VIRTUAL   0xffffffff81000000ULL
#define FILE_SIZE 0x3000 /* of the one segment */
#define BYTES     0x5000 /* in memory */
#define SEGMENT   0x1000 /* where it is in the file */
#define ENTRY     0x40

/* Places in the segment, and what is there before. */
#define AT_64  0x100
#define AT_32  0x200
#define AT_NEG 0x300
#define VALUE  (VIRTUAL + 0x1234)

struct file {
    Elf64_Ehdr head;
    Elf64_Phdr segment;
};

static struct memory memory;

static void put(int fd, uint64_t at, const void *data, size_t n)
{
    struct err e;

    assert_int_equal(io_pwrite(fd, data, n, at, &e), 0);
}

/* The words of the three lists, as the kernel's build writes them: see elf.c. */
static int make(const uint32_t *relocations, size_t n)
{
    struct file file = {
        .head = {.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB},
                 .e_machine = EM_X86_64,
                 .e_entry = LINKED + ENTRY,
                 .e_phoff = sizeof(Elf64_Ehdr),
                 .e_phentsize = sizeof(Elf64_Phdr),
                 .e_phnum = 1,
                 .e_shoff = SEGMENT + FILE_SIZE,
                 .e_shentsize = sizeof(Elf64_Shdr),
                 .e_shnum = 1},
        .segment = {.p_type = PT_LOAD,
                    .p_offset = SEGMENT,
                    .p_paddr = LINKED,
                    .p_vaddr = VIRTUAL,
                    .p_filesz = FILE_SIZE,
                    .p_memsz = BYTES}};
    const uint64_t value = VALUE;
    const uint32_t low = (uint32_t)VALUE, negated = (uint32_t)-VALUE;
    const Elf64_Shdr section = {.sh_type = SHT_NULL};
    int fd = memfd_create("kernel", 0);

    put(fd, 0, &file, sizeof(file));
    put(fd, SEGMENT + AT_64, &value, sizeof(value));
    put(fd, SEGMENT + AT_32, &low, sizeof(low));
    put(fd, SEGMENT + AT_NEG, &negated, sizeof(negated));
    put(fd, SEGMENT + FILE_SIZE, &section, sizeof(section));
    if (n > 0)
        put(fd, SEGMENT + FILE_SIZE + sizeof(section), relocations, n * sizeof(*relocations));
    return fd;
}

#define PLACE(at) ((uint32_t)(VIRTUAL + (at)))

static const uint32_t good[] = {0, PLACE(AT_64), 0, PLACE(AT_NEG), 0, PLACE(AT_32)};

static int load(int fd, bool wanted, uint64_t physical, uint64_t virtual, struct kernel *kernel,
                struct err *e)
{
    struct kernel_place place = {wanted, physical, virtual};
    int result;

    memset(kernel, 0, sizeof(*kernel));
    result = elf_load(&memory, fd, &place, MEMORY, kernel, e);
    close(fd);
    return result;
}

static uint64_t number(uint64_t at, unsigned bytes)
{
    uint64_t value = 0;

    assert_true(memory_get(&memory, at, &value, bytes));
    return value;
}

static void every_address_follows(void **state)
{
    struct kernel kernel;
    struct err e;
    uint64_t offset, base;

    (void)state;
    assert_int_equal(load(make(good, 6), true, 5, 7, &kernel, &e), 0);
    assert_true(kernel.randomized);
    base = LINKED + 5 * 2 * MIB;
    offset = 7 * 2 * MIB;
    assert_int_equal(kernel.entry, base + ENTRY);
    assert_int_equal(kernel.end, base + BYTES);
    assert_int_equal(number(base + AT_64, 8), VALUE + offset);
    assert_int_equal(number(base + AT_32, 4), (uint32_t)(VALUE + offset));
    assert_int_equal(number(base + AT_NEG, 4), (uint32_t) - (VALUE + offset));
}

static void it_stays_below_the_limit(void **state)
{
    struct kernel kernel;
    struct err e;

    (void)state;
    for (uint64_t i = 0; i < 1000; i++) {
        assert_int_equal(load(make(good, 6), true, i * 7919, i * 104729, &kernel, &e), 0);
        assert_true(kernel.end <= MEMORY);
        assert_true(number(kernel.entry - ENTRY + AT_64, 8) < VIRTUAL + (1ULL << 30));
    }
}

static void it_stays_where_it_is_linked_when_that_is_wanted(void **state)
{
    struct kernel kernel;
    struct err e;

    (void)state;
    assert_int_equal(load(make(good, 6), false, 5, 7, &kernel, &e), 0);
    assert_false(kernel.randomized);
    assert_int_equal(kernel.entry, LINKED + ENTRY);
    assert_int_equal(number(LINKED + AT_64, 8), VALUE);
    assert_int_equal(load(make(NULL, 0), true, 5, 7, &kernel, &e), 0); /* it has no relocations */
    assert_false(kernel.randomized);
    assert_int_equal(kernel.entry, LINKED + ENTRY);
}

static void what_is_behind_the_file_is_zeros(void **state)
{
    struct kernel kernel;
    struct err e;

    (void)state;
    memset(memory.base + LINKED, 0xff, BYTES);
    assert_int_equal(load(make(good, 6), false, 0, 0, &kernel, &e), 0);
    assert_int_equal(number(LINKED + FILE_SIZE, 8), 0);
    assert_int_equal(number(LINKED + BYTES - 8, 8), 0);
    assert_int_equal(number(LINKED + BYTES, 1), 0);
}

static void relocations_that_point_outside_are_refused(void **state)
{
    static const uint32_t bad[][6] = {
        {0, PLACE(BYTES - 7), 0, PLACE(AT_NEG), 0, PLACE(AT_32)},
        {0, PLACE(AT_64), 0, PLACE(AT_NEG), 0, PLACE(BYTES)},
        {0, PLACE(AT_64), 0, 0x1000, 0, PLACE(AT_32)},
        {0, PLACE(-8ULL), 0, PLACE(AT_NEG), 0, PLACE(AT_32)},
        {1, 1, 1, 1, 1, PLACE(AT_32)},
    };
    struct kernel kernel;
    struct err e;

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(load(make(bad[i], 6), true, 5, 7, &kernel, &e), -1);
        assert_int_equal(e.code, ERR_UNSUPPORTED);
    }
}

/* Every single damaged byte of the headers: loaded or refused, never outside the memory. */
static void damaged_headers_are_survived(void **state)
{
    struct kernel kernel;
    struct err e;

    (void)state;
    for (uint64_t at = 0; at < sizeof(struct file); at++)
        for (unsigned bit = 0; bit < 8; bit++) {
            int fd = make(good, 6);
            uint8_t byte;

            assert_int_equal(io_pread(fd, &byte, 1, at, &e), 0);
            byte ^= (uint8_t)(1 << bit);
            put(fd, at, &byte, 1);
            if (load(fd, true, 5, 7, &kernel, &e) == 0)
                assert_true(kernel.entry < MEMORY && kernel.end <= MEMORY);
        }
}

static int make_memory(void **state)
{
    struct err e;

    (void)state;
    return memory_make(&memory, MEMORY, &e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_address_follows),
        cmocka_unit_test(it_stays_below_the_limit),
        cmocka_unit_test(it_stays_where_it_is_linked_when_that_is_wanted),
        cmocka_unit_test(what_is_behind_the_file_is_zeros),
        cmocka_unit_test(relocations_that_point_outside_are_refused),
        cmocka_unit_test(damaged_headers_are_survived),
    };

    return cmocka_run_group_tests(tests, make_memory, NULL);
}
