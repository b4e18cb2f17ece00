// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * appliance_main.c: the first process of an appliance. Whatever happens it powers off, and says
 * before what came of it: who waits outside takes silence for a failure.
 */
#include "core/cleanup.h"
#include "core/io.h"
#include "initramfs/appliance.h"
#include "initramfs/appliance_word.h"
#include "initramfs/first_process.h"

#include <signal.h>
#include <string.h>
#include <sys/reboot.h>
#include <sys/wait.h>
#include <termios.h>

#define DISK         "/dev/vda"
#define DISK_SECONDS 30 /* until it is there */
#define TEXT_MAX     ((size_t)1 << 16)
#define PULSE        5 /* seconds */

/* An empty line now and then, as long as the disk is at work. */
static _Noreturn void pulse_main(void)
{
    uint64_t before = 0;

    for (;;) {
        uint64_t now = first_process_traffic();

        if (now != before)
            (void)!write(STDOUT_FILENO, "\n", 1);
        before = now;
        sleep(PULSE);
    }
}

static pid_t pulse_start(void)
{
    pid_t pid = fork();

    if (pid == 0)
        pulse_main();
    return pid;
}

static void pulse_end(pid_t pid)
{
    if (pid <= 0)
        return;
    kill(pid, SIGKILL);
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        ;
}

/* The kernel finds it on its own time. */
static struct blockdev *open_disk(struct err *e)
{
    struct blockdev *bd = NULL;

    for (int i = 0; bd == NULL && i < DISK_SECONDS * 10; i++) {
        bd = file_open(DISK, false, 512, e);
        if (bd == NULL)
            usleep(100000);
    }
    return bd;
}

static int resize(const struct appliance_word *word, struct err *e)
{
    _cleanup_blockdev_ struct blockdev *bd = open_disk(e);
    const struct fs_ops *fs = fs_by_name(word->fs);
    bool empty;

    if (bd == NULL)
        return -1;
    if (fs == NULL)
        return err_set(e, ERR_UNSUPPORTED, "there is no filesystem %s", word->fs);
    bd->name = word->name;
    return fs_resize_by_mount(fs, bd, DISK, word->bytes, &empty, e);
}

static int work(struct err *e)
{
    _cleanup_free_ char *text = NULL;
    struct appliance_word word;

    if (io_read_file("/" APPLIANCE_FILE, TEXT_MAX, &text, NULL, e) < 0 ||
        appliance_word_parse(text, &word, e) < 0)
        return -1;
    return resize(&word, e);
}

_Noreturn void appliance_main(void)
{
    pid_t pulse = pulse_start();
    struct err e;
    int result = work(&e);

    pulse_end(pulse);
    if (result == 0)
        printf("\nberth: " APPLIANCE_DONE "\n");
    else
        printf("\nberth: " APPLIANCE_FAILED "%s\n", e.text);
    fflush(stdout);
    tcdrain(STDOUT_FILENO);
    first_process_end(RB_POWER_OFF);
}
