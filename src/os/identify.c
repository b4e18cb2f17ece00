// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * identify.c: family, name, architecture and kernel of the system in a tree. One set of rules for
 * filesystems, folders and the outline of an archive. The first family whose signs are there is it.
 */
#include "os/identify.h"
#include "core/cleanup.h"
#include "os/newest_kernel.h"
#include "os/release.h"

#include <elf.h>
#include <limits.h>
#include <string.h>
#include <strings.h>

#define RELEASE_MAX ((size_t)64 * 1024)

/* ---- looking things up ---- */

static bool exists(struct tree *tree, const char *path)
{
    _cleanup_free_ char *found = NULL;
    struct err ignored;

    return tree_find(tree, path, &found, &ignored) == 0;
}

struct name_search {
    const char *wanted;
    char found[NAME_MAX + 1];
};

static int match_name(void *arg, const char *name, enum tree_type type)
{
    struct name_search *search = arg;

    (void)type;
    if (strcasecmp(name, search->wanted) != 0)
        return 0;
    snprintf(search->found, sizeof(search->found), "%s", name);
    return 1;
}

/* As exists, for the filesystems of Windows: upper and lower case are the same. */
static bool exists_nocase(struct tree *tree, const char *path)
{
    char real[PATH_MAX] = "", copy[PATH_MAX], *next = copy, *part;
    struct err ignored;

    snprintf(copy, sizeof(copy), "%s", path);
    while ((part = strsep(&next, "/")) != NULL) {
        struct name_search search = {.wanted = part};
        size_t len = strlen(real);

        if (tree_list(tree, real, match_name, &search, &ignored) != 1)
            return false;
        snprintf(real + len, sizeof(real) - len, "%s%s", len > 0 ? "/" : "", search.found);
    }
    return true;
}

/* ---- the architecture ---- */

/* Debian's names for what an ELF header says (System V ABI, e_machine). */
static const struct {
    unsigned machine, class;
    const char *arch;
} architectures[] = {
    {EM_X86_64, ELFCLASS64, "amd64"}, {EM_X86_64, ELFCLASS32, "x32"},
    {EM_386, ELFCLASS32, "i386"},     {EM_AARCH64, ELFCLASS64, "arm64"},
    {EM_ARM, ELFCLASS32, "arm"},      {EM_RISCV, ELFCLASS64, "riscv64"},
    {EM_PPC64, ELFCLASS64, "ppc64"},  {EM_S390, ELFCLASS64, "s390x"},
    {EM_MIPS, ELFCLASS64, "mips64"},  {EM_LOONGARCH, ELFCLASS64, "loong64"},
};

static const char *elf_architecture(const unsigned char *head, size_t len)
{
    unsigned machine;

    if (len < 20 || memcmp(head, ELFMAG, SELFMAG) != 0)
        return NULL;
    machine = head[EI_DATA] == ELFDATA2MSB ? (unsigned)head[18] << 8 | head[19]
                                           : (unsigned)head[19] << 8 | head[18];
    for (size_t i = 0; i < sizeof(architectures) / sizeof(architectures[0]); i++)
        if (architectures[i].machine == machine && architectures[i].class == head[EI_CLASS])
            return architectures[i].arch;
    return "unknown";
}

static const char *architecture(struct tree *tree)
{
    static const char *const programs[] = {"bin/sh",      "usr/bin/sh", "usr/bin/env",
                                           "bin/busybox", "bin/cat",    "boot/kernel/kernel"};

    for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++) {
        _cleanup_free_ char *path = NULL;
        unsigned char head[64];
        struct err ignored;
        const char *arch;
        size_t got = 0;

        if (tree_find(tree, programs[i], &path, &ignored) < 0 ||
            tree_read(tree, path, head, sizeof(head), 0, &got, &ignored) < 0)
            continue;
        arch = elf_architecture(head, got);
        if (arch != NULL)
            return arch;
    }
    return NULL;
}

/* ---- the families ---- */

/* Reads os-release; false when there is none. */
static bool read_release(struct tree *tree, struct release *release)
{
    static const char *const places[] = {"etc/os-release", "usr/lib/os-release"};

    for (size_t i = 0; i < 2; i++) {
        _cleanup_free_ char *text = NULL;
        struct err ignored;
        size_t len;

        if (tree_read_file(tree, places[i], RELEASE_MAX, &text, &len, &ignored) == 0 &&
            release_parse(text, len, release, &ignored) == 0)
            return true;
    }
    return false;
}

static bool is_bsd_id(const char *id)
{
    static const char *const ids[] = {"freebsd",      "openbsd",  "netbsd",
                                      "dragonflybsd", "ghostbsd", "midnightbsd"};

    for (size_t i = 0; id != NULL && i < sizeof(ids) / sizeof(ids[0]); i++)
        if (strcasecmp(id, ids[i]) == 0)
            return true;
    return false;
}

/* Files that only one family has, with the name for a system that has no os-release. */
static const struct {
    const char *family, *path, *os;
} signs[] = {
    {FAMILY_BSD, "bin/freebsd-version", "FreeBSD"},
    {FAMILY_BSD, "boot/kernel/kernel", "FreeBSD"},
    {FAMILY_BSD, "bsd.rd", "OpenBSD"},
    {FAMILY_BSD, "bsd", "OpenBSD"},
    {FAMILY_BSD, "netbsd", "NetBSD"},
    {FAMILY_LINUX, "etc/debian_version", "Debian"},
    {FAMILY_LINUX, "etc/redhat-release", "Linux"},
    {FAMILY_LINUX, "etc/alpine-release", "Alpine Linux"},
    {FAMILY_LINUX, "lib/modules", "Linux"},
    {FAMILY_LINUX, "usr/lib/modules", "Linux"},
    {FAMILY_LINUX, "boot/vmlinuz", "Linux"},
};

/* The version of the kernel that boots, a new string, or NULL. */
static char *kernel_version(struct tree *tree)
{
    struct newest_kernel found;
    struct err ignored;
    char *version;

    if (newest_kernel_find(tree, &found, &ignored) < 0)
        return NULL;
    version = steal(found.version);
    newest_kernel_free(&found);
    return version;
}

/* Family and the name for people, by os-release first and by signs else. */
static void find_family(struct tree *tree, const struct release *release, bool has_release,
                        const char *kernel, const char **family, const char **os)
{
    *family = FAMILY_OTHER;
    *os = "unknown";
    if (exists_nocase(tree, "windows/system32/ntoskrnl.exe")) {
        *family = FAMILY_WINDOWS;
        *os = "Windows";
        return;
    }
    if (kernel != NULL || has_release) {
        *family = FAMILY_LINUX;
        *os = "Linux";
    }
    for (size_t i = 0; i < sizeof(signs) / sizeof(signs[0]); i++) {
        if (!exists(tree, signs[i].path))
            continue;
        *family = signs[i].family;
        *os = signs[i].os;
        break;
    }
    if (has_release && is_bsd_id(release->id))
        *family = FAMILY_BSD;
    if (has_release && release->pretty_name != NULL)
        *os = release->pretty_name;
    else if (has_release && release->name != NULL)
        *os = release->name;
}

static int copy_to(char **to, const char *text, struct err *e)
{
    if (text == NULL)
        return 0;
    *to = strdup(text);
    return *to != NULL ? 0 : err_no_memory(e);
}

int identify(struct tree *tree, struct identity *identity, struct err *e)
{
    struct tree_entry root;
    struct release release = {0};
    bool has_release;
    const char *family, *os;
    int result;

    *identity = (struct identity){0};
    if (tree_stat(tree, "", &root, e) < 0)
        return err_wrap(e, "looking for a system");
    has_release = read_release(tree, &release);
    identity->kernel = kernel_version(tree);
    find_family(tree, &release, has_release, identity->kernel, &family, &os);
    result = copy_to(&identity->family, family, e);
    if (result == 0)
        result = copy_to(&identity->os, os, e);
    if (result == 0)
        result = copy_to(&identity->version, release.version_id, e);
    if (result == 0)
        result = copy_to(&identity->arch, architecture(tree), e);
    release_free(&release);
    if (result < 0)
        identity_free(identity);
    return result;
}

void identity_free(struct identity *identity)
{
    free(identity->family);
    free(identity->os);
    free(identity->version);
    free(identity->arch);
    free(identity->kernel);
    *identity = (struct identity){0};
}
