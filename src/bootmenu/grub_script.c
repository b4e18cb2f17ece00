// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * grub_script.c: the parts of GRUB's configuration that are the same on every disk.
 *
 * What is known of GRUB 2.06 and shaped this: a glob comes in the folder's order, and stays as it
 * is when nothing matches; regexp takes an argument with a leading "-" for an option, so that an
 * "x" goes in front; -gt overflows at 32 bits on i386-pc; a function has no variables of its own; a
 * file is read to its end even when a part of it is no valid script.
 */
#include "bootmenu/grub_config.h"

/*
 * Which kernel is the newest: the rule of os/newest_kernel.h, in GRUB's words.
 *
 * Runs of digits are compared as numbers by bringing both to 40 digits: kernel versions hold dates
 * of 14 digits, which no GRUB can count, but the order of texts of one length is the order of the
 * numbers.
 */
const char grub_script_functions[] =
    "# berth_number N: sets berth_number to N in 40 digits\n"
    "function berth_number {\n"
    "  regexp --set=1:berth_number '([0-9]{40})$'"
    " \"0000000000000000000000000000000000000000$1\"\n"
    "}\n"
    "# berth_newer A B: true when the kernel version A is newer than B\n"
    "function berth_newer {\n"
    "  set berth_left_a=\"$1\"\n"
    "  set berth_left_b=\"$2\"\n"
    "  while true; do\n"
    "    set berth_text_a=\"\"; set berth_a=\"\"; set berth_rest_a=\"\"\n"
    "    set berth_text_b=\"\"; set berth_b=\"\"; set berth_rest_b=\"\"\n"
    "    regexp --set=1:berth_text_a --set=2:berth_a --set=3:berth_rest_a"
    " '^x([^0-9]*)([0-9]+)(.*)$' \"x$berth_left_a\"\n"
    "    regexp --set=1:berth_text_b --set=2:berth_b --set=3:berth_rest_b"
    " '^x([^0-9]*)([0-9]+)(.*)$' \"x$berth_left_b\"\n"
    "    set berth_candidate_a=no\n"
    "    set berth_candidate_b=no\n"
    "    if regexp '^x[-~.]?rc' \"x$berth_text_a\"; then set berth_candidate_a=yes; fi\n"
    "    if regexp '^x[-~.]?rc' \"x$berth_text_b\"; then set berth_candidate_b=yes; fi\n"
    "    if [ $berth_candidate_a = no -a $berth_candidate_b = yes ]; then return 0; fi\n"
    "    if [ $berth_candidate_a = yes -a $berth_candidate_b = no ]; then return 1; fi\n"
    "    if [ \"x$berth_a\" = x -a \"x$berth_b\" = x ]; then\n"
    "      if [ \"x$1\" '<' \"x$2\" ]; then return 0; fi\n"
    "      return 1\n"
    "    fi\n"
    "    if [ \"x$berth_b\" = x ]; then return 0; fi\n"
    "    if [ \"x$berth_a\" = x ]; then return 1; fi\n"
    "    berth_number $berth_a; set berth_a=$berth_number\n"
    "    berth_number $berth_b; set berth_b=$berth_number\n"
    "    if [ \"x$berth_a\" '>' \"x$berth_b\" ]; then return 0; fi\n"
    "    if [ \"x$berth_a\" '<' \"x$berth_b\" ]; then return 1; fi\n"
    "    set berth_left_a=\"$berth_rest_a\"\n"
    "    set berth_left_b=\"$berth_rest_b\"\n"
    "  done\n"
    "}\n"
    "# berth_newest FOLDER: sets berth_version to the newest kernel's in it, or to nothing\n"
    "function berth_newest {\n"
    "  set berth_version=\"\"\n"
    "  for berth_file in \"$1\"/vmlinuz-*; do\n"
    "    if [ -f \"$berth_file\" ]; then\n"
    "      set berth_this=\"\"\n"
    "      regexp --set=1:berth_this '/vmlinuz-([^/]*)$' \"$berth_file\"\n"
    "      if [ \"x$berth_this\" = x ]; then true\n"
    "      elif regexp '(rescue|\\.old|\\.bak|\\.dpkg-|-kdump)' \"x$berth_this\"; then true\n"
    "      elif [ \"x$berth_version\" = x ]; then set berth_version=\"$berth_this\"\n"
    "      elif berth_newer \"$berth_this\" \"$berth_version\"; then\n"
    "        set berth_version=\"$berth_this\"\n"
    "      fi\n"
    "    fi\n"
    "  done\n"
    "}\n"
    "# berth_find UUID: makes that filesystem the root and finds its newest kernel\n"
    "function berth_find {\n"
    "  if search --no-floppy --fs-uuid --set=root \"$1\"; then\n"
    "    berth_newest \"($root)/boot\"\n"
    "    if [ \"x$berth_version\" != x ]; then return 0; fi\n"
    "    echo \"berth: there is no kernel (boot/vmlinuz-*) on the filesystem $1\"\n"
    "  else\n"
    "    echo \"berth: the filesystem $1 is not there\"\n"
    "  fi\n"
    "  echo \"back to the menu in 10 seconds, or with Esc\"\n"
    "  sleep --interruptible 10\n"
    "  return 1\n"
    "}\n"
    "# berth_initrd: loads the initrd of the kernel berth_find found, where there is one\n"
    "function berth_initrd {\n"
    "  for berth_file in \"initrd.img-$berth_version\" \"initramfs-$berth_version.img\""
    " \"initrd-$berth_version\"; do\n"
    "    if [ -f \"($root)/boot/$berth_file\" ]; then\n"
    "      initrd \"($root)/boot/$berth_file\"\n"
    "      return 0\n"
    "    fi\n"
    "  done\n"
    "}\n";

/*
 * The selected slot counts when reading it to its end set berth_done to the selected generation. If
 * not, or if nothing is selected that makes sense, the slot with the higher generation of those
 * that are whole: the rule of esp_slot.c. A slot only defines functions, so that reading one and
 * then taking the other leaves nothing behind.
 */
const char grub_script_bootstrap[] =
    "set berth_esp=\"$root\"\n"
    "if [ ! -f \"($berth_esp)/" ESP_SELECT "\" ]; then\n"
    "  regexp --set=1:berth_esp '^\\(([^)]*)\\)' \"$cmdpath\"\n"
    "fi\n"
    "if [ ! -f \"($berth_esp)/" ESP_SELECT "\" ]; then\n"
    "  search --no-floppy --file --set=berth_esp /" ESP_SELECT "\n"
    "fi\n"
    "# berth_read SLOT: reads it, which sets berth_done to its generation when it is whole\n"
    "function berth_read {\n"
    "  set berth_done=\"\"\n"
    "  if [ -f \"($berth_esp)/berth/menu-$1.cfg\" ]; then\n"
    "    source \"($berth_esp)/berth/menu-$1.cfg\"\n"
    "  fi\n"
    "}\n"
    "set slot=\"\"\n"
    "set generation=\"\"\n"
    "load_env --file \"($berth_esp)/" ESP_SELECT "\" slot generation\n"
    "set berth_other=b\n"
    "if [ \"x$slot\" = xb ]; then set berth_other=a; else set slot=a; fi\n"
    "berth_read $slot\n"
    "if [ \"x$berth_done\" = x -o \"x$berth_done\" != \"x$generation\" ]; then\n"
    "  set berth_warning=\"berth: menu slot $slot is damaged, the other one stands in for it\"\n"
    "  set berth_first=\"$berth_done\"\n"
    "  berth_read $berth_other\n"
    "  if [ \"x$berth_first\" = x ]; then true\n"
    "  elif [ \"x$berth_done\" = x ]; then berth_read $slot\n"
    "  elif [ \"$berth_first\" -gt \"$berth_done\" ]; then berth_read $slot\n"
    "  fi\n"
    "fi\n"
    "if [ \"x$berth_done\" = x ]; then\n"
    "  if serial --unit=0 --speed=115200; then\n"
    "    terminal_input console serial\n"
    "    terminal_output console serial\n"
    "  fi\n"
    "  echo \"berth: no menu could be read from the EFI system partition.\"\n"
    "  echo \"Boot a rescue system and run berth apply; here is GRUB's command line.\"\n"
    "else\n"
    "  berth_menu\n"
    "fi\n";
