// SPDX-License-Identifier: GPL-3.0-or-later
/* cmd_doctor.c: berth doctor: what this machine can do, and what is missing for the rest. */
#include "bootmenu/grub_install.h"
#include "cli/cli.h"
#include "cli/options.h"
#include "core/cleanup.h"
#include "core/spawn.h"
#include "flow/kvm_probe.h"
#include "images/store.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct finding {
    bool ok;
    char text[256]; /* what is there, or what is missing and the way out */
};

static void found(struct finding *f, bool ok, const char *text)
{
    f->ok = ok;
    snprintf(f->text, sizeof(f->text), "%.255s", text);
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

static void check_mke2fs(struct finding *f)
{
    look_for(f, "mke2fs");
}

static void check_mkswap(struct finding *f)
{
    look_for(f, "mkswap");
}

static void check_fat(struct finding *f)
{
    look_for(f, "mkfs.vfat");
    if (f->ok)
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

static void check_kvm(struct finding *f)
{
    char why[200] = "";

    if (engine_kvm_usable(why, sizeof(why)))
        found(f, true, "usable");
    else
        snprintf(f->text, sizeof(f->text), "%.180s; guests run in software emulation, slowly", why);
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
    {"ext4", "apply", check_mke2fs},
    {"FAT", "apply", check_fat},
    {"swap", "apply", check_mkswap},
    {"GRUB for BIOS", "apply", check_bios},
    {"GRUB for UEFI", "apply", check_uefi},
    {"building images", "image build", check_build},
    {"image store", "image", check_store},
    {"QEMU", "run", check_qemu},
    {"/dev/kvm", "run, fast", check_kvm},
};

#define N_CHECKS (sizeof(checks) / sizeof(checks[0]))

static int print_json(const struct finding *findings, struct err *e)
{
    json_t *list = json_array();

    for (size_t i = 0; i < N_CHECKS; i++)
        json_array_append_new(list, json_pack("{s:s, s:s, s:b, s:s}", "what", checks[i].what, "for",
                                              checks[i].purpose, "ok", findings[i].ok, "text",
                                              findings[i].text));
    return cli_print_json("checks", list, e);
}

const struct option_row cmd_doctor_options[] = {ROW_END};

int cmd_doctor(struct cli *cli, int argc, char **argv, struct err *e)
{
    struct finding findings[N_CHECKS] = {0};

    if (options_parse(cli, argc, argv, NULL, e) < 0)
        return -1;
    for (size_t i = 0; i < N_CHECKS; i++)
        checks[i].check(&findings[i]);
    if (cli->json)
        return print_json(findings, e);
    for (size_t i = 0; i < N_CHECKS; i++)
        printf("%-4s %-16s %-13s %s\n", findings[i].ok ? "ok" : "NO", checks[i].what,
               checks[i].purpose, findings[i].text);
    return 0;
}
