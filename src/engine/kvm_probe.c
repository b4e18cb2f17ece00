// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * kvm_probe.c: a guest of nine bytes. It runs in 32-bit protected mode with paging, executes int3,
 * and its handler tells us through an I/O port. The child that runs it may hang or be killed; only
 * its exit status is believed.
 *
 * Source: Linux Documentation/virt/kvm/api.rst; Intel SDM volume 3, 3.4.5 (segment descriptors),
 * 4.3 (32-bit paging), 6.11 (IDT descriptors).
 */
#include "engine/kvm_probe.h"
#include "core/cleanup.h"
#include "core/folders.h"
#include "core/io.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/kvm.h>
#include <pwd.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

/* The guest's memory, by guest address. */
#define MEMORY  0x10000
#define GDT     0x0500
#define IDT     0x1000
#define PAGES   0x2000
#define CODE    0x3000
#define HANDLER 0x3100
#define STACK   0x8000

#define CODE_SELECTOR 0x08
#define DATA_SELECTOR 0x10
#define PORT          0xf4
#define ANSWER        'K'
#define SECONDS       2

static const uint8_t code[] = {0xcc, 0xf4};                        /* int3; hlt */
static const uint8_t handler[] = {0xb0, ANSWER, 0xe6, PORT, 0xf4}; /* mov al; out; hlt */

static void fill_memory(uint8_t *memory)
{
    static const uint64_t gdt[] = {0, 0x00cf9b000000ffff, 0x00cf93000000ffff};
    static const uint32_t page_of_4_mib = 0x87; /* present, writable, user, large; at 0 */
    static const uint64_t gate = (uint64_t)0x8e00 << 32 | CODE_SELECTOR << 16 | HANDLER;

    memcpy(memory + GDT, gdt, sizeof(gdt));
    memcpy(memory + IDT + 3 * sizeof(gate), &gate, sizeof(gate));
    memcpy(memory + PAGES, &page_of_4_mib, sizeof(page_of_4_mib));
    memcpy(memory + CODE, code, sizeof(code));
    memcpy(memory + HANDLER, handler, sizeof(handler));
}

static struct kvm_segment flat_segment(uint16_t selector, uint8_t type)
{
    return (struct kvm_segment){
        .limit = ~0U, .selector = selector, .type = type, .present = 1, .s = 1, .db = 1, .g = 1};
}

static bool set_registers(int cpu)
{
    struct kvm_regs regs = {.rip = CODE, .rsp = STACK, .rflags = 2};
    struct kvm_sregs sregs;

    if (ioctl(cpu, KVM_GET_SREGS, &sregs) < 0)
        return false;
    sregs.cs = flat_segment(CODE_SELECTOR, 11);
    sregs.ds = sregs.es = sregs.fs = sregs.gs = sregs.ss = flat_segment(DATA_SELECTOR, 3);
    sregs.gdt = (struct kvm_dtable){.base = GDT, .limit = 23};
    sregs.idt = (struct kvm_dtable){.base = IDT, .limit = 0x7ff};
    sregs.cr3 = PAGES;
    sregs.cr4 = 0x10;       /* large pages */
    sregs.cr0 = 0x80000033; /* paging, protected mode */
    return ioctl(cpu, KVM_SET_SREGS, &sregs) == 0 && ioctl(cpu, KVM_SET_REGS, &regs) == 0;
}

/* A machine with one CPU, ready to run; -1 on failure. *run is its shared page. */
static int make_machine(int kvm, struct kvm_run **run)
{
    void *memory = mmap(NULL, MEMORY, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    struct kvm_userspace_memory_region region = {.memory_size = MEMORY,
                                                 .userspace_addr = (uintptr_t)memory};
    int run_bytes = ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
    int vm = ioctl(kvm, KVM_CREATE_VM, 0), cpu;

    if (memory == MAP_FAILED || vm < 0 || run_bytes < (int)sizeof(**run))
        return -1;
    /* Three pages that Intel's processors need for themselves, out of the guest's way. */
    if (ioctl(vm, KVM_SET_TSS_ADDR, 0xfffbd000UL) < 0)
        return -1;
    fill_memory(memory);
    cpu = ioctl(vm, KVM_CREATE_VCPU, 0);
    if (cpu < 0 || ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region) < 0 || !set_registers(cpu))
        return -1;
    *run = mmap(NULL, (size_t)run_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, cpu, 0);
    return *run == MAP_FAILED ? -1 : cpu;
}

/* In the child, which the alarm ends. */
static _Noreturn void try_guest(int kvm)
{
    struct kvm_run *run;
    int cpu;

    alarm(SECONDS);
    cpu = make_machine(kvm, &run);
    if (cpu < 0 || ioctl(cpu, KVM_RUN, 0) < 0 || run->exit_reason != KVM_EXIT_IO ||
        run->io.port != PORT)
        _exit(1);
    _exit(*((uint8_t *)run + run->io.data_offset) == ANSWER ? 0 : 1);
}

static bool guest_answers(int kvm)
{
    pid_t pid = fork();
    int status = -1;

    if (pid == 0)
        try_guest(kvm);
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return status == 0;
}

/* ---- what was found out already ---- */

/* What says that it was in this boot of the host; NULL where that cannot be said. */
static char *boot_of_host(void)
{
    char *text = NULL;
    struct err ignored;

    return io_read_file("/proc/sys/kernel/random/boot_id", 64, &text, NULL, &ignored) == 0 ? text
                                                                                           : NULL;
}

/* The file that has that of the last boot in which it worked. */
static char *answer_path(void)
{
    struct err ignored;
    _cleanup_free_ char *folder = runtime_folder(&ignored);

    return folder == NULL ? NULL : io_format(&ignored, "%s/kvm-runs", folder);
}

static bool is_known(const char *path, const char *boot)
{
    _cleanup_free_ char *text = NULL;
    struct err ignored;

    return path != NULL && boot != NULL && io_read_file(path, 64, &text, NULL, &ignored) == 0 &&
           strcmp(text, boot) == 0;
}

static bool try_and_keep(int kvm)
{
    _cleanup_free_ char *path = answer_path(), *boot = boot_of_host();
    struct err ignored;

    if (is_known(path, boot))
        return true;
    if (!guest_answers(kvm))
        return false;
    if (path != NULL && boot != NULL)
        (void)io_replace_file(path, boot, strlen(boot), 0600, &ignored);
    return true;
}

/* Who may not open it can join the group that may, where there is one. */
static void explain_denied(char *why, size_t len)
{
    const struct passwd *user = getpwuid(geteuid());
    const struct group *group;
    struct stat st;

    if (stat("/dev/kvm", &st) < 0 || (st.st_mode & 0060) != 0060 || st.st_gid == 0) {
        snprintf(why, len, "/dev/kvm: Permission denied; only root may open it");
        return;
    }
    group = getgrgid(st.st_gid);
    if (group == NULL)
        snprintf(why, len, "/dev/kvm: Permission denied; it is for the group %u, which has no name",
                 (unsigned)st.st_gid);
    else
        snprintf(why, len,
                 "/dev/kvm: Permission denied; it is for the group %.32s: usermod -aG %.32s %.32s, "
                 "then log in again",
                 group->gr_name, group->gr_name, user != NULL ? user->pw_name : "USER");
}

bool engine_kvm_usable(char *why, size_t len)
{
    _cleanup_close_ int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);

    if (kvm < 0 && errno == EACCES)
        explain_denied(why, len);
    else if (kvm < 0)
        snprintf(why, len, errno == ENOENT ? "there is no /dev/kvm" : "/dev/kvm: %s",
                 strerror(errno));
    else if (ioctl(kvm, KVM_GET_API_VERSION, 0) != KVM_API_VERSION)
        snprintf(why, len, "/dev/kvm speaks another version of its interface");
    else if (try_and_keep(kvm))
        return true;
    else
        snprintf(why, len, "/dev/kvm cannot run a kernel (a guest that takes an exception fails)");
    return false;
}
