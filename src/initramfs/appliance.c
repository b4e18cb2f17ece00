// SPDX-License-Identifier: GPL-3.0-or-later
/* appliance.c: makes the machine, starts it, and waits for what it says. */
#include "initramfs/appliance.h"
#include "core/cleanup.h"
#include "core/io.h"
#include "core/size.h"
#include "core/spawn.h"
#include "engine/disk_server.h"
#include "engine/engine_qemu.h"
#include "engine/kvm_probe.h"
#include "engine/supervise.h"
#include "initramfs/appliance_word.h"
#include "initramfs/work_image.h"

#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>

#define MEMORY      (1 * GIB)
#define PATIENCE    (600 * 1000) /* milliseconds; it gives a sign while its disk works */
#define MODULES_MAX 12
#define NAME        "the virtual machine"

/* A panic ends it; what the kernel says goes to the line that berth speaks on. */
static const char command_line[] = "console=ttyS0 quiet panic=-1";

/* What its kernel loads for the disk, and for each filesystem; what it has built in is passed over.
 * btrfs asks for its checksums by name: nothing there could load them then. */
static const char disk_modules[] = "virtio_pci virtio_blk crc32c_generic";
static const struct {
    const char *fs, *modules;
} fs_modules[] = {
    {"btrfs", "xxhash_generic sha256_generic blake2b_generic btrfs"},
    {"xfs", "xfs"},
};

static const char *modules_of(const char *fs)
{
    for (size_t i = 0; i < sizeof(fs_modules) / sizeof(fs_modules[0]); i++)
        if (strcmp(fs_modules[i].fs, fs) == 0)
            return fs_modules[i].modules;
    return fs;
}

/* ---- may it be? ---- */

static int check_kernel(const char *fs, struct host_kernel *kernel, struct err *e)
{
    const char *const needed[] = {"virtio_pci", "virtio_blk", fs};

    if (host_kernel_newest(kernel, e) < 0)
        return -1;
    for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++)
        if (!host_kernel_has(kernel, needed[i]))
            return err_set(e, ERR_NOT_FOUND, "the kernel %s has no %s", kernel->version, needed[i]);
    return 0;
}

/* The way out: what is to be installed, or root, or either. */
static int refuse(struct err *e)
{
    const char *root = "do it as root, and berth mounts it where nobody else sees it";
    bool forbidden = e->code == ERR_REFUSED;
    struct err why = *e;

    err_set(e, ERR_REFUSED, "no virtual machine can mount it here: %s", why.text);
    if (why.hint[0] == '\0' && !forbidden)
        snprintf(why.hint, sizeof(why.hint), "apt-get install linux-image-amd64");
    if (geteuid() == 0 && why.hint[0] != '\0')
        return err_hint(e, "%s", why.hint);
    return err_hint(e, "%s%s%s", why.hint, why.hint[0] != '\0' ? ", or " : "", root);
}

int appliance_check(const char *fs, struct host_kernel *kernel, struct err *e)
{
    _cleanup_free_ char *qemu = NULL;

    if (check_kernel(fs, kernel, e) < 0 || spawn_locate(ENGINE_QEMU, &qemu, e) < 0 ||
        work_image_check_tools(fs, e) < 0)
        return refuse(e);
    return 0;
}

/* ---- what it boots ---- */

/* As /proc/modules has them: the last one that was loaded first. */
static char *loaded_modules(const char *fs, struct err *e)
{
    _cleanup_free_ char *words = io_format(e, "%s %s", disk_modules, modules_of(fs));
    char *text = words != NULL ? io_format(e, "%s", "") : NULL;

    for (char *next = words, *word; text != NULL && (word = strsep(&next, " ")) != NULL;) {
        char *longer = io_format(e, "%s\n%s", word, text);

        free(text);
        text = longer;
    }
    return text;
}

static int make_initrd(const struct host_kernel *kernel, const struct appliance_word *word,
                       struct err *e)
{
    _cleanup_free_ char *text = appliance_word_print(word, e);
    _cleanup_free_ char *modules = text != NULL ? loaded_modules(word->fs, e) : NULL;
    _cleanup_strings_ struct strings fs = {0};

    if (modules == NULL || strings_add(&fs, word->fs, strlen(word->fs), e) < 0)
        return -1;
    return work_image_make(
        &(struct work_image){
            .kernel = kernel, .modules = modules, .fs = &fs, .file = APPLIANCE_FILE, .text = text},
        e);
}

/* A copy: QEMU gives up root before it opens it, and the file may be root's. */
static int copy_kernel(const struct host_kernel *kernel, struct err *e)
{
    _cleanup_close_ int from = host_kernel_open(kernel, e);
    _cleanup_close_ int copy = memfd_create("kernel", MFD_CLOEXEC);
    struct stat st;

    if (from < 0)
        return -1;
    if (copy < 0 || fstat(from, &st) < 0)
        return err_errno(e, "memory for %s", kernel->file);
    for (off_t done = 0; done < st.st_size;) {
        ssize_t n = sendfile(copy, from, NULL, (size_t)(st.st_size - done));

        if (n <= 0)
            return err_errno(e, "%s", kernel->file);
        done += n;
    }
    return steal_fd(&copy);
}

/* ---- the machine ---- */

struct machine {
    struct blockdev *bd;
    bool *changed; /* shared with the server: something was written to bd */
    struct host_kernel kernel;
    int kernel_fd, initrd;
    bool kvm;
    struct listener listener;
};

static int watch_engine(struct machine *m, struct engine *engine, int server, struct err *e)
{
    struct console console = {.listener = &m->listener};
    struct watch watch = {
        .console = &console, .signals = -1, .server = server, .name = NAME, .patience = PATIENCE};
    enum run_end end;

    if (supervise(engine, &watch, &end, e) < 0)
        return -1;
    return end == RUN_POWERED_OFF ? 0 : err_set(e, ERR_FAILED, NAME " broke off");
}

static int start_engine(struct machine *m, int disk, struct engine *engine, struct err *e)
{
    struct engine_config config = {.name = "appliance",
                                   .memory = MEMORY,
                                   .cpus = 1,
                                   .sector = m->bd->sector,
                                   .kvm = m->kvm,
                                   .kernel = m->kernel_fd,
                                   .initrd = m->initrd,
                                   .disk = disk,
                                   .late = -1,
                                   .command_line = command_line};

    return engine_qemu_start(&config, engine, e);
}

/* Until it has powered off by itself, and all that it wrote is flushed. */
static int run_machine(struct machine *m, struct err *e)
{
    struct jail_child server;
    struct jail_fds fds;
    struct engine engine;
    struct err why = {0};
    int disk, result;

    if (jail_list_fds(&fds, e) < 0 ||
        disk_server_start(m->bd, &fds, "the server of its disk", &server, &disk, e) < 0)
        return -1;
    result = start_engine(m, disk, &engine, e);
    close(disk); /* the engine's copy is now the only one, or there is none */
    if (result == 0)
        result = watch_engine(m, &engine, server.report, e);
    if (jail_wait(&server, &why) < 0 && result == 0) {
        *e = why;
        result = -1;
    }
    return result;
}

/* What broke off has a reason that the kernel gave, or one that is seen from here. As long as it
 * had written nothing, the filesystem is what it was. */
static int broke_off(const struct machine *m, bool *settled, struct err *e)
{
    *settled = !__atomic_load_n(m->changed, __ATOMIC_ACQUIRE);
    e->code = ERR_FAILED;
    if (m->listener.panic[0] != '\0')
        err_set(e, ERR_FAILED, NAME " crashed: %s", m->listener.panic);
    return err_hint(e, "give the same command again: nothing is lost, and it goes on");
}

static int boot(struct machine *m, bool *settled, struct err *e)
{
    const char *said = m->listener.said;

    if (run_machine(m, e) < 0)
        return broke_off(m, settled, e);
    if (strcmp(said, APPLIANCE_DONE) == 0)
        return 0;
    if (strncmp(said, APPLIANCE_FAILED, strlen(APPLIANCE_FAILED)) != 0) {
        err_set(e, ERR_FAILED, NAME " did not say what came of it");
        return broke_off(m, settled, e);
    }
    return err_set(e, ERR_TOOL, "%s", said + strlen(APPLIANCE_FAILED));
}

/* Boots it with a disk that notices what is done to it. */
static int boot_watched(struct machine *m, struct blockdev *bd, bool *settled, struct err *e)
{
    void *shared =
        mmap(NULL, sizeof(*m->changed), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    _cleanup_blockdev_ struct blockdev *watched = NULL;
    int result = -1;

    if (shared == MAP_FAILED)
        return err_errno(e, "memory to watch the disk");
    m->changed = shared;
    m->bd = watched = notice_open(bd, m->changed, e);
    if (watched != NULL)
        result = boot(m, settled, e);
    munmap(shared, sizeof(*m->changed));
    return result;
}

int appliance_resize(const struct fs_ops *fs, struct blockdev *bd, uint64_t bytes, bool *settled,
                     struct ui *ui, struct err *e)
{
    struct appliance_word word = {fs->name, bytes, bd->name};
    struct machine m = {0};
    _cleanup_close_ int kernel = -1, initrd = -1;
    char why[160];

    *settled = true;
    if (appliance_check(fs->name, &m.kernel, e) < 0)
        return err_wrap(e, "%s", bd->name);
    kernel = copy_kernel(&m.kernel, e);
    initrd = kernel < 0 ? -1 : make_initrd(&m.kernel, &word, e);
    if (initrd < 0)
        return err_wrap(e, "%s: " NAME, bd->name);
    m.kernel_fd = kernel;
    m.initrd = initrd;
    m.kvm = engine_kvm_usable(why, sizeof(why));
    ui_note(ui, "  %s is mounted in a virtual machine with Linux %s%s", fs->name, m.kernel.version,
            m.kvm ? "" : ", in software emulation");
    return boot_watched(&m, bd, settled, e) < 0 ? err_wrap(e, "%s", bd->name) : 0;
}
