// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * init.c: berth as the first process of an initramfs (flow/at_boot.h): brings the disk up, gives
 * the one command that it was made for, says what came of it, and restarts the machine.
 *
 * Whatever happens, the machine restarts: the command runs in a child, which is ended when for long
 * neither it says anything nor its disk does; a failure of this process is a panic of the kernel,
 * which restarts by itself (panic= on its command line).
 */
#include "block/sysfs.h"
#include "cli/cli.h"
#include "core/cleanup.h"
#include "core/io.h"
#include "core/size.h"
#include "flow/at_boot.h"
#include "flow/work_file.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#define DISK_SECONDS 30  /* until it is there; USB disks take some */
#define IDLE_SECONDS 600 /* without a word and without disk traffic: it hangs */
#define SHOW_SECONDS 10  /* for a person to read why it failed */
#define SYNC_SECONDS 60
#define WORDS_MAX    64
#define LINE_BYTES   400

bool init_is_wanted(char **argv)
{
    const char *slash = argv[0] != NULL ? strrchr(argv[0], '/') : NULL;
    const char *name = slash != NULL ? slash + 1 : argv[0];

    return getpid() == 1 && name != NULL && strcmp(name, "init") == 0 &&
           access("/" WORK_FILE, R_OK) == 0;
}

/* ---- the machine ---- */

static void mount_all(void)
{
    static const struct {
        const char *type, *folder, *options;
    } mounts[] = {{"proc", "/proc", NULL},
                  {"sysfs", "/sys", NULL},
                  {"devtmpfs", "/dev", NULL},
                  {"tmpfs", "/run", "mode=755"},
                  {"tmpfs", "/tmp", "mode=1777,size=80%"}};

    for (size_t i = 0; i < sizeof(mounts) / sizeof(mounts[0]); i++) {
        mkdir(mounts[i].folder, 0755);
        if (mount(mounts[i].type, mounts[i].folder, mounts[i].type, 0, mounts[i].options) < 0)
            printf("berth: mounting %s: %s\n", mounts[i].folder, strerror(errno));
    }
}

static void open_console(void)
{
    int fd = open("/dev/console", O_RDWR | O_NOCTTY);

    for (int i = 0; fd >= 0 && i <= 2; i++)
        dup2(fd, i);
    if (fd > 2)
        close(fd);
    setvbuf(stdout, NULL, _IOLBF, 0);
}

/* 0 when it is loaded, now or before. */
static int load_module(const char *path)
{
    _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0 || syscall(SYS_finit_module, fd, "", 0) == 0 || errno == EEXIST)
        return 0;
    return -1;
}

/* Twice: some modules want another one that they do not name, which comes later in the list. */
static void load_modules(void)
{
    _cleanup_free_ char *list = NULL;
    struct err e;

    if (io_read_file("/" WORK_MODULES, 1 << 20, &list, NULL, &e) < 0)
        return;
    for (int pass = 0; pass < 2; pass++) {
        _cleanup_free_ char *copy = strdup(list);
        char *next = copy, *path;

        while ((path = strsep(&next, "\n")) != NULL)
            if (*path != '\0' && load_module(path) < 0 && pass == 1)
                printf("berth: %s does not load: %s\n", path, strerror(errno));
    }
}

/* In a process of its own: it never ends on a disk that no longer answers. What counts was flushed
 * before. */
static void sync_for_a_while(void)
{
    pid_t pid = fork();

    if (pid == 0) {
        sync();
        _exit(0);
    }
    for (int i = 0; i < SYNC_SECONDS * 10 && pid > 0 && waitpid(pid, NULL, WNOHANG) == 0; i++)
        usleep(100000);
}

static _Noreturn void restart(void)
{
    printf("berth: the machine restarts\n");
    sync_for_a_while();
    reboot(RB_AUTOBOOT);
    for (;;)
        pause();
}

/* ---- the command ---- */

static int find_disk(const struct work_file *work, char **path, struct err *e)
{
    for (int i = 0; i < DISK_SECONDS * 10; i++) {
        if (work_file_find_disk(work, path, e) == 0)
            return 0;
        usleep(100000);
    }
    return -1;
}

static _Noreturn void child_main(const struct work_file *work, char *path, int out)
{
    char *argv[WORDS_MAX + 4] = {"berth"};
    char disk[] = "--disk", yes[] = "--yes";
    int n = 1, null = open("/dev/null", O_RDONLY);

    setsid();
    dup2(null, 0);
    dup2(out, 1);
    dup2(out, 2);
    for (size_t i = 0; i < work->argv.n && i < WORDS_MAX; i++)
        argv[n++] = work->argv.items[i];
    argv[n++] = disk;
    argv[n++] = path;
    argv[n++] = yes;
    exit(cli_main(n, argv, true));
}

/* What the command has printed: passed on, and the last line that is an error kept. */
struct listener {
    int fd;
    char line[LINE_BYTES], error[LINE_BYTES];
    size_t len;
};

static void listen_byte(struct listener *l, char byte)
{
    if (byte != '\n') {
        if (l->len < sizeof(l->line) - 1)
            l->line[l->len++] = (unsigned char)byte < ' ' ? ' ' : byte;
        return;
    }
    l->line[l->len] = '\0';
    l->len = 0;
    if (strncmp(l->line, "berth: ", 7) == 0)
        snprintf(l->error, sizeof(l->error), "%s", l->line + 7);
}

/* False at the end of what it says. */
static bool listen_more(struct listener *l)
{
    char buf[512];
    ssize_t got = read(l->fd, buf, sizeof(buf));
    struct err ignored;

    if (got <= 0)
        return got < 0 && errno == EINTR;
    (void)io_write(STDOUT_FILENO, buf, (size_t)got, &ignored);
    for (ssize_t i = 0; i < got; i++)
        listen_byte(l, buf[i]);
    return true;
}

/* The kernel's counters of the disk: they change as long as it works. */
static char *traffic(const char *path)
{
    char folder[300];

    snprintf(folder, sizeof(folder), "/sys/block/%s", strrchr(path, '/') + 1);
    return sysfs_text(folder, "stat");
}

/* Until the command has closed its output; false when it hangs. */
static bool listen_all(struct listener *l, const char *path)
{
    _cleanup_free_ char *before = traffic(path);
    time_t last = time(NULL);

    for (;;) {
        struct pollfd poll_fd = {.fd = l->fd, .events = POLLIN};
        int ready = poll(&poll_fd, 1, 10000);
        char *now;

        if (ready > 0 && !listen_more(l))
            return true;
        now = traffic(path);
        if (ready > 0 || now == NULL || before == NULL || strcmp(now, before) != 0)
            last = time(NULL);
        free(before);
        before = now;
        if (time(NULL) - last > IDLE_SECONDS)
            return false;
    }
}

static int ended_badly(const struct listener *l, int status, struct err *e)
{
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return 0;
    if (WIFSIGNALED(status))
        return err_set(e, ERR_FAILED, "it was ended by signal %d", WTERMSIG(status));
    return err_set(e, ERR_FAILED, "%s",
                   l->error[0] != '\0' ? l->error : "it failed without saying why");
}

static int run_command(const struct work_file *work, char *path, struct err *e)
{
    struct listener listener = {.fd = -1};
    int ends[2], status = 0;
    pid_t pid;

    if (pipe2(ends, O_CLOEXEC) < 0)
        return err_errno(e, "a pipe");
    pid = fork();
    if (pid == 0)
        child_main(work, path, ends[1]);
    close(ends[1]);
    listener.fd = ends[0];
    if (pid > 0 && !listen_all(&listener, path)) {
        kill(-pid, SIGKILL);
        close(ends[0]);
        return err_set(e, ERR_FAILED, "nothing happened for %d minutes", IDLE_SECONDS / 60);
    }
    close(ends[0]);
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return pid < 0 ? err_errno(e, "a process") : ended_badly(&listener, status, e);
}

/* ---- all of it ---- */

static int do_work(const struct work_file *work, struct err *e)
{
    _cleanup_free_ char *path = NULL;
    struct err failure;
    int wanted;

    if (find_disk(work, &path, e) < 0)
        return -1;
    wanted = at_boot_begin(path, e);
    if (wanted <= 0)
        return wanted;
    if (run_command(work, path, &failure) == 0)
        return at_boot_end(path, NULL, e);
    if (at_boot_end(path, failure.text, e) < 0)
        return -1;
    return err_set(e, failure.code, "%s", failure.text);
}

_Noreturn void init_main(void)
{
    _cleanup_work_file_ struct work_file work = {0};
    _cleanup_free_ char *text = NULL;
    struct err e;
    size_t len;

    mount_all();
    open_console();
    setenv("PATH", "/usr/sbin:/usr/bin:/sbin:/bin", 1);
    setenv("LC_ALL", "C", 1);
    setenv("BERTH_STATE", "/tmp", 1);
    printf("berth: doing what was left to this boot\n");
    load_modules();
    if (io_read_file("/" WORK_FILE, 1 << 20, &text, &len, &e) < 0 ||
        work_file_parse(text, len, &work, &e) < 0 || do_work(&work, &e) < 0) {
        printf("berth: %s\n", e.text);
        sleep(SHOW_SECONDS);
    } else {
        printf("berth: that was all\n");
    }
    restart();
}
