// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * machine.h: one machine as its user wants it, read from a machine file (YAML; docs/machine.md).
 * Plain data: strings are owned by the machine, NULL where the key was left out or null.
 */
#ifndef BERTH_MODEL_MACHINE_H
#define BERTH_MODEL_MACHINE_H

#include "core/err.h"
#include "core/size.h"
#include "core/strings.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* Where a value stands in the file, from 1; 0: it was not written there. */
struct position {
    unsigned line, column;
};

enum fs_kind { FS_NONE, FS_EXT4, FS_SWAP, FS_VFAT };

struct machine_partition {
    char *name;
    char *type; /* "esp", "bios-boot", "linux", "swap"; a root's is "root" */
    struct size size;
    enum fs_kind fs;
    struct position at, size_at;
};

struct machine_user {
    char *name;
    char *password_hash;
    struct strings groups, ssh_keys;
    bool sudo_without_password;
    struct position at;
};

struct machine_mount {
    char *path;      /* absolute */
    char *partition; /* name */
    struct position at;
};

struct machine_file {
    char *from; /* relative to the machine file's folder, or absolute */
    char *to;   /* absolute, in the guest */
    unsigned mode;
    struct position at;
};

/* Defaults for `berth run`; 0 and NULL where the file does not say. */
struct machine_run {
    uint64_t memory; /* bytes */
    unsigned cpus;
    char *net;    /* "user" | "none" */
    char *engine; /* "auto" | "kvm" | "qemu" */
};

struct machine_system {
    bool host;
    char *name;
    char *image;                   /* a name in the store or a path */
    struct machine_partition root; /* its name is the system's */
    struct machine_partition *volumes;
    size_t n_volumes;
    char *hostname, *timezone, *locale, *keyboard;
    char *root_password_hash;
    struct machine_user *users;
    size_t n_users;
    struct machine_mount *mounts;
    size_t n_mounts;
    char *kernel_options;
    struct machine_file *files;
    size_t n_files;
    char *first_boot;
    struct machine_run run;
    struct position at;
};

struct machine_menu {
    char *default_name;
    int timeout; /* seconds; 0 at once, -1 waits */
    bool has_timeout;
    struct strings order;
    bool vga, serial; /* consoles; both when the file does not say */
    struct position default_at, order_at;
};

struct machine_disk {
    char *path;           /* as written; machine_resolve makes it usable */
    uint64_t bytes;       /* 0: not said */
    unsigned sector_size; /* 0: not said */
    char *serial, *wwn;
    struct position at, size_at;
};

struct machine {
    char *path, *folder; /* of the file, for messages and for paths beside it */
    char *name;
    struct machine_disk disk;
    /* As in the file, and in front what it leaves out: esp, bios-boot (never with 4096-byte
     * sectors). */
    struct machine_partition *partitions;
    size_t n_partitions;
    struct machine_system *systems; /* the host first, where there is one, then the guests */
    size_t n_systems;
    bool has_menu;
    struct machine_menu menu;
};

/* How a difference between the file and the disk is treated; the one table is machine_key.def. */
enum key_class { KEY_CREATE, KEY_CONVERGE, KEY_REFUSE };

/* Reads and checks a machine file. Every error says FILE:LINE:COLUMN, what was found and what was
 * expected; keys whose work does not exist yet are refused by name. Checks everything that needs no
 * disk: names (form, one namespace), references (menu, mounts), one "rest", required keys.
 * The result is freed with machine_free. */
struct machine *machine_read(const char *path, struct err *e);

/* The same from text; path is for messages and the folder of files. */
struct machine *machine_parse(const char *text, size_t len, const char *path, struct err *e);

void machine_free(struct machine *machine);

#define _cleanup_machine_ __attribute__((cleanup(machine_cleanup)))
void machine_cleanup(struct machine **machine);

/* Writes the machine as a machine file that reads back to the same machine. */
int machine_print(const struct machine *machine, FILE *out, struct err *e);

/* Calls each() for every key of the system that applies only when it is made (image and partitions
 * aside), with the key's name and its value as YAML, in a fixed order. */
int machine_each_setting(const struct machine_system *system,
                         int (*each)(void *arg, const char *key, const char *text, struct err *e),
                         void *arg, struct err *e);

/* An error at a place of the file: "FILE:LINE:COLUMN: ...". */
int machine_error(const struct machine *machine, struct position at, enum err_code code,
                  struct err *e, const char *fmt, ...) ERR_PRINTF(5, 6);

/* A path of the file (disk.path, an image's, files[].from) as one that can be opened: relative ones
 * start at the machine file's folder. A new string, which the caller frees; NULL: out of memory. */
char *machine_resolve(const struct machine *machine, const char *path, struct err *e);

/* The class of a key by its path without indices ("guests.image", "menu.timeout"); KEY_REFUSE when
 * there is no such key. */
enum key_class machine_key_class(const char *key);

/* NULL when there is none. */
const struct machine_system *machine_system(const struct machine *machine, const char *name);

/* True for [a-z][a-z0-9-]{0,30}. */
bool name_is_valid(const char *name);

/* True for a single line without control characters (of ASCII or of Unicode's C1 block). */
bool text_is_line(const char *text);
/* Makes it one: each byte of a control character becomes a "?". */
void text_make_line(char *text);

const char *fs_kind_name(enum fs_kind fs); /* "ext4"; FS_NONE is "none" */
bool fs_kind_parse(const char *name, enum fs_kind *fs);

#endif
