// SPDX-License-Identifier: GPL-3.0-or-later
/* customize_check.c: what would go wrong while customising, found before anything is written. */
#include "images/customize.h"
#include "os/identify.h"

#include <string.h>

/* Text that goes between the colons of an accounts file. */
static int check_field(const char *what, const char *name, const char *text, struct err *e)
{
    if (text == NULL || (*text != '\0' && strpbrk(text, ":\n") == NULL))
        return 0;
    return err_set(e, ERR_SYNTAX, "%s of %s is empty, or has a colon or a line break in it", what,
                   name);
}

/* Text that goes on a line, inside double quotes at most. */
static int check_word(const char *what, const char *text, struct err *e)
{
    if (text == NULL || (*text != '\0' && strpbrk(text, " \t\n\"\\$`'") == NULL))
        return 0;
    return err_set(e, ERR_SYNTAX, "the %s \"%s\" is empty, or has spaces or quotes in it", what,
                   text);
}

/* useradd's rule (useradd(8)). */
static bool is_user_name(const char *name)
{
    static const char first[] = "abcdefghijklmnopqrstuvwxyz_";
    static const char rest[] = "abcdefghijklmnopqrstuvwxyz0123456789_-";
    size_t len = strlen(name);

    return len > 0 && len <= 32 && strchr(first, name[0]) != NULL && strspn(name, rest) == len;
}

static int check_user(const struct image *image, const struct machine_user *user, struct err *e)
{
    if (!is_user_name(user->name)) {
        err_set(e, ERR_SYNTAX, "\"%s\" cannot be a user's name", user->name);
        return err_hint(e, "lower-case letters, digits, \"_\" and \"-\", at most 32");
    }
    if (strcmp(user->name, "root") == 0) {
        err_set(e, ERR_REFUSED, "every image has a user \"root\" already");
        return err_hint(e, "root-password-hash gives root a password");
    }
    if (strings_have(&image->users, user->name))
        return err_set(e, ERR_REFUSED, "the image %s has a user \"%s\" already", image->name,
                       user->name);
    for (size_t i = 0; i < user->groups.n; i++) {
        if (strings_have(&image->groups, user->groups.items[i]))
            continue;
        err_set(e, ERR_NOT_FOUND, "user %s: the image %s has no group \"%s\"", user->name,
                image->name, user->groups.items[i]);
        return err_hint(e, "leave the group out, or make it in first-boot");
    }
    for (size_t i = 0; i < user->ssh_keys.n; i++)
        if (strchr(user->ssh_keys.items[i], '\n') != NULL)
            return err_set(e, ERR_SYNTAX, "an SSH key of %s has a line break in it", user->name);
    return check_field("the password hash", user->name, user->password_hash, e);
}

static int check_image(const struct image *image, struct err *e)
{
    if (strcmp(image->family, FAMILY_LINUX) != 0)
        return err_set(e, ERR_UNSUPPORTED,
                       "the image %s is of the family %s: only linux can be "
                       "customised",
                       image->name, image->family);
    if (image->arch == NULL || strcmp(image->arch, "amd64") != 0)
        return err_set(e, ERR_UNSUPPORTED, "the image %s is for %s, this is for amd64 only",
                       image->name, image->arch != NULL ? image->arch : "no known processor");
    return 0;
}

int customize_check(const struct image *image, const struct machine_system *system, struct err *e)
{
    if (check_image(image, e) < 0 || check_word("hostname", system->hostname, e) < 0 ||
        check_word("time zone", system->timezone, e) < 0 ||
        check_word("locale", system->locale, e) < 0 ||
        check_word("keyboard", system->keyboard, e) < 0 ||
        check_field("the password hash", "root", system->root_password_hash, e) < 0)
        return err_wrap(e, "%s", system->name);
    if (system->timezone != NULL && !strings_have(&image->timezones, system->timezone)) {
        err_set(e, ERR_NOT_FOUND, "%s: the image %s has no time zone \"%s\"", system->name,
                image->name, system->timezone);
        return err_hint(e, "names as in the time zone database: UTC, Europe/Berlin");
    }
    for (size_t i = 0; i < system->n_users; i++)
        if (check_user(image, &system->users[i], e) < 0)
            return err_wrap(e, "%s", system->name);
    return 0;
}
