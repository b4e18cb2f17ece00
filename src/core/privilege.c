// SPDX-License-Identifier: GPL-3.0-or-later
/* privilege.c: thin over the kernel's calls. */
#include "core/privilege.h"
#include "core/cleanup.h"

#include <fcntl.h>
#include <grp.h>
#include <sys/prctl.h>

int privilege_silence(int last, struct err *e)
{
    _cleanup_close_ int null = open("/dev/null", O_RDWR | O_CLOEXEC);

    if (null < 0)
        return err_errno(e, "/dev/null");
    for (int fd = STDIN_FILENO; fd <= last; fd++)
        if (dup2(null, fd) < 0)
            return err_errno(e, "descriptor %d", fd);
    return 0;
}

int privilege_become(uid_t id, struct err *e)
{
    if (setgroups(0, NULL) < 0 || setresgid(id, id, id) < 0 || setresuid(id, id, id) < 0)
        return err_errno(e, "giving up root");
    return 0;
}

int privilege_limit(__rlimit_resource_t resource, rlim_t value, struct err *e)
{
    struct rlimit bound = {value, value};

    return setrlimit(resource, &bound) < 0 ? err_errno(e, "setting a limit") : 0;
}

int privilege_lock(struct err *e)
{
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return err_errno(e, "giving up privileges");
    return privilege_limit(RLIMIT_CORE, 0, e);
}
