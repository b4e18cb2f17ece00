// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * guest_drivers.c: a jailed child looks through the initrd and the root and writes the archive; the
 * parent keeps it, empty where nothing is missing, and puts a copy behind the initrd.
 *
 * To unpack an initrd takes longer than to start a kernel. So the answer is kept under a name that
 * says who gave it and which initrd it is about: kernel, filesystem, size, and a checksum of a
 * sixteenth of it, since packers leave no byte behind a change as it was. Who deceives that
 * deceives its own guest.
 */
#include "run/guest_drivers.h"
#include "core/cleanup.h"
#include "core/io.h"
#include "core/size.h"
#include "initramfs/initramfs.h"
#include "os/drivers.h"
#include "os/module_index.h"
#include "run/guest_cache.h"
#include "tree/libarchive.h"
#include "tree/tree.h"

#include <string.h>
#include <sys/mman.h>
#include <zlib.h>

#define FOLDER     "drivers"
#define MODULE_MAX ((size_t)64 * MIB)
#define TEXT_MAX   ((size_t)16 * MIB)
#define SAMPLE     ((size_t)4 * KIB) /* of each so many bytes, and the last ones */
#define SAMPLED    (64 * KIB)
#define BEHIND     512 /* the archive begins at a multiple of that, */
#define ZEROS      8   /* behind so many zeros at least: an LZ4 in its old form ends there */
#define CHUNK      ((size_t)1 << 20)

/* One file of the root, read before the jail. */
struct staged {
    char *path, *data;
    size_t len;
};

struct job {
    const struct guest_drivers *drivers;
    const struct boot_files *files;
    const char *fs; /* the name of its module */
    struct staged *staged;
    size_t n_staged;
    int out;
};

/* ---- in the jail ---- */

/* The system's own folder of modules, and what is missing of it. */
struct system {
    const struct job *job;
    struct tree *tree; /* NULL: what is staged */
    struct drivers_initramfs found;
    char *folder, *dep, *builtin;
    struct strings files;
};

static void system_clear(struct system *system)
{
    tree_close(system->tree);
    drivers_initramfs_free(&system->found);
    free(system->folder);
    free(system->dep);
    free(system->builtin);
    strings_clear(&system->files);
}

static int read_staged(const struct job *job, const char *path, char **data, size_t *len,
                       struct err *e)
{
    for (size_t i = 0; i < job->n_staged; i++) {
        if (strcmp(job->staged[i].path, path) != 0)
            continue;
        *data = malloc(job->staged[i].len + 1);
        if (*data == NULL)
            return err_no_memory(e);
        memcpy(*data, job->staged[i].data, job->staged[i].len + 1); /* with its end */
        *len = job->staged[i].len;
        return 0;
    }
    return err_set(e, ERR_NOT_FOUND, "%s", path);
}

static int read_file(const struct system *system, const char *path, size_t max, char **data,
                     size_t *len, struct err *e)
{
    return system->tree != NULL ? tree_read_file(system->tree, path, max, data, len, e)
                                : read_staged(system->job, path, data, len, e);
}

/* A listing of the modules; empty where there is none. */
static char *read_listing(const struct system *system, const char *name, struct err *e)
{
    _cleanup_free_ char *path = io_format(e, "%s/%s", system->folder, name);
    char *text = NULL;
    size_t len;

    if (path == NULL || read_file(system, path, TEXT_MAX, &text, &len, e) == 0)
        return text;
    return e->code == ERR_NOT_FOUND ? io_format(e, "%s", "") : NULL;
}

static int read_listings(struct system *system, struct err *e)
{
    system->folder = io_format(e, "lib/modules/%s", system->job->files->version);
    if (system->folder == NULL || (system->dep = read_listing(system, "modules.dep", e)) == NULL)
        return -1;
    system->builtin = read_listing(system, "modules.builtin", e);
    return system->builtin == NULL ? -1 : 0;
}

static int look(struct system *system, struct err *e)
{
    const struct job *job = system->job;
    const char *version = job->files->version;
    struct stat st;
    void *bytes;
    int result;

    if (fstat(job->files->initrd, &st) < 0)
        return err_errno(e, "the initrd");
    bytes = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, job->files->initrd, 0);
    if (bytes == MAP_FAILED)
        return err_errno(e, "the initrd");
    result = drivers_look(bytes, (uint64_t)st.st_size, version, &system->found, e);
    munmap(bytes, (size_t)st.st_size);
    if (result < 0 || read_listings(system, e) < 0)
        return -1;
    return drivers_missing(&system->found, job->fs, system->dep, system->builtin, &system->files,
                           e);
}

static int add_text(struct initramfs *ir, const struct system *system, const char *name,
                    const char *text, size_t len, struct err *e)
{
    _cleanup_free_ char *to = io_format(e, "%s/%s", system->found.modules_folder, name);

    return to == NULL ? -1 : initramfs_add_data(ir, to, 0644, text, len, e);
}

static int add_module(struct initramfs *ir, const struct system *system, const char *file,
                      struct err *e)
{
    _cleanup_free_ char *from = io_format(e, "%s/%s", system->folder, file), *data = NULL,
                        *place = drivers_place(file, e), *to = NULL;
    size_t len;

    if (from == NULL || place == NULL || read_file(system, from, MODULE_MAX, &data, &len, e) < 0)
        return -1;
    to = io_format(e, "%s/%s", system->found.modules_folder, place);
    return to == NULL ? -1 : initramfs_add_unpacked(ir, to, 0644, data, len, e);
}

/* What modprobe finds them by. */
static int add_listings(struct initramfs *ir, const struct system *system, struct err *e)
{
    _cleanup_free_ char *dep = drivers_dep(&system->found, system->dep, &system->files, e),
                        *index = NULL;
    size_t bytes;

    if (dep == NULL || add_text(ir, system, "modules.dep", dep, strlen(dep), e) < 0)
        return -1;
    index = module_index_make(dep, &bytes, e);
    return index == NULL ? -1 : add_text(ir, system, "modules.dep.bin", index, bytes, e);
}

static int add_loaders(struct initramfs *ir, const struct system *system, struct err *e)
{
    const char *path;
    char *text;
    int more;

    for (unsigned i = 0;
         (more = drivers_loader(&system->found, &system->files, i, &path, &text, e)) > 0; i++) {
        int result = initramfs_add_data(ir, path, 0644, text, strlen(text), e);

        free(text);
        if (result < 0)
            return -1;
    }
    return more;
}

static int write_archive(const struct system *system, int out, struct err *e)
{
    _cleanup_initramfs_ struct initramfs *ir = initramfs_new(out, false, e);

    if (ir == NULL)
        return -1;
    for (size_t i = 0; i < system->found.folders.n; i++)
        if (initramfs_knows(ir, system->found.folders.items[i], e) < 0)
            return -1;
    for (size_t i = 0; i < system->files.n; i++)
        if (add_module(ir, system, system->files.items[i], e) < 0)
            return -1;
    if (add_listings(ir, system, e) < 0 || add_loaders(ir, system, e) < 0)
        return -1;
    return initramfs_finish(ir, e);
}

static int make_archive(void *arg, struct err *e)
{
    const struct job *job = arg;
    _cleanup_(system_clear) struct system system = {.job = job};

    if (job->drivers->open == NULL && (system.tree = ext_tree_open(job->drivers->root, e)) == NULL)
        return -1;
    if (look(&system, e) < 0)
        return -1;
    return system.files.n == 0 ? 0 : write_archive(&system, job->out, e);
}

/* ---- outside ---- */

static void staged_clear(struct job *job)
{
    for (size_t i = 0; i < job->n_staged; i++) {
        free(job->staged[i].path);
        free(job->staged[i].data);
    }
    free(job->staged);
}

/* A file that is not there is none in the jail, either. */
static int stage_file(struct job *job, struct tree *tree, const char *folder, const char *name,
                      size_t max, struct err *e)
{
    struct staged *file = &job->staged[job->n_staged];

    file->path = io_format(e, "%s/%s", folder, name);
    if (file->path == NULL)
        return -1;
    if (tree_read_file(tree, file->path, max, &file->data, &file->len, e) == 0) {
        job->n_staged++;
        return 0;
    }
    free(file->path);
    return e->code == ERR_NOT_FOUND ? 0 : -1;
}

/* All that could be missing, by a reader that cannot work in the jail. */
static int stage(struct job *job, struct tree *tree, struct err *e)
{
    static char none[] = "";
    struct system system = {.job = job, .tree = tree, .found = {.files = none, .dep = none}};
    int result = read_listings(&system, e);

    if (result == 0)
        result =
            drivers_missing(&system.found, job->fs, system.dep, system.builtin, &system.files, e);
    job->staged = result == 0 ? calloc(system.files.n + 2, sizeof(*job->staged)) : NULL;
    if (result == 0 && job->staged == NULL)
        result = err_no_memory(e);
    if (result == 0)
        result = stage_file(job, tree, system.folder, "modules.dep", TEXT_MAX, e);
    if (result == 0)
        result = stage_file(job, tree, system.folder, "modules.builtin", TEXT_MAX, e);
    for (size_t i = 0; i < system.files.n && result == 0; i++)
        result = stage_file(job, tree, system.folder, system.files.items[i], MODULE_MAX, e);
    system.tree = NULL;
    system.found = (struct drivers_initramfs){0};
    system_clear(&system);
    return result;
}

/* As guest_cache_fill. */
static int open_and_stage(struct job *job, struct err *e)
{
    _cleanup_tree_ struct tree *tree = job->drivers->open(job->drivers, e);

    return tree == NULL ? -1 : stage(job, tree, e);
}

static int fill(void *arg, int out, struct err *e)
{
    struct job *job = arg;
    struct jail_options jail = {.profile = JAIL_READER,
                                .what = "the reader of the initramfs",
                                .keep = *job->drivers->fds,
                                .write = &job->out,
                                .n_write = 1};

    job->out = out;
    if (job->drivers->open != NULL && open_and_stage(job, e) < 0)
        return -1;
    if (libarchive_load(e) < 0 || jail_fds_add(&jail.keep, job->files->initrd, e) < 0 ||
        jail_fds_add(&jail.keep, out, e) < 0)
        return -1;
    return jail_run(&jail, make_archive, job, e) < 0 ? -1 : 1;
}

static int add_sample(int initrd, uint64_t at, size_t n, unsigned long *sum, struct err *e)
{
    uint8_t bytes[SAMPLE];

    if (io_pread(initrd, bytes, n, at, e) < 0)
        return -1;
    *sum = crc32_z(*sum, bytes, n);
    return 0;
}

static char *name_answer(const struct job *job, uint64_t bytes, struct err *e)
{
    size_t n = bytes < SAMPLE ? (size_t)bytes : SAMPLE;
    unsigned long sum = 0;
    char *name;

    for (uint64_t at = 0; at + n < bytes; at += SAMPLED)
        if (add_sample(job->files->initrd, at, n, &sum, e) < 0)
            return NULL;
    if (add_sample(job->files->initrd, bytes - n, n, &sum, e) < 0)
        return NULL;
    name = io_format(e, BERTH_VERSION "-%s-%s-%llu-%08lx", job->files->version, job->fs,
                     (unsigned long long)bytes, sum);
    for (char *p = name; p != NULL && *p != '\0'; p++)
        if (*p == '/')
            *p = '?';
    return name;
}

/* The archive behind the initrd; nothing of it where that fails. */
static int append(int initrd, uint64_t bytes, int archive, struct err *e)
{
    _cleanup_free_ char *chunk = malloc(CHUNK);
    uint64_t at = round_up(bytes + ZEROS, BEHIND);
    ssize_t got;

    if (chunk == NULL)
        return err_no_memory(e);
    while ((got = read(archive, chunk, CHUNK)) > 0) {
        if (io_pwrite(initrd, chunk, (size_t)got, at, e) < 0)
            break;
        at += (uint64_t)got;
    }
    if (got == 0)
        return 0;
    if (got < 0)
        err_errno(e, "the drivers");
    (void)!ftruncate(initrd, (off_t)bytes);
    return -1;
}

/* ext4 mounts its forerunners, too. */
static const char *module_of(const char *fs)
{
    return fs == NULL || strncmp(fs, "ext", 3) == 0 ? "ext4" : fs;
}

int guest_drivers_add(const struct guest_drivers *drivers, const struct boot_files *files,
                      struct err *e)
{
    _cleanup_(staged_clear) struct job job = {
        .drivers = drivers, .files = files, .fs = module_of(drivers->fs)};
    struct guest_cache cache = {.state_folder = drivers->state_folder,
                                .kind = FOLDER,
                                .guest = drivers->guest,
                                .fill = fill,
                                .arg = &job};
    _cleanup_free_ char *name = NULL;
    _cleanup_close_ int archive = -1;
    struct stat initrd, st;

    if (files->initrd < 0)
        return 0;
    if (fstat(files->initrd, &initrd) < 0)
        return err_errno(e, "the initrd");
    cache.name = name = name_answer(&job, (uint64_t)initrd.st_size, e);
    if (name == NULL || (archive = guest_cache_open(&cache, e)) < 0)
        return -1;
    if (fstat(archive, &st) < 0 || lseek(archive, 0, SEEK_SET) < 0)
        return err_errno(e, "the drivers");
    if (st.st_size == 0)
        return 0;
    return append(files->initrd, (uint64_t)initrd.st_size, archive, e) < 0 ? -1 : 1;
}
