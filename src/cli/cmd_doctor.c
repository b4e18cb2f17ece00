// SPDX-License-Identifier: GPL-3.0-or-later
/* cmd_doctor.c: berth doctor: what this machine can do, and what is missing for the rest. */
#include "bootmenu/grub_install.h"
#include "cli/cli.h"
#include "cli/options.h"
#include "cli/text.h"
#include "core/cleanup.h"
#include "core/libexec.h"
#include "core/spawn.h"
#include "engine/engine_kvm.h"
#include "engine/keeper.h"
#include "engine/kvm_probe.h"
#include "engine/passt.h"
#include "engine/sandbox_probe.h"
#include "fs/fs.h"
#include "images/store.h"
#include "initramfs/appliance.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct finding {
    const char *what, *purpose;
    bool ok;
    char text[300]; /* what is there, or what is missing and the way out */
};

static void found(struct finding *f, bool ok, const char *text)
{
    f->ok = ok;
    snprintf(f->text, sizeof(f->text), "%.299s", text);
}

/* Looks for a tool, and names the package that has it. */
static void look_for(struct finding *f, const char *tool)
{
    _cleanup_free_ char *path = spawn_find(tool);
    const char *package = spawn_package(tool);

    f->ok = path != NULL;
    if (path != NULL)
        snprintf(f->text, sizeof(f->text), "%s", path);
    else
        snprintf(f->text, sizeof(f->text), "%s is missing: apt-get install %s", tool,
                 package != NULL ? package : tool);
}

/* A filesystem's programs: those that are there, or those that are missing and what for. */
static void look_for_fs(struct finding *f, const struct fs_ops *ops)
{
    char there[256] = "", missing[200] = "";
    size_t n_there = 0, n_missing = 0;

    for (const struct fs_program *p = ops->programs; p->name != NULL; p++) {
        _cleanup_free_ char *path = spawn_find(p->name);

        if (path != NULL)
            n_there += (size_t)snprintf(there + n_there, sizeof(there) - n_there, "%s%s",
                                        n_there > 0 ? ", " : "", p->name);
        else
            n_missing +=
                (size_t)snprintf(missing + n_missing, sizeof(missing) - n_missing, "%s%s (%s)",
                                 n_missing > 0 ? ", " : "", p->name, p->purpose);
    }
    if (n_missing == 0)
        found(f, true, there);
    else
        snprintf(f->text, sizeof(f->text), "missing: %s: apt-get install %s", missing,
                 ops->package);
}

static void check_files_in_fat(struct finding *f)
{
    look_for(f, "mcopy");
}

static void check_bios(struct finding *f)
{
    look_for(f, "grub-mkimage");
    if (f->ok && access("/usr/lib/grub/i386-pc/boot.img", R_OK) < 0)
        found(f, false, "GRUB for BIOS is missing: apt-get install grub-pc-bin");
}

static void check_uefi(struct finding *f)
{
    struct err e;

    if (grub_efi_check(&e) == 0)
        found(f, true, "shim and GRUB, signed");
    else
        snprintf(f->text, sizeof(f->text), "%.150s: %.100s", e.text, e.hint);
}

static void check_build(struct finding *f)
{
    look_for(f, "mmdebstrap");
}

static void check_store(struct finding *f)
{
    struct err e;
    _cleanup_free_ char *folder = store_folder(&e);
    struct image *images = NULL;
    size_t n = 0;

    if (folder == NULL || store_list(&images, &n, &e) < 0) {
        found(f, false, e.text);
        return;
    }
    for (size_t i = 0; i < n; i++)
        image_free(&images[i]);
    free(images);
    f->ok = true;
    snprintf(f->text, sizeof(f->text), "%.200s, %zu image%s", folder, n, n == 1 ? "" : "s");
}

static void check_qemu(struct finding *f)
{
    look_for(f, "qemu-system-x86_64");
}

/* One of berth's own programs. */
static void look_for_own(struct finding *f, const char *program)
{
    struct err e;
    _cleanup_free_ char *path = libexec_path(program, &e);

    if (path != NULL)
        found(f, true, path);
    else
        snprintf(f->text, sizeof(f->text), "%.100s: %.190s", e.text, e.hint);
}

static void check_monitor(struct finding *f)
{
    look_for_own(f, MONITOR_PROGRAM);
}

static void check_keeper(struct finding *f)
{
    look_for_own(f, KEEPER_PROGRAM);
}

static void check_network(struct finding *f)
{
    char why[200];

    switch (passt_probe(why, sizeof(why))) {
    case PASST_READY:
        look_for(f, "passt");
        break;
    case PASST_MISSING:
        snprintf(f->text, sizeof(f->text), "%.180s; till then QEMU runs guests with a network",
                 why);
        break;
    case PASST_DENIED:
        snprintf(f->text, sizeof(f->text),
                 "%.180s: guests run without a network, or with --net tap", why);
        break;
    }
}

static void check_grub_reader(struct finding *f)
{
    look_for(f, "grub-fstest");
}

static void check_kvm(struct finding *f)
{
    char why[KVM_WHY] = "";

    if (engine_kvm_usable(why, sizeof(why)))
        found(f, true, "usable");
    else
        snprintf(f->text, sizeof(f->text), "%.230s; guests run in software emulation, slowly", why);
}

/* What stands between a guest that has broken out and this machine. */
static void check_sandbox(struct finding *f)
{
    char text[250];

    if (sandbox_probe(text, sizeof(text)))
        found(f, true, text);
    else
        snprintf(f->text, sizeof(f->text), "guests run, but the monitor has %s", text);
}

/* What resizes btrfs and xfs for who may not mount them. */
static void check_appliance(struct finding *f)
{
    struct host_kernel kernel;
    struct err e;

    f->ok = appliance_check("btrfs", &kernel, &e) == 0 && appliance_check("xfs", &kernel, &e) == 0;
    if (f->ok)
        snprintf(f->text, sizeof(f->text), "btrfs and xfs, by Linux %.200s in QEMU",
                 kernel.version);
    else
        snprintf(f->text, sizeof(f->text), "%.150s: %.100s", e.text, e.hint);
}

static void check_disks(struct finding *f)
{
    if (geteuid() == 0)
        found(f, true, "as root: files and devices");
    else
        found(f, true, "files; a device needs root, or write access to its node");
}

static const struct {
    const char *what, *purpose;
    void (*check)(struct finding *f);
} checks[] = {
    {"disks", "plan, apply", check_disks},
    {"files in a FAT", "apply", check_files_in_fat},
    {"GRUB for BIOS", "apply", check_bios},
    {"GRUB for UEFI", "apply", check_uefi},
    {"building images", "image build", check_build},
    {"image store", "image", check_store},
    {"QEMU", "run", check_qemu},
    {"berth-monitor", "run", check_monitor},
    {"berth-keeper", "run", check_keeper},
    {"/dev/kvm", "run, fast", check_kvm},
    {"passt", "run, network", check_network},
    {"grub-fstest", "run, btrfs", check_grub_reader},
    {"sandbox", "run, safe", check_sandbox},
    {"appliance", "part resize", check_appliance},
};

#define N_CHECKS (sizeof(checks) / sizeof(checks[0]))
#define FS_MAX   16

/* The filesystems come behind the disks. Returns how many findings there are. */
static size_t find_all(struct finding findings[N_CHECKS + FS_MAX])
{
    const struct fs_ops *ops;
    size_t n = 0;

    for (size_t i = 0; i < N_CHECKS; i++) {
        findings[n] = (struct finding){.what = checks[i].what, .purpose = checks[i].purpose};
        checks[i].check(&findings[n++]);
        for (size_t k = 0; i == 0 && k < FS_MAX && (ops = fs_at(k)) != NULL; k++) {
            findings[n] = (struct finding){.what = ops->name, .purpose = "part, apply"};
            look_for_fs(&findings[n++], ops);
        }
    }
    return n;
}

static int print_json(const struct finding *findings, size_t n, struct err *e)
{
    json_t *list = json_array();

    for (size_t i = 0; i < n; i++)
        json_array_append_new(list, json_pack("{s:s, s:s, s:b, s:s}", "what", findings[i].what,
                                              "for", findings[i].purpose, "ok", findings[i].ok,
                                              "text", findings[i].text));
    return cli_print_json("checks", list, e);
}

const struct option_row cmd_doctor_options[] = {ROW_END};

int cmd_doctor(struct cli *cli, int argc, char **argv, struct err *e)
{
    struct finding findings[N_CHECKS + FS_MAX] = {0};
    size_t n;

    if (options_parse(cli, argc, argv, NULL, e) < 0)
        return -1;
    n = find_all(findings);
    if (cli->json)
        return print_json(findings, n, e);
    for (size_t i = 0; i < n; i++) {
        char lead[64];

        snprintf(lead, sizeof(lead), "%-4s %-16s %-13s ", findings[i].ok ? "ok" : "NO",
                 findings[i].what, findings[i].purpose);
        text_print(stdout, lead, findings[i].text);
    }
    return 0;
}
