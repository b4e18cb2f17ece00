// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * grub_install.c: makes what GRUB needs on a disk, as bytes. The numbers of sectors that GRUB's
 * boot code wants patched in are at fixed places of boot.img and of the core image's first sector
 * (GRUB's include/grub/offsets.h and boot/i386/pc/boot.S, diskboot.S).
 */
#include "bootmenu/grub_install.h"
#include "bootmenu/grub_config.h"
#include "core/cleanup.h"
#include "core/io.h"
#include "core/size.h"
#include "core/spawn.h"

#include <endian.h>
#include <string.h>
#include <sys/mman.h>

#define SHIM_FOLDER "/usr/lib/shim/"
#define GRUB_FOLDER "/usr/lib/grub/"
#define BIOS_FOLDER GRUB_FOLDER "i386-pc"

#define CORE_MAX   MIB
#define PATH_OF_FD 40

/* boot.img */
#define BOOT_KERNEL_SECTOR 0x5c  /* 64 bits: where the core image is */
#define BOOT_DRIVE         0x64  /* 8 bits: 0xff is the drive the BIOS booted from */
#define BOOT_DRIVE_CHECK   0x66  /* 16 bits: a jump past the floppy workaround; NOPs switch it on */
#define MBR_KEPT           0x1b8 /* the disk's signature, its partition table, the boot mark */
/* the core image's first sector, diskboot.img */
#define CORE_LIST_START   0x1f4 /* 64 bits: where the rest of the core image is */
#define CORE_LIST_SECTORS 0x1fc /* 16 bits: how many sectors that is */
#define CORE_LIST_SEGMENT 0x1fe /* 16 bits: where it is loaded */
#define CORE_LOADED_AT    0x820

const struct grub_efi_file grub_efi_files[] = {
    {SHIM_FOLDER "shimx64.efi.signed", "EFI/BOOT/BOOTX64.EFI", "shim-signed"},
    {GRUB_FOLDER "x86_64-efi-signed/grubx64.efi.signed", "EFI/BOOT/grubx64.efi",
     "grub-efi-amd64-signed"},
    {SHIM_FOLDER "mmx64.efi.signed", "EFI/BOOT/mmx64.efi", "shim-helpers-amd64-signed"},
    {NULL, NULL, NULL},
};

/* All that the texts of grub_config.c use and what a person needs at GRUB's command line; nothing
 * is loaded from the disk later. */
static const char *const bios_modules[] = {
    "biosdisk",
    "part_gpt",
    "part_msdos", /* disks */
    "fat",
    "ext2",
    "btrfs",
    "xfs", /* filesystems */
    "search",
    "search_fs_uuid",
    "search_fs_file",
    "search_label", /* finding them */
    "normal",
    "configfile",
    "loadenv",
    "test",
    "true",
    "regexp",
    "echo", /* scripts */
    "sleep",
    "minicmd",
    "cat",
    "ls",
    "probe",
    "help", /* the command line */
    "linux",
    "chain",
    "halt",
    "reboot",
    "boot", /* booting */
    "terminal",
    "terminfo",
    "serial",
    "vga",
    "vbe",
    "all_video",
    "gfxterm",
    "font", /* consoles */
};

#define N_BIOS_MODULES (sizeof(bios_modules) / sizeof(bios_modules[0]))

static int check_installed(const char *path, const char *package, struct err *e)
{
    if (access(path, R_OK) == 0)
        return 0;
    err_set(e, ERR_NOT_FOUND, "GRUB's file %s is not installed", path);
    return err_hint(e, "apt-get install %s", package);
}

int grub_efi_check(struct err *e)
{
    for (const struct grub_efi_file *file = grub_efi_files; file->from != NULL; file++)
        if (check_installed(file->from, file->package, e) < 0)
            return -1;
    return 0;
}

/* Anonymous memory that grub-mkimage inherits, hence without close-on-exec. */
static int memory(const char *text, char path[PATH_OF_FD], struct err *e)
{
    _cleanup_close_ int fd = memfd_create("berth-grub", 0);

    if (fd < 0)
        return err_errno(e, "memory for grub-mkimage");
    if (io_write(fd, text, strlen(text), e) < 0)
        return -1;
    snprintf(path, PATH_OF_FD, "/proc/self/fd/%d", fd);
    return steal_fd(&fd);
}

static int run_mkimage(const char *config, const char *output, struct err *e)
{
    const char *argv[16 + N_BIOS_MODULES] = {"grub-mkimage", "-O", "i386-pc",   "-d",
                                             BIOS_FOLDER,    "-p", "/EFI/BOOT", "-c",
                                             config,         "-o", output};
    struct spawn spawn = {.argv = argv, .stdin_fd = -1, .stdout_fd = -1};
    size_t n = 11;

    for (size_t i = 0; i < N_BIOS_MODULES; i++)
        argv[n++] = bios_modules[i];
    return spawn_run(&spawn, NULL, e);
}

/* The core image with its embedded text, filled up to whole sectors. */
static int make_core(const char *esp_fs_uuid, struct grub_bios *bios, struct err *e)
{
    _cleanup_free_ char *text = grub_embedded_text(esp_fs_uuid, e);
    char config[PATH_OF_FD], output[PATH_OF_FD];
    _cleanup_close_ int config_fd = text == NULL ? -1 : memory(text, config, e);
    _cleanup_close_ int output_fd = config_fd < 0 ? -1 : memory("", output, e);
    off_t bytes;

    if (output_fd < 0 || run_mkimage(config, output, e) < 0)
        return -1;
    bytes = lseek(output_fd, 0, SEEK_END);
    if (bytes < GRUB_SECTOR || bytes > (off_t)CORE_MAX)
        return err_set(e, ERR_FAILED, "grub-mkimage made an image of %lld bytes", (long long)bytes);
    bios->core_bytes = round_up((uint64_t)bytes, GRUB_SECTOR);
    bios->core = calloc(1, bios->core_bytes);
    if (bios->core == NULL)
        return err_no_memory(e);
    return io_pread(output_fd, bios->core, (size_t)bytes, 0, e);
}

static void put16(uint8_t *at, uint16_t value)
{
    value = htole16(value);
    memcpy(at, &value, sizeof(value));
}

static void put64(uint8_t *at, uint64_t value)
{
    value = htole64(value);
    memcpy(at, &value, sizeof(value));
}

/* Tells the core image where the rest of it lies. */
static int patch_core(struct grub_bios *bios, struct err *e)
{
    uint16_t segment;

    memcpy(&segment, bios->core + CORE_LIST_SEGMENT, sizeof(segment));
    if (le16toh(segment) != CORE_LOADED_AT)
        return err_set(e, ERR_UNSUPPORTED, "this version of GRUB's core image is not known");
    put64(bios->core + CORE_LIST_START, bios->core_at / GRUB_SECTOR + 1);
    put16(bios->core + CORE_LIST_SECTORS, (uint16_t)(bios->core_bytes / GRUB_SECTOR - 1));
    return 0;
}

static int make_sector0(struct grub_bios *bios, const uint8_t old[GRUB_SECTOR], struct err *e)
{
    _cleanup_free_ char *boot = NULL;
    size_t len;

    if (io_read_file(BIOS_FOLDER "/boot.img", GRUB_SECTOR, &boot, &len, e) < 0)
        return -1;
    if (len != GRUB_SECTOR)
        return err_set(e, ERR_UNSUPPORTED, BIOS_FOLDER "/boot.img has %zu bytes", len);
    memcpy(bios->sector0, boot, GRUB_SECTOR);
    put64(bios->sector0 + BOOT_KERNEL_SECTOR, bios->core_at / GRUB_SECTOR);
    bios->sector0[BOOT_DRIVE] = 0xff;
    memset(bios->sector0 + BOOT_DRIVE_CHECK, 0x90, 2);
    memcpy(bios->sector0 + MBR_KEPT, old + MBR_KEPT, GRUB_SECTOR - MBR_KEPT);
    return 0;
}

int grub_bios_image(const char *esp_fs_uuid, struct extent bios_boot, unsigned sector,
                    const uint8_t old_sector0[GRUB_SECTOR], struct grub_bios *out, struct err *e)
{
    _cleanup_grub_bios_ struct grub_bios bios = {.core_at = bios_boot.start};

    if (sector != GRUB_SECTOR)
        return err_set(e, ERR_UNSUPPORTED, "no BIOS boots from a disk with sectors of %u bytes",
                       sector);
    if (check_installed(BIOS_FOLDER "/boot.img", "grub-pc-bin", e) < 0 ||
        make_core(esp_fs_uuid, &bios, e) < 0)
        return -1;
    if (bios.core_bytes > bios_boot.bytes)
        return err_set(e, ERR_NO_SPACE,
                       "GRUB needs %zu bytes, and the BIOS boot partition has only %llu",
                       bios.core_bytes, (unsigned long long)bios_boot.bytes);
    if (patch_core(&bios, e) < 0 || make_sector0(&bios, old_sector0, e) < 0)
        return -1;
    *out = bios;
    bios.core = NULL;
    return 0;
}

void grub_bios_free(struct grub_bios *bios)
{
    free(bios->core);
    bios->core = NULL;
}
