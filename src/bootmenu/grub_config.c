// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * grub_config.c: a record as GRUB's menu. Pure text, no I/O. Every word that comes from the record
 * goes through grub_quote; ids are names of the form [a-z][a-z0-9-]*.
 *
 * The whole menu is one function: GRUB does nothing of it before the bootstrap has seen that all of
 * it could be read.
 */
#include "bootmenu/grub_config.h"
#include "bootmenu/grub_quote.h"
#include "bootmenu/menu.h"
#include "core/cleanup.h"
#include "os/root_folder.h"

#include <inttypes.h>
#include <string.h>

/* A text being written into memory. */
struct text {
    FILE *out;
    char *data;
    size_t len;
};

static int text_open(struct text *text, struct err *e)
{
    *text = (struct text){0};
    text->out = open_memstream(&text->data, &text->len);
    return text->out != NULL ? 0 : err_no_memory(e);
}

static char *text_take(struct text *text, struct err *e)
{
    bool failed = ferror(text->out) != 0;

    if (fclose(text->out) != 0 || failed) {
        free(text->data);
        err_no_memory(e);
        return NULL;
    }
    return text->data;
}

/* Before the search root is the disk that the BIOS booted from; as a hint, with a comma at its end,
 * it stands for every partition of that disk, so that a copy of the disk elsewhere is not taken. */
char *grub_embedded_text(const char *esp_fs_uuid, struct err *e)
{
    struct text text;

    if (text_open(&text, e) < 0)
        return NULL;
    fputs("search.fs_uuid ", text.out);
    grub_quote(text.out, esp_fs_uuid);
    fputs(" root $root,\nset prefix=($root)/EFI/BOOT\n", text.out);
    return text_take(&text, e);
}

char *grub_bootstrap_text(struct err *e)
{
    struct text text;

    if (text_open(&text, e) < 0)
        return NULL;
    fputs("# Made by berth: shows the boot menu of the slot that " ESP_SELECT " selects.\n",
          text.out);
    fputs(grub_script_bootstrap, text.out);
    return text_take(&text, e);
}

/* A missing serial port leaves the screen alone instead of leaving nothing. */
static void put_consoles(FILE *out, const struct record *record)
{
    if (record->serial) {
        const char *terminals = record->vga ? "console serial" : "serial";

        fprintf(out,
                "  if serial --unit=0 --speed=115200; then\n"
                "    terminal_input %s\n"
                "    terminal_output %s\n"
                "  fi\n",
                terminals, terminals);
    }
    fputs("  if [ \"$grub_platform\" = efi ]; then insmod all_video; fi\n"
          "  set gfxpayload=keep\n"
          "  if [ \"x$berth_warning\" != x ]; then echo \"$berth_warning\"; sleep 3; fi\n",
          out);
}

/* The last console becomes the kernel's /dev/console. */
static const char *kernel_consoles(const struct record *record)
{
    if (record->vga && record->serial)
        return " console=tty0 console=ttyS0,115200n8";
    return record->serial ? " console=ttyS0,115200n8" : "";
}

/* The partition of a pending system is neither what it was nor what it will be. */
static void put_pending(FILE *out, const struct record_system *system)
{
    fputs("    echo ", out);
    grub_quote(out, system->name);
    fputs("' cannot boot: its partition is '", out);
    grub_quote(out, system->pending);
    fputs("\n    echo 'Boot another system and give the command that was interrupted again.'\n"
          "    sleep --interruptible 20\n"
          "  }\n",
          out);
}

/* Where its root is: os/root_folder.h has the rule. */
static void put_find(FILE *out, const struct record_system *system, const struct root_flags *flags)
{
    char uuid[GUID_TEXT];

    fprintf(out, "    if berth_find %s ", guid_print(&system->fs_uuid, uuid));
    grub_quote(out, flags->folder != NULL ? flags->folder : "");
    fputc(' ', out);
    grub_quote(out, flags->others);
    fprintf(out,
            "; then\n"
            "      linux \"($root)$berth_folder/boot/vmlinuz-$berth_version\" root=UUID=%s ro",
            uuid);
}

static void put_entry(FILE *out, const struct record *record, const struct menu_entry *entry,
                      const struct root_flags *flags)
{
    const struct record_system *system = entry->system;

    fputs("  menuentry ", out);
    grub_quote(out, entry->title);
    fprintf(out, " --id '%s' {\n", system->name);
    if (system->pending != NULL) {
        put_pending(out, system);
        return;
    }
    put_find(out, system, flags);
    fputs(kernel_consoles(record), out);
    if (system->kernel_options != NULL)
        grub_quote_options(out, system->kernel_options);
    if (!flags->fixed)
        fputs(" $berth_rootflags", out);
    fputs("\n"
          "      berth_initrd\n"
          "    fi\n"
          "  }\n",
          out);
}

/* A kernel that panics restarts the machine, which then boots what it always does. */
static void put_work(FILE *out, const struct record *record, const struct menu *menu)
{
    if (menu->work == NULL)
        return;
    fputs("  menuentry 'finish: '", out);
    grub_quote(out, menu->work->text);
    fprintf(out,
            " --id '" MENU_WORK "' {\n"
            "    linux \"($berth_esp)/" ESP_WORK_KERNEL "\" " WORK_OPTION " quiet panic=10%s\n"
            "    initrd \"($berth_esp)/" ESP_WORK_INITRD "\"\n"
            "  }\n",
            kernel_consoles(record));
}

/* What boots by itself. Without its files the work is nothing that could boot, and what GRUB cannot
 * load gives way to the usual entry. */
static void put_default(FILE *out, const struct menu *menu)
{
    fprintf(out, "  set default='%s'\n", menu->entries[menu->usual].system->name);
    if (menu->work == NULL)
        return;
    fprintf(out, "  set fallback=%zu\n", menu->usual);
    if (strcmp(menu->default_name, MENU_WORK) == 0)
        fputs("  if [ -f \"($berth_esp)/" ESP_WORK_KERNEL "\" -a -f \"($berth_esp)/" ESP_WORK_INITRD
              "\" ]; then set default='" MENU_WORK "'; fi\n",
              out);
}

/* `berth menu next`: the name is cleared and written back before anything boots, so that a system
 * that does not come up is not tried again. Where it cannot be cleared it does not count. */
static void put_next(FILE *out, const struct menu *menu)
{
    fputs("  set next=\"\"\n"
          "  load_env --file \"($berth_esp)/" ESP_STATE "\" next\n"
          "  if [ \"x$next\" != x ]; then\n"
          "    set berth_next=\"$next\"\n"
          "    set next=\"\"\n"
          "    if save_env --file \"($berth_esp)/" ESP_STATE "\" next; then\n"
          "      for berth_name in",
          out);
    for (size_t i = 0; i < menu->n; i++)
        fprintf(out, " %s", menu->entries[i].system->name);
    if (menu->work != NULL)
        fputs(" " MENU_WORK, out);
    fputs("; do\n"
          "        if [ \"x$berth_next\" = \"x$berth_name\" ]; then\n"
          "          set default=\"$berth_next\"\n"
          "        fi\n"
          "      done\n"
          "    fi\n"
          "  fi\n",
          out);
}

static int put_entries(FILE *out, const struct record *record, const struct menu *menu,
                       struct err *e)
{
    for (size_t i = 0; i < menu->n; i++) {
        _cleanup_root_flags_ struct root_flags flags = {0};

        if (root_flags_read(menu->entries[i].system->kernel_options, &flags, e) < 0)
            return -1;
        put_entry(out, record, &menu->entries[i], &flags);
    }
    return 0;
}

/* The id of the entry that is no system is none that a system could have. */
static int put_menu(FILE *out, const struct record *record, const struct menu *menu, struct err *e)
{
    fputs("function berth_menu {\n", out);
    put_consoles(out, record);
    fprintf(out, "  echo 'berth menu, generation %" PRIu64 "'\n", record->generation);
    if (put_entries(out, record, menu, e) < 0)
        return -1;
    put_work(out, record, menu);
    fputs("  if [ \"$grub_platform\" = efi ]; then\n"
          "    menuentry 'Firmware setup' --id 'FIRMWARE' { fwsetup; }\n"
          "  fi\n",
          out);
    if (menu->n > 0) {
        fprintf(out, "  set timeout_style=menu\n  set timeout=%d\n", record->menu_timeout);
        put_default(out, menu);
        put_next(out, menu);
    } else {
        fputs("  echo 'berth: no system is installed on this disk yet'\n", out);
    }
    fputs("}\n", out);
    return 0;
}

static void put_folders(FILE *out)
{
    fputs("set berth_folders=\"", out);
    for (size_t i = 0; root_folder_names[i] != NULL; i++)
        fprintf(out, "%s%s", i > 0 ? " " : "", root_folder_names[i]);
    fputs("\"\n", out);
}

char *grub_menu_text(const struct record *record, struct err *e)
{
    _cleanup_menu_ struct menu menu = {0};
    _cleanup_free_ char *whole = NULL;
    struct text text;
    int result;

    if (menu_entries(record, &menu, e) < 0 || text_open(&text, e) < 0)
        return NULL;
    fputs("# Made by berth: the next change of the menu replaces this.\n", text.out);
    fputs(grub_script_functions, text.out);
    put_folders(text.out);
    result = put_menu(text.out, record, &menu, e);
    fprintf(text.out, "set berth_done=%" PRIu64 "\n", record->generation);
    whole = text_take(&text, e);
    return result < 0 ? NULL : steal(whole);
}
