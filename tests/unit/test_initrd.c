// SPDX-License-Identifier: GPL-3.0-or-later
/* What is in an initrd: every packing, several archives, what is cut off, lies or damaged. */
#include "core/cleanup.h"
#include "newc.h"
#include "os/initrd.h"
#include "tree/libarchive.h"

static struct err e;

static struct made plain, packed;

static void pack(struct made *to, int (*filter)(struct archive *), const struct made *from)
{
    struct archive *archive = archive_write_new();
    struct archive_entry *entry = archive_entry_new();
    size_t used = 0;

    assert_int_equal(filter(archive), ARCHIVE_OK);
    archive_write_set_format_raw(archive);
    archive_write_set_bytes_in_last_block(archive, 1);
    archive_write_open_memory(archive, to->bytes + to->n, ROOM - to->n, &used);
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_write_header(archive, entry);
    assert_int_equal(archive_write_data(archive, from->bytes, from->n), from->n);
    archive_write_close(archive);
    archive_write_free(archive);
    archive_entry_free(entry);
    to->n += used;
}

/* ---- what a walk says: "path=content " of each file, "path/ " of all else ---- */

static char said[4096];

static int wants(void *arg, const struct initrd_entry *entry)
{
    return strcmp(entry->path, arg) != 0;
}

static int note(void *arg, const struct initrd_entry *entry, struct err *ignored)
{
    size_t fill = strlen(said);

    (void)arg;
    (void)ignored;
    snprintf(said + fill, sizeof(said) - fill, "%s%s%s ", entry->path,
             (entry->mode & 0170000) == 0100000 ? "=" : "/",
             entry->data != NULL ? (const char *)entry->data : "");
    return 0;
}

static int walk(const struct made *m, size_t n)
{
    static char unwanted[] = "unwanted";
    const struct initrd_visitor visitor = {.wants = wants, .visit = note, .arg = unwanted};
    /* of the exact size, so that a sanitizer sees what reads beyond */
    _cleanup_free_ uint8_t *bytes = malloc(n > 0 ? n : 1);

    assert_non_null(bytes);
    memcpy(bytes, m->bytes, n);
    said[0] = '\0';
    return initrd_walk(bytes, n, &visitor, &e);
}

static void says(const struct made *m, const char *expected)
{
    assert_int_equal(walk(m, m->n), 0);
    assert_string_equal(said, expected);
}

static int start_both(void **state)
{
    (void)state;
    plain.n = packed.n = 0;
    put_entry(&plain, ".", 040755, "", 0);
    put_entry(&plain, "./a", 040755, "", 0);
    put_file(&plain, "a/file", "text");
    put_file(&plain, "/unwanted", "more");
    put_file(&plain, "empty", "");
    put_entry(&plain, "lib", 0120777, "usr/lib", 7);
    put_end(&plain);
    return 0;
}

#define ALL "/ a/ a/file=text unwanted= empty= lib/ "

static void a_plain_archive_is_walked(void **state)
{
    (void)state;
    says(&plain, ALL);
    assert_int_equal(walk(&plain, 0), 0);
    assert_string_equal(said, "");
}

static int (*const filters[])(struct archive *) = {
    archive_write_add_filter_gzip, archive_write_add_filter_xz,   archive_write_add_filter_zstd,
    archive_write_add_filter_lz4,  archive_write_add_filter_lzma, archive_write_add_filter_bzip2};

static void every_packing_is_walked(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(filters) / sizeof(filters[0]); i++) {
        packed.n = 0;
        pack(&packed, filters[i], &plain);
        says(&packed, ALL);
    }
}

/* "lz4 -l", as initramfs-tools packs: one block of literals. */
static void the_old_form_of_lz4_is_walked(void **state)
{
    uint8_t head[8] = {0x02, 0x21, 0x4c, 0x18};
    size_t left = plain.n - 15, block;

    (void)state;
    put(&packed, head, 8);
    put(&packed, "\xf0", 1);
    for (; left >= 255; left -= 255)
        put(&packed, "\xff", 1);
    put(&packed, &(uint8_t){(uint8_t)left}, 1);
    put(&packed, plain.bytes, plain.n);
    block = packed.n - 8;
    for (int i = 0; i < 4; i++)
        packed.bytes[4 + i] = (uint8_t)(block >> 8 * i);
    says(&packed, ALL);
}

static void a_packed_archive_behind_plain_ones_is_walked(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(filters) / sizeof(filters[0]); i++) {
        packed.n = 0;
        put_file(&packed, "kernel/x86/microcode", "code");
        put_end(&packed);
        put_file(&packed, "early", "module");
        put_end(&packed);
        pack(&packed, filters[i], &plain);
        says(&packed, "kernel/x86/microcode=code early=module " ALL);
    }
}

static void archives_inside_a_packed_one_are_walked(void **state)
{
    (void)state;
    put_file(&plain, "second", "2");
    put_end(&plain);
    pack(&packed, archive_write_add_filter_zstd, &plain);
    says(&packed, ALL "second=2 ");
}

static void what_stands_behind_a_gzip_is_walked(void **state)
{
    (void)state;
    pack(&packed, archive_write_add_filter_gzip, &plain);
    pad(&packed, 4);
    put_file(&packed, "behind", "it");
    put_end(&packed);
    says(&packed, ALL "behind=it ");
}

/* The kernel unpacks what it knows, and boots. */
static void rubbish_behind_a_packed_archive_is_passed_over(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(filters) / sizeof(filters[0]); i++) {
        char rubbish[4096];

        packed.n = 0;
        pack(&packed, filters[i], &plain);
        pad(&packed, 4);
        memset(rubbish, 'x', sizeof(rubbish));
        put(&packed, rubbish, sizeof(rubbish));
        (void)walk(&packed, packed.n);
        if (i == 0)
            assert_string_equal(said, ALL);
    }
}

static void fails(size_t n, enum err_code code)
{
    assert_int_equal(walk(&packed, n), -1);
    assert_int_equal(e.code, code);
}

static void what_is_cut_off_is_damaged(void **state)
{
    (void)state;
    packed = plain;
    for (size_t n = 1; n < packed.n - 512; n++) {
        int result = walk(&packed, n);

        if (result == 0) /* between two entries */
            assert_int_equal(n % 4, 0);
        else
            assert_int_equal(e.code, ERR_VERIFY);
    }
    for (size_t i = 0; i < sizeof(filters) / sizeof(filters[0]); i++) {
        packed.n = 0;
        pack(&packed, filters[i], &plain);
        fails(packed.n / 2, ERR_VERIFY);
    }
}

static void lengths_that_lie_are_damaged(void **state)
{
    static const char *const lies[] = {"FFFFFFFF", "7FFFFFFF", "00100000", "0000x000", "-0000001"};

    (void)state;
    for (size_t i = 0; i < 2 * sizeof(lies) / sizeof(lies[0]); i++) {
        packed.n = 0;
        put_file(&packed, "file", "text");
        memcpy(packed.bytes + (i % 2 == 0 ? 54 : 94), lies[i / 2], 8); /* of content, of name */
        put_end(&packed);
        fails(packed.n, ERR_VERIFY);
    }
}

static void a_path_without_an_end_is_damaged(void **state)
{
    (void)state;
    put_file(&packed, "file", "text");
    packed.bytes[110 + 4] = '!';
    put_end(&packed);
    fails(packed.n, ERR_VERIFY);
    memcpy(packed.bytes + 94, "00000000", 8);
    fails(packed.n, ERR_VERIFY);
}

/* 512 MiB of zeros in each of five entries, packed into next to nothing. */
static void a_bomb_is_not_unpacked_to_its_end(void **state)
{
    static uint8_t zeros[1 << 20];
    struct archive *archive = archive_write_new();
    struct archive_entry *entry = archive_entry_new();
    size_t used = 0;

    (void)state;
    archive_write_add_filter_zstd(archive);
    archive_write_set_format_raw(archive);
    archive_write_open_memory(archive, packed.bytes, ROOM, &used);
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_write_header(archive, entry);
    for (int i = 0; i < 5; i++) {
        plain.n = 0;
        put_entry(&plain, "bomb", 0100644, "", 512 << 20);
        archive_write_data(archive, plain.bytes, plain.n);
        for (int j = 0; j < 512; j++)
            archive_write_data(archive, zeros, sizeof(zeros));
    }
    archive_write_close(archive);
    archive_write_free(archive);
    archive_entry_free(entry);
    fails(used, ERR_VERIFY);
    assert_string_equal(said, "bomb= bomb= bomb= bomb= ");
}

static void an_unknown_packing_is_named_as_such(void **state)
{
    static const char lzop[] = "\x89LZO\x00\x0d\x0a\x1a\x0a and what follows it in such a file";

    (void)state;
    put(&packed, lzop, sizeof(lzop));
    fails(packed.n, ERR_UNSUPPORTED);
    packed.n = 0;
    put_file(&packed, "early", "module");
    put_end(&packed);
    put(&packed, lzop, sizeof(lzop));
    fails(packed.n, ERR_UNSUPPORTED);
}

static void what_is_packed_twice_is_no_archive(void **state)
{
    static struct made once;

    (void)state;
    once.n = 0;
    put(&once, "text, and not an archive", 24);
    pack(&packed, archive_write_add_filter_gzip, &once);
    fails(packed.n, ERR_VERIFY);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, start_both)
    const struct CMUnitTest tests[] = {
        TEST(a_plain_archive_is_walked),
        TEST(every_packing_is_walked),
        TEST(the_old_form_of_lz4_is_walked),
        TEST(a_packed_archive_behind_plain_ones_is_walked),
        TEST(archives_inside_a_packed_one_are_walked),
        TEST(what_stands_behind_a_gzip_is_walked),
        TEST(rubbish_behind_a_packed_archive_is_passed_over),
        TEST(what_is_cut_off_is_damaged),
        TEST(lengths_that_lie_are_damaged),
        TEST(a_path_without_an_end_is_damaged),
        TEST(a_bomb_is_not_unpacked_to_its_end),
        TEST(an_unknown_packing_is_named_as_such),
        TEST(what_is_packed_twice_is_no_archive),
    };

    if (libarchive_load(&e) < 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
