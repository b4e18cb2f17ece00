// SPDX-License-Identifier: GPL-3.0-or-later
/* at_boot.c: puts work for the next boot on the ESP, and takes it off again. */
#include "flow/at_boot.h"
#include "apply/observe.h"
#include "bootmenu/esp.h"
#include "bootmenu/grub_config.h"
#include "bootmenu/menu.h"
#include "core/cleanup.h"
#include "core/io.h"
#include "core/size.h"
#include "flow/at_boot_image.h"
#include "flow/esp_folder.h"
#include "flow/menu.h"
#include "fs/fs.h"
#include "initramfs/work_image.h"
#include "log/disk_log.h"
#include "tree/tree.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define STRING_OF(text) #text
#define STRING(macro)   STRING_OF(macro)

/* ---- may it be? ---- */

/* The disk, when the running system's menu is on it. */
static int check_disk(const struct survey *survey, struct err *e)
{
    _cleanup_free_ char *root = NULL;
    struct stat ours, theirs;
    struct err ignored;

    if (survey->record == NULL || survey_esp(survey) == NULL) {
        err_set(e, ERR_REFUSED, "%s has no boot menu of berth's that could do it", survey->path);
        return err_hint(e, "boot another system or a live medium, and give the command there");
    }
    if (disk_of_root(&root, &ignored) < 0 || stat(root, &theirs) < 0 ||
        stat(survey->path, &ours) < 0 || !io_same_file(&ours, &theirs)) {
        err_set(e, ERR_REFUSED, "%s is not the disk that this machine has booted from",
                survey->path);
        return err_hint(e, "unmount what is mounted of it, and do it now");
    }
    if (geteuid() != 0)
        return err_set(e, ERR_REFUSED, "only root may write to the EFI system partition");
    return 0;
}

/* The initramfs gets the modules that are loaded now. */
static int check_kernel(const struct fs_ops *fs, struct err *e)
{
    _cleanup_free_ char *known = NULL;
    char line[64];

    if (fs->resize != NULL || fs->locked != NULL)
        return 0;
    snprintf(line, sizeof(line), "\t%s\n", fs->name);
    if (io_read_file("/proc/filesystems", 1 << 16, &known, NULL, e) < 0)
        return -1;
    if (strstr(known, line) != NULL)
        return 0;
    err_set(e, ERR_REFUSED, "the kernel has not loaded %s, so the next boot would not have it",
            fs->name);
    return err_hint(e, "modprobe %s", fs->name);
}

static int check_step(const struct step *step, struct err *e)
{
    const struct fs_ops *fs = step->fs != NULL ? fs_by_name(step->fs) : NULL;

    if (fs == NULL)
        return 0;
    if (step->kind == STEP_RESIZE && check_kernel(fs, e) < 0)
        return -1;
    if (work_image_check_tools(fs->name, e) == 0)
        return 0;
    if (e->code == ERR_NOT_FOUND)
        e->code = ERR_REFUSED;
    return err_wrap(e, "%s at the next boot", step->target);
}

int at_boot_check(const struct plan *plan, struct err *e)
{
    for (size_t i = 0; i < plan->n_steps; i++)
        if (check_step(&plan->steps[i], e) < 0)
            return -1;
    return 0;
}

/* ---- the files ---- */

static int open_kernel(const struct host_kernel *kernel, struct err *e)
{
    int fd = host_kernel_open(kernel, e);

    if (fd >= 0)
        return fd;
    err_wrap(e, "the running kernel");
    return err_hint(e, "install it again, or restart into the newest one first");
}

static uint64_t size_of(int fd)
{
    struct stat st;

    return fstat(fd, &st) == 0 ? (uint64_t)st.st_size : 0;
}

static int check_room(int folder, uint64_t need, struct err *e)
{
    char wanted[SIZE_TEXT], there[SIZE_TEXT];
    uint64_t room;

    if (esp_folder_room(folder, &room, e) < 0)
        return -1;
    if (need <= room)
        return 0;
    size_human(need, wanted, sizeof(wanted));
    size_human(room, there, sizeof(there));
    return err_set(e, ERR_NO_SPACE,
                   "kernel and initramfs need %s on the EFI system partition, which has %s left",
                   wanted, there);
}

static int remove_files(int folder, struct err *e)
{
    if ((unlinkat(folder, ESP_WORK_KERNEL, 0) < 0 && errno != ENOENT) ||
        (unlinkat(folder, ESP_WORK_INITRD, 0) < 0 && errno != ENOENT) ||
        (unlinkat(folder, ESP_WORK_FOLDER, AT_REMOVEDIR) < 0 && errno != ENOENT))
        return err_errno(e, ESP_WORK_FOLDER " on the EFI system partition");
    return syncfs(folder) < 0 ? err_errno(e, "the EFI system partition") : 0;
}

static int put_files(int folder, int kernel, int initrd, struct err *e)
{
    if (remove_files(folder, e) < 0 ||
        check_room(folder, size_of(kernel) + size_of(initrd) + MIB, e) < 0)
        return -1;
    if (mkdirat(folder, ESP_WORK_FOLDER, 0755) < 0)
        return err_errno(e, ESP_WORK_FOLDER " on the EFI system partition");
    if (esp_folder_put(folder, ESP_WORK_KERNEL, kernel, e) < 0 ||
        esp_folder_put(folder, ESP_WORK_INITRD, initrd, e) < 0)
        return -1;
    return syncfs(folder) < 0 ? err_errno(e, "the EFI system partition") : 0;
}

/* The ESP is open before the list of modules is read: its filesystem's are loaded then. */
static int write_files(const struct job *job, const struct strings *argv, struct err *e)
{
    _cleanup_disk_ struct disk *disk = disk_open(job->path, false, 0, e);
    _cleanup_close_ int kernel = -1, folder = -1, initrd = -1;
    struct host_kernel running;

    host_kernel_running(&running);
    if (disk == NULL || (kernel = open_kernel(&running, e)) < 0)
        return -1;
    folder = esp_folder_open(disk, survey_esp(job->survey), e);
    initrd = folder >= 0 ? at_boot_image(job, argv, &running, e) : -1;
    return initrd < 0 ? -1 : put_files(folder, kernel, initrd, e);
}

/* ---- the record ---- */

/* The step that the work is about, and where. */
static const struct step *main_step(const struct plan *plan)
{
    for (size_t i = 0; i < plan->n_steps; i++)
        if (plan->steps[i].kind == STEP_RESIZE || plan->steps[i].kind == STEP_MOVE)
            return &plan->steps[i];
    return NULL;
}

static int add_work(void *arg, struct esp *esp, struct record *record, struct err *e)
{
    const struct step *step = arg;

    if (esp_next_set(esp, MENU_WORK, e) < 0 ||
        record_set_work(record, step->text, &step->partition, e) < 0)
        return -1;
    return 1;
}

static int drop_work(void *arg, struct esp *esp, struct record *record, struct err *e)
{
    _cleanup_free_ char *next = NULL;
    bool *had = arg;

    *had = record->work != NULL;
    if (!*had)
        return 0;
    if (record_work_is_urgent(record)) {
        err_set(e, ERR_REFUSED, "it is half done: %s", record->work->text);
        return err_hint(e, "the next boot finishes it");
    }
    if (esp_next_get(esp, &next, e) < 0 || (menu_is_work(next) && esp_next_set(esp, NULL, e) < 0) ||
        record_set_work(record, NULL, NULL, e) < 0)
        return -1;
    return 1;
}

int at_boot_schedule(const struct job *job, const struct strings *argv, struct ui *ui,
                     struct err *e)
{
    const struct step *step = main_step(job->plan);
    bool had;

    if (step == NULL)
        return err_set(e, ERR_REFUSED, "nothing is moved or resized: do it now");
    if (check_disk(job->survey, e) < 0 || menu_change(job->path, drop_work, &had, e) < 0)
        return -1;
    ui_note(ui, "making the initramfs that does it");
    if (write_files(job, argv, e) < 0)
        return err_wrap(e, "preparing the next boot");
    return menu_change(job->path, add_work, (void *)(uintptr_t)step, e);
}

static int remove_folder(const char *path, struct err *e)
{
    _cleanup_disk_ struct disk *disk = disk_open(path, false, 0, e);
    _cleanup_survey_ struct survey *survey =
        disk != NULL ? observe(disk, path, OBSERVE_RECORD, e) : NULL;
    _cleanup_close_ int folder = -1;

    if (survey == NULL)
        return -1;
    if (survey_esp(survey) == NULL || survey->is_file)
        return 0;
    folder = esp_folder_open(disk, survey_esp(survey), e);
    return folder < 0 ? -1 : remove_files(folder, e);
}

int at_boot_cancel(const char *disk, struct err *e)
{
    bool had = false;

    if (menu_change(disk, drop_work, &had, e) < 0)
        return -1;
    if (!had)
        return err_set(e, ERR_NOT_FOUND, "%s: nothing is scheduled for the next boot", disk);
    return remove_folder(disk, e);
}

/* ---- in the initramfs ---- */

/* A resize of which nothing has come to the disk yet: the filesystem is what it was. */
static bool has_changed_nothing(const struct pending *pending)
{
    return pending->op == HISTORY_RESIZE && pending->stage == PENDING_MARK;
}

/* Notes the failure in the disk's log, and gives work up that has changed nothing. Returns 1 when
 * work is still under way. */
static int note_failure(const char *path, const char *text, struct err *e)
{
    _cleanup_disk_ struct disk *disk = disk_open(path, true, 0, e);
    _cleanup_survey_ struct survey *survey =
        disk != NULL ? observe(disk, path, OBSERVE_RECORD, e) : NULL;
    struct plan plan = {.survey = survey};
    struct disk_log log = {0};
    int64_t now = tree_now();
    int result = -1;

    if (survey == NULL || disk_lock_table(disk, e) < 0)
        return -1;
    if (disk_log_start(&log, disk, &plan, NULL, e) == 0) {
        const struct pending *pending = log.history->pending;

        if (pending != NULL && has_changed_nothing(pending)) {
            pending_free(log.history->pending);
            log.history->pending = NULL;
        }
        result = log.history->pending != NULL;
        if (log.area.range.bytes > 0 &&
            (history_add(log.history, now > 0 ? (uint64_t)now : 0, text, false, e) < 0 ||
             disk_log_save(&log, e) < 0))
            result = -1;
    }
    disk_log_close(&log);
    return result;
}

struct ending {
    const char *failure; /* or NULL */
    bool under_way;
};

/* A system is held no longer than its partition is worked on, also when the power went between the
 * work's end and its release. */
static int settle(void *arg, struct esp *esp, struct record *record, struct err *e)
{
    const struct ending *ending = arg;
    struct record_system *system;

    (void)esp;
    if (record->work == NULL)
        return 0;
    system = record_owner(record, &record->work->partition);
    if (!ending->under_way && system != NULL && system->pending != NULL &&
        record_hold(record, system, NULL, e) < 0)
        return -1;
    if (ending->failure == NULL)
        return record_set_work(record, NULL, NULL, e) < 0 ? -1 : 1;
    if (ending->under_way)
        return 0; /* it is tried again */
    free(record->work->result);
    record->work->result = strdup(ending->failure);
    return record->work->result == NULL ? err_no_memory(e) : 1;
}

struct beginning {
    bool wanted, last; /* last: there is no further try by itself after this one */
};

static int count_try(void *arg, struct esp *esp, struct record *record, struct err *e)
{
    struct beginning *beginning = arg;

    (void)esp;
    (void)e;
    beginning->wanted = record->work != NULL && record->work->result == NULL;
    if (!beginning->wanted)
        return 0;
    record->work->tries++;
    beginning->last = record->work->tries == RECORD_WORK_TRIES;
    return 1;
}

/* Boots that end without a word, as by a panic, give nothing up. So the last one does, as long as
 * the disk is what it was: or its system would be held for ever. */
static int give_up(const char *disk, struct err *e)
{
    struct ending ending = {
        .failure = "it was begun " STRING(RECORD_WORK_TRIES) " times, and never came to an end"};
    struct err ignored;

    if (note_failure(disk, ending.failure, &ignored) != 0)
        return 1;
    return menu_change(disk, settle, &ending, e) < 0 ? -1 : 0;
}

int at_boot_begin(const char *disk, struct err *e)
{
    struct beginning beginning = {0};

    if (menu_change(disk, count_try, &beginning, e) < 0)
        return -1;
    return beginning.last ? give_up(disk, e) : beginning.wanted;
}

int at_boot_end(const char *disk, const char *failure, struct err *e)
{
    struct ending ending = {.failure = failure};
    struct err log_error;
    int left = 0;

    if (failure != NULL)
        left = note_failure(disk, failure, &log_error);
    ending.under_way = left != 0;
    if (menu_change(disk, settle, &ending, e) < 0)
        return -1;
    return ending.under_way ? 0 : remove_folder(disk, e);
}
