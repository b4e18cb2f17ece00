// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * sandbox.c: what is given up before the lists of system calls.
 *
 * The same monitor is started by root and by anybody. Root has namespaces for the asking and then
 * becomes a user of this run alone; anybody else needs a user namespace, which the host may deny.
 */
#include "hypervisor/sandbox.h"

#include "core/jail.h"
#include "core/landlock.h"
#include "core/privilege.h"

#include <linux/capability.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Between the ranges that systemd gives to containers and the last id: nobody's. */
#define RUN_IDS 1900000000U

#define ROOM "/dev" /* a folder that is everywhere: the empty root is mounted there first */

#ifndef SANDBOX_PROBE
static bool probe_leaves_out(const char *layer)
{
    (void)layer;
    return false;
}

static void probe_try(const char *thread, const struct vm *vm)
{
    (void)thread, (void)vm;
}
#endif

/* ---- before the machine is made ---- */

/* Closes every descriptor that the description does not name, itself included. */
static int close_others(const struct description *d, struct err *e)
{
    const int named[] = {d->kvm,     d->kernel, d->payload, d->initrd,  d->serial,     d->console,
                         d->control, d->net,    d->state,   d->overlay, d->overlay_map};
    struct jail_fds keep = {.n = 0};

    for (size_t i = 0; i < sizeof(named) / sizeof(named[0]); i++)
        if (named[i] >= 0 && jail_fds_add(&keep, named[i], e) < 0)
            return -1;
    for (uint32_t i = 0; i < d->n_ranges; i++)
        if (jail_fds_add(&keep, d->ranges[i].fd, e) < 0 ||
            (d->ranges[i].direct > 0 && jail_fds_add(&keep, d->ranges[i].direct, e) < 0))
            return -1;
    return jail_close_fds(&keep, e);
}

/* An empty file system that cannot be written to instead of the host's files. */
static bool enter_empty_root(void)
{
    return mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
           mount("none", ROOM, "tmpfs", MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) == 0 &&
           chdir(ROOM) == 0 && syscall(SYS_pivot_root, ".", ".") == 0 &&
           umount2(".", MNT_DETACH) == 0 && chdir("/") == 0;
}

static void leave_namespaces(struct sandbox *sandbox)
{
    const int rest = CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS;

    if (unshare(geteuid() == 0 ? rest : rest | CLONE_NEWUSER) < 0)
        sandbox->lacks |= SANDBOX_NO_NAMESPACES | SANDBOX_NO_EMPTY_ROOT;
    else if (!enter_empty_root())
        sandbox->lacks |= SANDBOX_NO_EMPTY_ROOT;
}

/* A user of this run, so that two monitors cannot touch each other; where there are not so many
 * users, in a container, nobody. */
static void leave_root(struct sandbox *sandbox)
{
    struct err ignored;

    if (geteuid() == 0 && privilege_become(RUN_IDS + (uid_t)getpid(), &ignored) < 0 &&
        privilege_become(PRIVILEGE_NOBODY, &ignored) < 0)
        sandbox->lacks |= SANDBOX_NO_OTHER_USER;
}

/* Who has no right to drop from the bounding set keeps it, but no_new_privs keeps him from getting
 * anything out of it. */
static void drop_bounding_set(void)
{
    for (int c = 0; prctl(PR_CAPBSET_READ, c, 0, 0, 0) >= 0; c++)
        (void)prctl(PR_CAPBSET_DROP, c, 0, 0, 0);
}

static int drop_capabilities(struct err *e)
{
    struct __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3, 0};
    const struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {{0, 0, 0}};

    return syscall(SYS_capset, &head, none) < 0 ? err_errno(e, "giving up capabilities") : 0;
}

static void leave_all(struct sandbox *sandbox)
{
    leave_namespaces(sandbox);
    drop_bounding_set();
    leave_root(sandbox);
}

int sandbox_shrink(struct sandbox *sandbox, const struct description *description, struct err *e)
{
    if (privilege_lock(e) < 0 || privilege_silence(STDOUT_FILENO, e) < 0 ||
        close_others(description, e) < 0)
        return -1;
    leave_all(sandbox);
    return drop_capabilities(e) < 0 ? -1 : privilege_lock(e);
}

/* ---- before a thread is started ---- */

/* With /dev/kvm it could make other machines; saving asks it which registers there are. */
static void close_makers(const struct description *d)
{
    const int makers[] = {d->state < 0 ? d->kvm : -1, d->kernel, d->payload, d->initrd,
                          d->overlay_map};

    for (size_t i = 0; i < sizeof(makers) / sizeof(makers[0]); i++)
        if (makers[i] >= 0)
            close(makers[i]);
}

static int deny_files(struct sandbox *sandbox, struct err *e)
{
    int landlock = probe_leaves_out("landlock") ? 0 : landlock_deny_all(e);

    if (landlock == 0)
        sandbox->lacks |= SANDBOX_NO_LANDLOCK;
    return landlock < 0 ? -1 : 0;
}

int sandbox_seal(struct sandbox *sandbox, const struct vm *vm, struct err *e)
{
    if (deny_files(sandbox, e) < 0)
        return -1;
    sandbox->vm = vm;
    if (sandbox_list_cpu(&sandbox->cpu, vm, e) < 0 || sandbox_list_loop(&sandbox->loop, vm, e) < 0)
        return -1;
    close_makers(vm->description);
    return dup2(STDIN_FILENO, STDERR_FILENO) < 0 ? err_errno(e, "standard error") : 0;
}

/* ---- to see what can be had ---- */

int sandbox_try(struct sandbox *sandbox, struct err *e)
{
    leave_all(sandbox);
    filter_begin(&sandbox->loop);
    if (deny_files(sandbox, e) < 0 || filter_end(&sandbox->loop, SECCOMP_RET_ALLOW, e) < 0)
        return -1;
    return filter_install(&sandbox->loop, e);
}

/* ---- in each thread ---- */

static int enter(const struct sandbox *sandbox, const char *thread, const struct filter *filter,
                 struct err *e)
{
    if (!probe_leaves_out("seccomp") && filter_install(filter, e) < 0)
        return -1;
    probe_try(thread, sandbox->vm);
    return 0;
}

int sandbox_enter_cpu(void *arg, struct err *e)
{
    const struct sandbox *sandbox = arg;

    return enter(sandbox, "cpu", &sandbox->cpu, e);
}

int sandbox_enter_loop(void *arg, struct err *e)
{
    const struct sandbox *sandbox = arg;

    return enter(sandbox, "loop", &sandbox->loop, e);
}
