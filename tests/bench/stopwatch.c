// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * stopwatch.c: runs a command that boots a guest on a raw terminal, and notes when the guest says
 * a line "BENCH WORDS", and what it has cost up to then:
 *
 *     stopwatch SECONDS GUEST_MIB COMMAND...
 *
 * Prints one line of JSON: for each mark its words, milliseconds since the command was executed,
 * and KVM's count of exits (port I/O, MMIO, all); for each process its name, its memory (PSS)
 * without the guest's, and what it has mapped of the guest's, in KiB, at the mark "end". After that
 * mark the guest gets a newline and a few seconds to power off. SECONDS is the time for all of it.
 *
 * After a line "BENCH ready WORDS" the page cache is emptied, and the guest gets a newline.
 */
#include <dirent.h>
#include <err.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define MARK       "BENCH "
#define LAST       MARK "end"
#define READY      MARK "ready"
#define MARKS      64
#define WORDS      120
#define PROCESSES  4096
#define GRACE      5 /* seconds to power off */
#define COUNTERS   "/sys/kernel/debug/kvm/"
#define LINE_BYTES 4096

struct mark {
    char words[WORDS];
    double ms;
    long io, mmio, all;
};

static struct mark marks[MARKS];
static unsigned n_marks;
static char said[LINE_BYTES]; /* of a line that is not whole yet */
static size_t n_said;
static double started;

static double now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static long counter(const char *path)
{
    FILE *file = fopen(path, "r");
    long value = -1;

    if (file != NULL && fscanf(file, "%ld", &value) != 1)
        value = -1;
    if (file != NULL)
        fclose(file);
    return value;
}

/* ---- what the guest says ---- */

static void add_mark(const char *words, double at)
{
    struct mark *mark = &marks[n_marks];

    if (n_marks == MARKS)
        return;
    n_marks++;
    snprintf(mark->words, sizeof(mark->words), "%.*s", WORDS - 1, words);
    mark->ms = at - started;
    mark->io = counter(COUNTERS "io_exits");
    mark->mmio = counter(COUNTERS "mmio_exits");
    mark->all = counter(COUNTERS "exits");
}

/* What the disk's cache has from the load before would make the next one another one. */
static void empty_cache(void)
{
    FILE *file = fopen("/proc/sys/vm/drop_caches", "w");

    if (file == NULL || fputs("1", file) < 0 || fclose(file) != 0)
        err(1, "drop_caches");
}

/* Returns true at the last mark. */
static bool take_byte(int terminal, char byte, double at)
{
    bool last = false;

    if (byte == '\n') {
        said[n_said] = '\0';
        if (strncmp(said, READY, strlen(READY)) == 0) {
            empty_cache();
            (void)!write(terminal, "\n", 1);
        } else if (strncmp(said, MARK, strlen(MARK)) == 0) {
            add_mark(said + strlen(MARK), at);
        }
        last = strncmp(said, LAST, strlen(LAST)) == 0;
        n_said = 0;
    } else if (byte != '\r' && n_said < sizeof(said) - 1) {
        said[n_said++] = byte;
    }
    return last;
}

static bool has_ended(pid_t pid)
{
    siginfo_t info = {.si_pid = 0};

    return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) < 0 || info.si_pid == pid;
}

/* Until the last mark; false when the time is over or the command has ended. */
static bool listen_to(int terminal, pid_t pid, double until)
{
    static char bytes[65536];

    while (now_ms() < until) {
        struct pollfd p = {terminal, POLLIN, 0};
        ssize_t got;
        double at;

        if (poll(&p, 1, 1000) <= 0) {
            if (has_ended(pid))
                return false;
            continue;
        }
        at = now_ms();
        got = read(terminal, bytes, sizeof(bytes));
        if (got <= 0)
            return false;
        for (ssize_t i = 0; i < got; i++)
            if (take_byte(terminal, bytes[i], at))
                return true;
    }
    return false;
}

/* ---- its processes ---- */

static pid_t parent_of(pid_t pid)
{
    char path[64], state;
    int parent = 0;
    FILE *file;

    snprintf(path, sizeof(path), "/proc/%d/stat", pid);
    file = fopen(path, "r");
    if (file != NULL && fscanf(file, "%*d (%*[^)]) %c %d", &state, &parent) != 2)
        parent = 0;
    if (file != NULL)
        fclose(file);
    return parent;
}

/* Orphans are ours as well: we are their subreaper. */
static bool is_ours(pid_t pid)
{
    pid_t self = getpid();

    for (pid_t at = parent_of(pid); at > 1; at = parent_of(at))
        if (at == self)
            return true;
    return false;
}

static unsigned list_processes(pid_t *pids)
{
    DIR *dir = opendir("/proc");
    struct dirent *entry;
    unsigned n = 0;

    while (dir != NULL && (entry = readdir(dir)) != NULL && n < PROCESSES)
        if (atoi(entry->d_name) > 0 && is_ours(atoi(entry->d_name)))
            pids[n++] = atoi(entry->d_name);
    if (dir != NULL)
        closedir(dir);
    return n;
}

/* A mapping of three quarters of the guest's memory or more is the guest's memory. */
static void print_process(pid_t pid, long guest_kib, const char *comma)
{
    char path[64], line[512], name[64] = "";
    long size = 0, own = 0, guests = 0, value;
    FILE *file;

    snprintf(path, sizeof(path), "/proc/%d/comm", pid);
    file = fopen(path, "r");
    if (file != NULL && fscanf(file, "%63[^\n]", name) != 1)
        name[0] = '\0';
    if (file != NULL)
        fclose(file);
    snprintf(path, sizeof(path), "/proc/%d/smaps", pid);
    file = fopen(path, "r");
    while (file != NULL && fgets(line, sizeof(line), file) != NULL)
        if (sscanf(line, "Size: %ld", &value) == 1)
            size = value;
        else if (sscanf(line, "Pss: %ld", &value) == 1)
            *(size >= guest_kib / 4 * 3 ? &guests : &own) += value;
    if (file != NULL)
        fclose(file);
    printf("%s[\"%s\", %ld, %ld]", comma, name, own, guests);
}

static void print_processes(long guest_kib)
{
    static pid_t pids[PROCESSES];
    unsigned n = list_processes(pids);

    for (unsigned i = 0; i < n; i++)
        print_process(pids[i], guest_kib, i == 0 ? "" : ", ");
}

/* ---- its life ---- */

static pid_t start(char **argv, int terminal)
{
    char *name = ptsname(terminal);
    pid_t pid = fork();

    if (pid == 0) {
        int line;

        setsid();
        line = open(name, O_RDWR);
        if (line < 0 || ioctl(line, TIOCSCTTY, 0) < 0 || dup2(line, 0) < 0 || dup2(line, 1) < 0 ||
            dup2(line, 2) < 0)
            err(127, "%s", name);
        close(line);
        close(terminal);
        execvp(argv[0], argv);
        err(127, "%s", argv[0]);
    }
    return pid;
}

static int open_terminal(void)
{
    struct winsize size = {.ws_row = 25, .ws_col = 80};
    int terminal = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC), line;
    struct termios settings;

    if (terminal < 0 || grantpt(terminal) < 0 || unlockpt(terminal) < 0)
        err(1, "a terminal");
    line = open(ptsname(terminal), O_RDWR | O_NOCTTY | O_CLOEXEC); /* kept: it stays raw */
    if (line < 0 || tcgetattr(line, &settings) < 0)
        err(1, "a terminal");
    cfmakeraw(&settings);
    if (tcsetattr(line, TCSANOW, &settings) < 0 || ioctl(terminal, TIOCSWINSZ, &size) < 0)
        err(1, "a terminal");
    return terminal;
}

/* Waits for the command, then ends what is left of it. Returns its status, -1 when it was ended. */
static int finish(pid_t pid, int terminal)
{
    static pid_t left[PROCESSES];
    static char bytes[4096];
    double until = now_ms() + GRACE * 1e3;
    int status = -1, got = 0;

    while (now_ms() < until && (got = waitpid(pid, &status, WNOHANG)) == 0) {
        struct pollfd p = {terminal, POLLIN, 0};

        if (poll(&p, 1, 50) > 0)
            (void)!read(terminal, bytes, sizeof(bytes));
    }
    for (unsigned n = list_processes(left); n > 0; n--)
        kill(left[n - 1], SIGKILL);
    while (waitpid(-1, NULL, 0) > 0)
        ;
    return got == pid && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void print_marks(void)
{
    printf("RESULT {\"marks\": [");
    for (unsigned i = 0; i < n_marks; i++)
        printf("%s[\"%s\", %.3f, %ld, %ld, %ld]", i == 0 ? "" : ", ", marks[i].words, marks[i].ms,
               marks[i].io, marks[i].mmio, marks[i].all);
}

int main(int argc, char **argv)
{
    int terminal = open_terminal();
    bool up;
    pid_t pid;

    if (argc < 4)
        errx(2, "stopwatch SECONDS GUEST_MIB COMMAND...");
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    started = now_ms();
    pid = start(argv + 3, terminal);
    up = listen_to(terminal, pid, started + atof(argv[1]) * 1e3);
    print_marks();
    printf("], \"processes\": [");
    if (up)
        print_processes(atol(argv[2]) * 1024);
    (void)!write(terminal, "\n", 1);
    printf("], \"status\": %d, \"said\": \"", finish(pid, terminal));
    for (size_t i = 0; !up && i < n_said; i++)
        if (said[i] >= ' ' && said[i] != '"' && said[i] != '\\')
            putchar(said[i]);
    puts("\"}");
    return up ? 0 : 1;
}
