// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * init.c: berth as the first process of an initramfs. In a virtual machine of its own making that
 * is initramfs/appliance.h; at the machine's boot (flow/at_boot.h) it gives the one command that it
 * was made for, says what came of it, and restarts the machine.
 *
 * Whatever happens, the machine restarts: all that touches the disk runs in children, which are
 * ended when for long neither they say anything nor a disk does; a failure of this process is a
 * panic of the kernel, which restarts by itself (panic= on its command line).
 */
#include "cli/cli.h"
#include "cli/watch.h"
#include "core/cleanup.h"
#include "core/io.h"
#include "flow/at_boot.h"
#include "initramfs/appliance.h"
#include "initramfs/first_process.h"
#include "initramfs/work_file.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/reboot.h>

#define WORDS_MAX  64
#define NODE_BYTES 300

/* In seconds. The kernel's command line may say otherwise: "berth.wait=90". */
struct times {
    unsigned wait; /* until the disk is there; USB disks take some */
    unsigned idle; /* without a word and without disk traffic: the work hangs */
    unsigned end;  /* the same of its end, which writes a few sectors */
    unsigned show; /* for a person to read why it failed */
};

bool init_is_wanted(char **argv)
{
    const char *slash = argv[0] != NULL ? strrchr(argv[0], '/') : NULL;
    const char *name = slash != NULL ? slash + 1 : argv[0];

    return getpid() == 1 && name != NULL && strcmp(name, "init") == 0 &&
           (access("/" WORK_FILE, R_OK) == 0 || access("/" APPLIANCE_FILE, R_OK) == 0);
}

/* ---- what the kernel's command line says ---- */

static void read_time(const char *words, const char *name, unsigned *seconds)
{
    const char *found = strstr(words, name);

    if (found != NULL && (found == words || found[-1] == ' '))
        *seconds = (unsigned)strtoul(found + strlen(name), NULL, 10);
}

static void read_times(struct times *times)
{
    _cleanup_free_ char *words = NULL;
    struct err ignored;

    if (io_read_file("/proc/cmdline", 1 << 16, &words, NULL, &ignored) < 0)
        return;
    read_time(words, "berth.wait=", &times->wait);
    read_time(words, "berth.idle=", &times->idle);
    read_time(words, "berth.end=", &times->end);
    read_time(words, "berth.show=", &times->show);
}

/* ---- the work, in children (cli/watch.h) ---- */

/* What an initramfs is told, and what the processes that do it tell each other. */
struct work {
    struct work_file file;
    struct times times;
    const char *failure; /* why the command failed; NULL: it did not */
    struct found {
        char disk[NODE_BYTES];
        bool wanted; /* there is something to do */
    } * found;       /* in memory that they share */
};

static int find_disk(const struct work *work, char **path, struct err *e)
{
    for (unsigned i = 0; i <= work->times.wait * 10; i++) {
        if (work_file_find_disk(&work->file, path, e) == 0)
            return 0;
        usleep(100000);
    }
    return -1;
}

static int begin(void *arg, struct err *e)
{
    struct work *work = arg;
    _cleanup_free_ char *path = NULL;
    int wanted;

    if (find_disk(work, &path, e) < 0)
        return -1;
    wanted = at_boot_begin(path, e);
    if (wanted < 0)
        return -1;
    snprintf(work->found->disk, sizeof(work->found->disk), "%s", path);
    work->found->wanted = wanted > 0;
    return 0;
}

static int do_command(void *arg, struct err *e)
{
    struct work *work = arg;
    char *argv[WORDS_MAX + 4] = {"berth"};
    char disk[] = "--disk", yes[] = "--yes";
    int n = 1;

    (void)e;
    for (size_t i = 0; i < work->file.argv.n && i < WORDS_MAX; i++)
        argv[n++] = work->file.argv.items[i];
    argv[n++] = disk;
    argv[n++] = work->found->disk;
    argv[n++] = yes;
    return cli_main(n, argv, true);
}

static int end(void *arg, struct err *e)
{
    struct work *work = arg;

    return at_boot_end(work->found->disk, work->failure, e);
}

/* ---- all of it ---- */

static int do_work(struct work *work, struct err *e)
{
    struct err failure;

    if (watch_run(begin, work, work->times.idle, e) < 0)
        return -1;
    if (!work->found->wanted)
        return 0;
    if (watch_run(do_command, work, work->times.idle, &failure) < 0)
        work->failure = failure.text;
    if (watch_run(end, work, work->times.end, e) < 0)
        return -1;
    return work->failure == NULL ? 0 : err_set(e, failure.code, "%s", failure.text);
}

static int read_and_do(struct work *work, struct err *e)
{
    _cleanup_free_ char *text = NULL;
    size_t len;

    work->found =
        mmap(NULL, sizeof(*work->found), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (work->found == MAP_FAILED)
        return err_no_memory(e);
    if (io_read_file("/" WORK_FILE, 1 << 20, &text, &len, e) < 0 ||
        work_file_parse(text, len, &work->file, e) < 0)
        return -1;
    return do_work(work, e);
}

static _Noreturn void work_main(void)
{
    struct work work = {.times = {30, 600, 60, 10}};
    struct err e;

    read_times(&work.times);
    printf("berth: doing what was left to this boot\n");
    if (read_and_do(&work, &e) < 0) {
        printf("berth: it was not done: %s\n", e.text);
        sleep(work.times.show);
    } else {
        printf("berth: that was all\n");
    }
    printf("berth: the machine restarts\n");
    first_process_end(RB_AUTOBOOT);
}

_Noreturn void init_main(void)
{
    first_process_begin();
    if (access("/" APPLIANCE_FILE, R_OK) == 0)
        appliance_main();
    work_main();
}
