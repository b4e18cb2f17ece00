// SPDX-License-Identifier: GPL-3.0-or-later
/* customize_parts.h: what the files customize*.c share. Nobody else includes it. */
#ifndef BERTH_IMAGES_CUSTOMIZE_PARTS_H
#define BERTH_IMAGES_CUSTOMIZE_PARTS_H

#include "images/customize.h"

/* Things an image has or has not, known once the stream has passed. */
enum fact {
    HAS_SYSTEMD,
    HAS_SSHD,
    HAS_SUDO,
    HAS_BASH,
    HAS_INITRAMFS_TOOLS,
    HAS_ZONE,
    HAS_LOCALE,
    N_FACTS,
};

/* An entry taken out of the stream. It goes back as it was unless something else is put at its
 * path. */
struct held {
    struct tree_entry entry; /* its pointers are owned */
    char *data;              /* of a file, with a NUL behind it */
    bool replaced;
};

struct customize {
    const struct customize_input *in;
    struct tree *to; /* while finishing */
    struct ui *ui;
    struct held *held;
    size_t n_held;
    bool facts[N_FACTS];
    bool *mountpoint_seen; /* one for each mount */
};

/* The held entry at the path, or NULL. */
struct held *customize_held(struct customize *c, const char *path);

/* The held text file at the path, "" where the image has none; ERR_UNSUPPORTED for what is no file.
 */
int customize_text(struct customize *c, const char *path, const char **text, struct err *e);

/* Puts a file, a symlink or a folder, in the place of a held entry if there is one. put_text takes
 * owner and mode of the held file if there is one. */
int customize_put_file(struct customize *c, const char *path, unsigned mode, const char *text,
                       struct err *e);
int customize_put_text(struct customize *c, const char *path, unsigned mode, const char *text,
                       struct err *e);
int customize_put_link(struct customize *c, const char *path, const char *target, struct err *e);
int customize_put_entry(struct customize *c, const struct tree_entry *entry, const void *data,
                        struct err *e);

/* When what is made here was made (seconds since 1970): the time of the newest held entry. A clock
 * would make two equal runs differ. */
int64_t customize_made_at(const struct customize *c);

/* The parts, in the order they run. */
int customize_accounts(struct customize *c, struct err *e); /* customize_accounts.c */
int customize_names(struct customize *c, struct err *e);    /* customize_settings.c ... */
int customize_filesystems(struct customize *c, struct err *e);
int customize_language(struct customize *c, struct err *e);
int customize_services(struct customize *c, struct err *e); /* customize_services.c */

#endif
