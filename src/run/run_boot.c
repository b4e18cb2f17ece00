// SPDX-License-Identifier: GPL-3.0-or-later
/* run_boot.c: what one boot starts: kernel, initrd, command line. */
#include "core/cleanup.h"
#include "core/folders.h"
#include "core/io.h"
#include "core/size.h"
#include "log/disk_log.h"
#include "os/root_folder.h"
#include "run/boot_reader.h"
#include "run/guest_drivers.h"
#include "run/kernel_cache.h"
#include "run/run_parts.h"

#define MEMORY_DEFAULT (1 * GIB)
#define CONSOLE        "console=ttyS0"

const char *run_first_of(const char *a, const char *b, const char *otherwise)
{
    return a != NULL ? a : b != NULL ? b : otherwise;
}

struct engine_config run_engine_config(const struct session *session)
{
    const struct run_request *request = session->request;
    const struct record_system *system = session->guest.system;
    struct engine_config config = {.name = request->name,
                                   .memory = request->memory,
                                   .cpus = request->cpus,
                                   .net = session->net,
                                   .kvm = session->kvm,
                                   .outlives = true,
                                   .payload = -1,
                                   .late = -1,
                                   .disk = -1,
                                   .overlay = -1,
                                   .overlay_map = -1};

    if (config.memory == 0)
        config.memory = system->memory != 0 ? system->memory : MEMORY_DEFAULT;
    if (config.cpus == 0)
        config.cpus = system->cpus != 0 ? system->cpus : 1;
    if (session->disk.top != NULL)
        config.sector = session->disk.top->sector;
    config.read_only = request->bare != NULL && request->bare->read_only && !request->ephemeral;
    return config;
}

/* word: what the reader of its kernel has found out, or NULL. */
static char *command_line(const struct session *session, const char *word, struct err *e)
{
    const struct record_system *system = session->guest.system;
    const struct bare *bare = session->request->bare;
    const char *options = run_first_of(system->kernel_options, NULL, ""), *fs_uuid;
    char text[GUID_TEXT];

    if (bare != NULL)
        return io_format(e, "%s", run_first_of(bare->append, NULL, CONSOLE));
    fs_uuid = session->guest.own[0]->fs_uuid;
    if (fs_uuid == NULL)
        fs_uuid = guid_print(&system->fs_uuid, text);
    return io_format(e, "root=UUID=%s ro %s%s%s%s" CONSOLE, fs_uuid, options,
                     *options != '\0' ? " " : "", run_first_of(word, NULL, ""),
                     word != NULL ? " " : "");
}

/* The guest changes its filesystem: what was done to the disk before is not undone over it. */
static int note_run(struct session *session, struct err *e)
{
    const struct run_request *request = session->request;
    _cleanup_free_ char *text = NULL;

    if (request->ephemeral || request->reach != RUN_DISK || request->bare != NULL)
        return 0;
    text = io_format(e, "run %s", request->name);
    return text == NULL ? -1 : disk_log_note(session->disk.disk, text, e);
}

/* A kernel that cannot be unpacked here unpacks itself. */
static int open_payload(const struct session *session, int kernel)
{
    struct err err = {.code = ERR_OK};
    _cleanup_free_ char *folder = state_folder(&err);
    int payload = -1;

    if (folder != NULL)
        payload = kernel_cache_open(&session->guest.own[0]->uuid, folder, kernel, &err);
    if (payload < 0 && err.code != ERR_OK)
        ui_note(session->request->ui, "its kernel unpacks itself, which takes longer: %s",
                err.text);
    return payload;
}

/* Of a kernel that was unpacked before, only what tells it from others is read. */
static int read_system(const struct session *session, struct boot_files *files, int *payload,
                       struct err *e)
{
    struct boot_source source = {.root = session->disk.root,
                                 .fds = &session->disk.fds,
                                 .system = session->guest.system,
                                 .fs = session->guest.own[0]->fs,
                                 .ends = session->own};
    struct err ignored;
    _cleanup_free_ char *folder = state_folder(&ignored);

    if (boot_reader_read(&source, files, e) < 0)
        return -1;
    if (!session->own)
        return 0;
    if (folder != NULL)
        *payload = kernel_cache_find(&session->guest.own[0]->uuid, folder, files->kernel, &ignored);
    if (*payload >= 0)
        return 0;
    boot_files_close(files);
    source.ends = false;
    if (boot_reader_read(&source, files, e) < 0)
        return -1;
    *payload = open_payload(session, files->kernel);
    return 0;
}

/* One that GRUB reads: its program is in a jail of its own. */
static struct tree *open_by_grub(const struct guest_drivers *drivers, struct err *e)
{
    _cleanup_free_ char *word = NULL;

    return root_folder_open(drivers->root, drivers->options, &word, e);
}

/* An initrd that cannot be looked into boots as it is. */
static int prepare_initrd(const struct session *session, const struct boot_files *files,
                          struct err *e)
{
    struct err why = {0};
    _cleanup_free_ char *folder = state_folder(&why);
    const struct guest_drivers drivers = {.root = session->disk.root,
                                          .fds = &session->disk.fds,
                                          .open = files->by_grub ? open_by_grub : NULL,
                                          .options = session->guest.system->kernel_options,
                                          .guest = &session->guest.own[0]->uuid,
                                          .fs = session->guest.own[0]->fs,
                                          .state_folder = folder};
    int added = folder == NULL ? -1 : guest_drivers_add(&drivers, files, &why);

    if (added < 0)
        ui_note(session->request->ui, "its initramfs starts as it is: %s", why.text);
    if (added > 0)
        ui_note(session->request->ui, "its initramfs gets its own drivers for a virtual disk");
    return boot_files_seal(files, e);
}

static int read_boot_files(const struct session *session, struct boot_files *files, int *payload,
                           struct err *e)
{
    const struct run_request *request = session->request;

    if (request->bare != NULL)
        return bare_read(request->bare, files, e);
    if (read_system(session, files, payload, e) < 0)
        return -1;
    ui_note(request->ui, "%s: Linux %s", request->name, files->version);
    return prepare_initrd(session, files, e);
}

int run_start_engine(struct session *session, struct engine_config *config,
                     int (*start)(const struct engine_config *, struct engine *, struct err *),
                     struct engine *engine, struct err *e)
{
    struct boot_files files = {.kernel = -1, .initrd = -1};
    _cleanup_free_ char *line = NULL;
    int result = read_boot_files(session, &files, &config->payload, e);

    if (result == 0) {
        config->kernel = files.kernel;
        config->initrd = files.initrd;
        config->command_line = line = command_line(session, files.word, e);
        result = line == NULL || note_run(session, e) < 0 ? -1 : start(config, engine, e);
    }
    cleanup_close(&config->payload);
    boot_files_close(&files);
    return result;
}
