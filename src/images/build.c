// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * build.c: runs mmdebstrap, compresses the archive it writes straight into a draft of the store,
 * and commits that when everything went well. Whatever happens, the build's folder goes, and
 * mmdebstrap with everything it has started.
 */
#include "images/build.h"
#include "core/cleanup.h"
#include "core/io.h"
#include "core/size.h"
#include "core/spawn.h"
#include "images/build_parts.h"
#include "images/pack.h"
#include "images/scan.h"
#include "images/store.h"

#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define LOG_MAX    (64 * MIB)
#define POLL_MS    500
#define LAST_LINES 12

/* ---- may this user build? ---- */

static bool has_subordinate_ids(const char *path, const char *user)
{
    _cleanup_free_ char *text = NULL;
    size_t len = strlen(user);
    struct err ignored;

    if (io_read_file(path, MIB, &text, NULL, &ignored) < 0)
        return false;
    for (const char *line = text; *line != '\0'; line += strcspn(line, "\n"), line += *line == '\n')
        if (strncmp(line, user, len) == 0 && line[len] == ':')
            return true;
    return false;
}

static int check_user(struct err *e)
{
    const struct passwd *me = getpwuid(geteuid());
    const char *user = me != NULL ? me->pw_name : "this user";
    _cleanup_free_ char *newuidmap = NULL;

    if (geteuid() == 0)
        return 0;
    newuidmap = spawn_find("newuidmap");
    if (newuidmap == NULL) {
        err_set(e, ERR_NOT_FOUND, "building an image without root needs the program newuidmap");
        return err_hint(e, "apt-get install uidmap");
    }
    if (has_subordinate_ids("/etc/subuid", user) && has_subordinate_ids("/etc/subgid", user))
        return 0;
    err_set(e, ERR_REFUSED,
            "%s has no subordinate user numbers, without which only root can build "
            "an image",
            user);
    return err_hint(e,
                    "usermod --add-subuids 100000-165535 --add-subgids 100000-165535 %s, or build "
                    "as root",
                    user);
}

/* ---- the build's folder ---- */

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    remove(path);
    return 0;
}

static void folder_cleanup(char **folder)
{
    if (*folder != NULL)
        nftw(*folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    free(*folder);
}

/* In /var/tmp: TMPDIR may have characters that a shell would take apart. */
static char *make_folder(struct err *e)
{
    char *folder = io_format(e, "/var/tmp/berth-build-XXXXXX");

    if (folder != NULL && mkdtemp(folder) == NULL) {
        err_errno(e, "%s", folder);
        free(folder);
        return NULL;
    }
    /* mmdebstrap reads it under other user numbers. */
    if (folder != NULL)
        chmod(folder, 0755);
    return folder;
}

static int copy_package(const char *from, const char *to, struct err *e)
{
    _cleanup_free_ char *data = NULL;
    size_t len;

    if (io_read_file(from, GIB, &data, &len, e) < 0)
        return -1;
    if (len < 21 || memcmp(data, "!<arch>\ndebian-binary", 21) != 0)
        return err_set(e, ERR_UNSUPPORTED, "%s: not a Debian package", from);
    return io_replace_file(to, data, len, 0644, e);
}

static int copy_packages(const struct build *build, const char *folder, struct err *e)
{
    size_t n = 0;

    for (size_t i = 0; i < build->n_packages; i++) {
        const char *package = build->packages[i];
        _cleanup_free_ char *to = NULL;

        if (package[0] == '-' || *package == '\0' ||
            (!build_is_path(package) && strpbrk(package, ", \t\n") != NULL))
            return err_set(e, ERR_USAGE, "\"%s\" cannot be a package's name", package);
        if (!build_is_path(package))
            continue;
        to = io_format(e, "%s/%zu.deb", folder, n++);
        if (to == NULL || copy_package(package, to, e) < 0)
            return -1;
    }
    return 0;
}

/* ---- mmdebstrap ---- */

struct run {
    const char *folder;
    struct pack *pack;
    struct ui *ui;
    pid_t pid;
    int pipe;       /* its standard output */
    uint64_t bytes; /* of the archive so far */
};

/* The log's last lines that say something, joined by spaces, or "". */
static void last_words(const char *folder, char *buf, size_t len)
{
    _cleanup_free_ char *path = NULL, *text = NULL;
    struct err ignored;
    size_t n, lines = 0;

    buf[0] = '\0';
    path = io_format(&ignored, "%s/" BUILD_LOG, folder);
    if (path == NULL || io_read_file(path, LOG_MAX, &text, &n, &ignored) < 0)
        return;
    while (n > 0 && text[n - 1] == '\n')
        text[--n] = '\0';
    while (n > 0 && lines < LAST_LINES && strlen(text + n - 1) < len - 1)
        lines += text[--n] == '\n';
    snprintf(buf, len, "%s", text + n + (text[n] == '\n'));
    for (char *p = buf; *p != '\0'; p++)
        if (*p == '\n')
            *p = ' ';
}

/* What mmdebstrap is at: its last "I: " line, with the bytes that came. */
static int report(struct run *run, struct err *e)
{
    _cleanup_free_ char *path = io_format(e, "%s/" BUILD_LOG, run->folder), *text = NULL;
    struct err ignored;
    const char *what = "building", *at;
    char line[80];

    if (path == NULL)
        return -1;
    if (io_read_file(path, LOG_MAX, &text, NULL, &ignored) == 0) {
        for (at = text; (at = strstr(at, "I: ")) != NULL; at += 3)
            if (at == text || at[-1] == '\n')
                what = at + 3;
    }
    snprintf(line, sizeof(line), "%.*s", (int)strcspn(what, "\n."), what);
    return ui_progress(run->ui, line, run->bytes, 0, e);
}

/* Takes the archive as it comes; tells about twice a second how far it is. */
static int receive(struct run *run, struct err *e)
{
    _cleanup_free_ char *buf = malloc(MIB);
    struct pollfd poll_fd = {.fd = run->pipe, .events = POLLIN};

    if (buf == NULL)
        return err_no_memory(e);
    for (;;) {
        ssize_t got;

        if (poll(&poll_fd, 1, POLL_MS) <= 0) {
            if (report(run, e) < 0)
                return -1;
            continue;
        }
        got = read(run->pipe, buf, MIB);
        if (got == 0)
            return 0;
        if (got < 0 && errno != EINTR)
            return err_errno(e, "reading from mmdebstrap");
        if (got > 0 && pack_write(run->pack, buf, (size_t)got, e) < 0)
            return -1;
        run->bytes += got > 0 ? (uint64_t)got : 0;
        if (ui_progress(run->ui, "compressing", run->bytes, 0, e) < 0)
            return -1;
    }
}

static int start(struct run *run, const struct strings *command, struct err *e)
{
    static const char *const env[] = {"LC_ALL=C", "DEBIAN_FRONTEND=noninteractive", NULL};
    const char **argv = calloc(command->n + 1, sizeof(*argv));
    struct spawn spawn = {.argv = argv, .env = env, .stdin_fd = -1};
    int fds[2], result;

    if (argv == NULL)
        return err_no_memory(e);
    for (size_t i = 0; i < command->n; i++)
        argv[i] = command->items[i];
    if (pipe2(fds, O_CLOEXEC) < 0) {
        free(argv);
        return err_errno(e, "pipe");
    }
    spawn.stdout_fd = fds[1];
    result = spawn_start(&spawn, &run->pid, e);
    close(fds[1]);
    free(argv);
    run->pipe = fds[0];
    if (result < 0)
        close(fds[0]);
    return result;
}

/* Ends mmdebstrap, which then unmounts and removes what it has made. */
static int finish(struct run *run, bool kill_it, struct err *e)
{
    char words[600];
    int status;

    close(run->pipe);
    if (kill_it)
        kill(run->pid, SIGTERM);
    while (waitpid(run->pid, &status, 0) < 0 && errno == EINTR)
        ;
    if (kill_it)
        return -1;
    if (status == 0)
        return 0;
    /* Ctrl-C reaches mmdebstrap too, and may end it before it is asked for here. */
    if (report(run, e) < 0)
        return -1;
    last_words(run->folder, words, sizeof(words));
    return err_set(e, ERR_TOOL, "mmdebstrap failed: %s", words);
}

static int run_mmdebstrap(const struct build *build, const char *folder, int fd, struct ui *ui,
                          struct err *e)
{
    _cleanup_pack_ struct pack *pack = pack_open(fd, e);
    struct run run = {.folder = folder, .pack = pack, .ui = ui};
    struct strings command = {0};
    uint64_t in, out;
    int result;

    if (pack == NULL)
        return -1;
    result = build_command(build, folder, &command, e);
    if (result == 0)
        result = start(&run, &command, e);
    strings_clear(&command);
    if (result < 0)
        return -1;
    result = receive(&run, e);
    if (finish(&run, result < 0, e) < 0)
        return -1;
    return pack_finish(pack, &in, &out, e);
}

/* ---- the whole ---- */

/* What was asked for, the names of .deb files without their folders: an image says no path. */
static int note_packages(const struct build *build, struct image *image, struct err *e)
{
    const struct strings *own = &build->recipe->packages;

    for (size_t i = 0; i < own->n; i++)
        if (strings_add(&image->packages, own->items[i], strlen(own->items[i]), e) < 0)
            return -1;
    for (size_t i = 0; i < build->n_packages; i++) {
        const char *slash = strrchr(build->packages[i], '/');
        const char *name = slash != NULL ? slash + 1 : build->packages[i];

        if (strings_add(&image->packages, name, strlen(name), e) < 0)
            return -1;
    }
    return 0;
}

static int complete(const struct build *build, struct draft *draft, struct image *image,
                    struct ui *ui, struct err *e)
{
    if (scan(draft->path, build->name, image, ui, e) < 0)
        return -1;
    image->name = io_format(e, "%s", build->name);
    image->signature = io_format(e, "built-here");
    if (image->name != NULL && image->signature != NULL && note_packages(build, image, e) == 0 &&
        store_commit(draft, image, e) == 0)
        return 0;
    image_free(image);
    return -1;
}

int build_image(const struct build *build, struct image *image, struct ui *ui, struct err *e)
{
    __attribute__((cleanup(folder_cleanup))) char *folder = NULL;
    _cleanup_draft_ struct draft draft = {.fd = -1};

    *image = (struct image){0};
    if (store_check_free(build->name, e) < 0 || check_user(e) < 0)
        return -1;
    folder = make_folder(e);
    if (folder == NULL || copy_packages(build, folder, e) < 0 || draft_open(&draft, e) < 0)
        return -1;
    if (run_mmdebstrap(build, folder, draft.fd, ui, e) < 0)
        return err_wrap(e, "building %s", build->name);
    return complete(build, &draft, image, ui, e);
}

int build_show(const struct build *build, struct ui *ui, struct err *e)
{
    struct strings command = {0};
    int result = build_command(build, "/var/tmp/berth-build", &command, e);

    for (size_t i = 0; result == 0 && i < command.n; i++)
        ui_note(ui, "%s%s", i > 0 ? "    " : "", command.items[i]);
    strings_clear(&command);
    if (result == 0)
        ui_note(ui, "then compress it into the store as \"%s\"", build->name);
    return result;
}
