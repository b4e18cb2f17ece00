// SPDX-License-Identifier: GPL-3.0-or-later
/* What is packed in a bzImage: every packing, what is damaged, what is none. */
#include "core/io.h"
#include "os/kernel_payload.h"
#include "tree/libarchive.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <elf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define SETUP_SECTORS 3
#define PAYLOAD_AT    64 /* behind the setup sectors */
#define ELF_BYTES     300000

static uint8_t elf[ELF_BYTES];

static void fill_elf(void)
{
    uint32_t random = 1;

    for (size_t i = 0; i < sizeof(elf); i++) {
        random = random * 1103515245 + 12345;
        elf[i] = (uint8_t)(random >> 16);
    }
    memcpy(elf, ELFMAG, SELFMAG);
}

static void put32(int fd, uint64_t at, uint32_t value)
{
    struct err e;

    assert_int_equal(io_pwrite(fd, &value, sizeof(value), at, &e), 0);
}

/* A bzImage in memory with the packed bytes, and behind them their unpacked size. */
static int bzimage(const void *packed, size_t bytes, bool with_size)
{
    int fd = memfd_create("kernel", 0);
    uint64_t start = (SETUP_SECTORS + 1) * 512 + PAYLOAD_AT;
    uint8_t sectors = SETUP_SECTORS;
    struct err e;

    assert_int_equal(io_pwrite(fd, packed, bytes, start, &e), 0);
    if (with_size)
        put32(fd, start + bytes, ELF_BYTES);
    assert_int_equal(io_pwrite(fd, &sectors, 1, 0x1f1, &e), 0);
    assert_int_equal(io_pwrite(fd, "HdrS", 4, 0x202, &e), 0);
    put32(fd, 0x206, 0x020f);
    put32(fd, 0x248, PAYLOAD_AT);
    put32(fd, 0x24c, (uint32_t)(bytes + (with_size ? 4 : 0)));
    assert_int_equal(ftruncate(fd, (off_t)(start + bytes + 4096)), 0);
    return fd;
}

/* Packs the ELF with a filter of libarchive; the caller frees it. */
static uint8_t *pack(int (*add_filter)(struct archive *), size_t *bytes)
{
    struct archive *archive = archive_write_new();
    struct archive_entry *entry = archive_entry_new();
    uint8_t *packed = malloc(2 * ELF_BYTES);

    assert_int_equal(add_filter(archive), ARCHIVE_OK);
    archive_write_set_format_raw(archive);
    archive_write_set_bytes_in_last_block(archive, 1);
    archive_write_open_memory(archive, packed, 2 * ELF_BYTES, bytes);
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_write_header(archive, entry);
    assert_int_equal(archive_write_data(archive, elf, sizeof(elf)), ELF_BYTES);
    archive_write_close(archive);
    archive_write_free(archive);
    archive_entry_free(entry);
    return packed;
}

static void unpacks(int kernel)
{
    int out = memfd_create("out", 0);
    uint8_t *back = malloc(ELF_BYTES);
    struct err e;

    assert_int_equal(kernel_payload_unpack(kernel, out, &e), 1);
    assert_int_equal(lseek(out, 0, SEEK_END), ELF_BYTES);
    assert_int_equal(io_pread(out, back, ELF_BYTES, 0, &e), 0);
    assert_memory_equal(back, elf, ELF_BYTES);
    free(back);
    close(out);
    close(kernel);
}

static void every_packing_is_unpacked(void **state)
{
    static int (*const filters[])(struct archive *) = {
        archive_write_add_filter_gzip, archive_write_add_filter_xz, archive_write_add_filter_zstd,
        archive_write_add_filter_lz4, archive_write_add_filter_bzip2};

    (void)state;
    for (size_t i = 0; i < sizeof(filters) / sizeof(filters[0]); i++) {
        size_t bytes;
        uint8_t *packed = pack(filters[i], &bytes);

        unpacks(bzimage(packed, bytes, i > 0)); /* gzip has the size in its own last bytes */
        free(packed);
    }
}

/* The form of LZ4 that the kernel's build uses: blocks of 8 MiB in the "legacy" frame. */
static void legacy_lz4_is_unpacked(void **state)
{
    uint8_t *packed = malloc(ELF_BYTES + ELF_BYTES / 255 + 64), *at = packed;
    uint32_t magic = 0x184c2102, block;
    size_t left = ELF_BYTES - 15;

    (void)state;
    memcpy(at, &magic, 4);
    at += 8;      /* the block's size comes later */
    *at++ = 0xf0; /* literals only: 15 and as many 255s as it takes */
    for (; left >= 255; left -= 255)
        *at++ = 255;
    *at++ = (uint8_t)left;
    memcpy(at, elf, ELF_BYTES);
    at += ELF_BYTES;
    block = (uint32_t)(at - packed - 8);
    memcpy(packed + 4, &block, 4);
    unpacks(bzimage(packed, (size_t)(at - packed), true));
    free(packed);
}

static void damage_is_found(void **state)
{
    size_t bytes;
    uint8_t *packed = pack(archive_write_add_filter_xz, &bytes);
    int kernel, out = memfd_create("out", 0);
    struct err e;

    (void)state;
    packed[bytes / 4 * 3] ^= 0x10;
    kernel = bzimage(packed, bytes, true);
    assert_int_equal(kernel_payload_unpack(kernel, out, &e), -1);
    assert_int_equal(e.code, ERR_VERIFY);
    close(kernel);
    packed[bytes / 4 * 3] ^= 0x10;
    kernel = bzimage(packed, bytes / 2, true); /* cut short */
    assert_int_equal(kernel_payload_unpack(kernel, out, &e), -1);
    close(kernel);
    close(out);
    free(packed);
}

static void what_is_no_bzimage_is_left_alone(void **state)
{
    int kernel = memfd_create("kernel", 0), out = memfd_create("out", 0);
    struct err e;

    (void)state;
    assert_int_equal(kernel_payload_unpack(kernel, out, &e), 0);
    assert_int_equal(io_pwrite(kernel, elf, sizeof(elf), 0, &e), 0);
    assert_int_equal(kernel_payload_unpack(kernel, out, &e), 0);
    close(kernel);
    kernel = bzimage("not packed at all, but long enough to look at", 44, true);
    assert_int_equal(kernel_payload_unpack(kernel, out, &e), 0);
    put32(kernel, 0x248, 0xfffffff0); /* the payload would be far outside */
    assert_int_equal(kernel_payload_unpack(kernel, out, &e), 0);
    put32(kernel, 0x24c, 0xffffffff);
    assert_int_equal(kernel_payload_unpack(kernel, out, &e), 0);
    assert_int_equal(lseek(out, 0, SEEK_END), 0);
    close(kernel);
    close(out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_packing_is_unpacked),
        cmocka_unit_test(legacy_lz4_is_unpacked),
        cmocka_unit_test(damage_is_found),
        cmocka_unit_test(what_is_no_bzimage_is_left_alone),
    };
    struct err e;

    fill_elf();
    if (libarchive_load(&e) < 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
