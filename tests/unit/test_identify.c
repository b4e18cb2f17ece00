// SPDX-License-Identifier: GPL-3.0-or-later
/* test_identify.c: which system a few files make, seen through the outline of an archive. */
#include "os/identify.h"
#include "os/outline.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* The first bytes of a program for the machine with that number (ELF, e_machine). */
#define ELF(class, machine) "\177ELF" class "\1\1\0\0\0\0\0\0\0\0\0\2\0" machine "\0"

struct file {
    const char *path, *content, *target;
    size_t len;
};

#define FILE_OF(path, content)                                                                     \
    {                                                                                              \
        path, content, NULL, sizeof(content) - 1                                                   \
    }
#define LINK(path, target)                                                                         \
    {                                                                                              \
        path, NULL, target, 0                                                                      \
    }

static struct identity identify_files(const struct file *files, size_t n)
{
    struct err e = {0};
    struct tree *outline = outline_new(&e);
    struct identity identity;

    for (size_t i = 0; i < n; i++) {
        struct tree_entry entry = {.path = files[i].path, .mode = 0644, .size = files[i].len};
        struct tree_bytes bytes;
        struct tree_source *content = tree_bytes(&bytes, files[i].content, files[i].len);

        entry.type = files[i].target != NULL ? TREE_SYMLINK : TREE_FILE;
        entry.target = files[i].target;
        if (outline_add(outline, &entry, entry.type == TREE_FILE ? content : NULL, &e) < 0)
            fail_msg("%s", e.text);
    }
    if (identify(outline, &identity, &e) < 0)
        fail_msg("%s", e.text);
    tree_close(outline);
    return identity;
}

#define IDENTIFY(...)                                                                              \
    identify_files((const struct file[]){__VA_ARGS__},                                             \
                   sizeof((const struct file[]){__VA_ARGS__}) / sizeof(struct file))

static void debian_through_merged_usr(void **state)
{
    struct identity id = IDENTIFY(
        LINK("bin", "usr/bin"), LINK("usr/bin/sh", "dash"),
        FILE_OF("usr/bin/dash", ELF("\2", "\x3e")), LINK("etc/os-release", "../usr/lib/os-release"),
        FILE_OF("usr/lib/os-release", "ID=debian\nVERSION_ID=12\nPRETTY_NAME=\"Debian 12\"\n"),
        FILE_OF("boot/vmlinuz-6.1.0-9-amd64", "x"), FILE_OF("boot/vmlinuz-6.1.0-13-amd64", "x"));

    (void)state;
    assert_string_equal(id.family, FAMILY_LINUX);
    assert_string_equal(id.os, "Debian 12");
    assert_string_equal(id.version, "12");
    assert_string_equal(id.arch, "amd64");
    assert_string_equal(id.kernel, "6.1.0-13-amd64");
    identity_free(&id);
}

static void a_linux_needs_no_os_release(void **state)
{
    struct identity id = IDENTIFY(FILE_OF("boot/vmlinuz-5.10.0", "x"));

    (void)state;
    assert_string_equal(id.family, FAMILY_LINUX);
    assert_null(id.arch);
    identity_free(&id);
}

static void other_processors_are_told_apart(void **state)
{
    struct identity arm = IDENTIFY(FILE_OF("bin/sh", ELF("\2", "\xb7")));
    struct identity i386 = IDENTIFY(FILE_OF("bin/sh", ELF("\1", "\x03")));

    (void)state;
    assert_string_equal(arm.arch, "arm64");
    assert_string_equal(i386.arch, "i386");
    identity_free(&arm);
    identity_free(&i386);
}

static void freebsd_is_a_bsd(void **state)
{
    struct identity id = IDENTIFY(FILE_OF("bin/freebsd-version", "#!/bin/sh\n"),
                                  FILE_OF("etc/os-release", "ID=freebsd\nNAME=FreeBSD\n"),
                                  FILE_OF("boot/kernel/kernel", ELF("\2", "\x3e")));

    (void)state;
    assert_string_equal(id.family, FAMILY_BSD);
    assert_string_equal(id.os, "FreeBSD");
    assert_string_equal(id.arch, "amd64");
    identity_free(&id);
}

static void openbsd_is_known_by_its_kernel(void **state)
{
    struct identity id = IDENTIFY(FILE_OF("bsd.rd", "x"), FILE_OF("bsd", "x"));

    (void)state;
    assert_string_equal(id.family, FAMILY_BSD);
    assert_string_equal(id.os, "OpenBSD");
    identity_free(&id);
}

static void windows_in_any_case(void **state)
{
    struct identity id = IDENTIFY(FILE_OF("WINDOWS/system32/NTOSKRNL.EXE", "MZ"));

    (void)state;
    assert_string_equal(id.family, FAMILY_WINDOWS);
    identity_free(&id);
}

static void a_claim_in_a_files_name_is_no_system(void **state)
{
    struct identity id = IDENTIFY(FILE_OF("linux.txt", "ID=debian"), FILE_OF("etc/motd", "Debian"));

    (void)state;
    assert_string_equal(id.family, FAMILY_OTHER);
    assert_string_equal(id.os, "unknown");
    identity_free(&id);
}

static void a_link_that_leads_nowhere_is_no_error(void **state)
{
    struct identity id = IDENTIFY(LINK("etc/os-release", "../../../../etc/passwd"),
                                  LINK("bin/sh", "sh"), FILE_OF("etc/debian_version", "12.5\n"));

    (void)state;
    assert_string_equal(id.family, FAMILY_LINUX);
    assert_null(id.arch);
    identity_free(&id);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(debian_through_merged_usr),
        cmocka_unit_test(a_linux_needs_no_os_release),
        cmocka_unit_test(other_processors_are_told_apart),
        cmocka_unit_test(freebsd_is_a_bsd),
        cmocka_unit_test(openbsd_is_known_by_its_kernel),
        cmocka_unit_test(windows_in_any_case),
        cmocka_unit_test(a_claim_in_a_files_name_is_no_system),
        cmocka_unit_test(a_link_that_leads_nowhere_is_no_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
