// SPDX-License-Identifier: GPL-3.0-or-later
/* test_customize.c: what becomes of an image's files, collected in a tree that keeps what it is
 * given. */
#include "core/cleanup.h"
#include "images/accounts.h"
#include "images/customize.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* ---- the collecting tree ---- */

struct found {
    char path[200], text[2000];
    enum tree_type type;
    unsigned mode, uid;
};

static struct found found[200];
static size_t n_found;

static int collect(struct tree *tree, const struct tree_entry *entry, struct tree_source *content,
                   struct err *e)
{
    struct found *f = &found[n_found];
    const void *piece;
    uint64_t offset;
    size_t n;

    (void)tree;
    for (size_t i = 0; i < n_found; i++)
        if (strcmp(found[i].path, entry->path) == 0)
            f = &found[i];
    n_found += f == &found[n_found];
    *f = (struct found){.type = entry->type, .mode = entry->mode, .uid = entry->uid};
    snprintf(f->path, sizeof(f->path), "%s", entry->path);
    if (entry->target != NULL)
        snprintf(f->text, sizeof(f->text), "%s", entry->target);
    while (content != NULL && content->next(content, &piece, &n, &offset, e) > 0)
        memcpy(f->text + offset, piece, n);
    return 0;
}

static const struct tree_ops collector_ops = {.kind = "collector", .put = collect};

static const struct found *at(const char *path)
{
    for (size_t i = 0; i < n_found; i++)
        if (strcmp(found[i].path, path) == 0)
            return &found[i];
    fail_msg("nothing was put at %s", path);
    return NULL;
}

static bool is_there(const char *path)
{
    for (size_t i = 0; i < n_found; i++)
        if (strcmp(found[i].path, path) == 0)
            return true;
    return false;
}

/* ---- a small image ---- */

static const struct {
    const char *path, *content;
    enum tree_type type;
    unsigned mode;
} image_files[] = {
    {"usr/lib/systemd/systemd", "", TREE_FILE, 0755},
    {"usr/lib/systemd/system/getty@.service", "", TREE_FILE, 0644},
    {"usr/lib/systemd/system/systemd-networkd.service",
     "[Unit]\nWantedBy=not-this\n[Install]\nWantedBy=multi-user.target\n"
     "Also=systemd-networkd.socket\nAlias=dbus-org.freedesktop.network1.service\n",
     TREE_FILE, 0644},
    {"usr/lib/systemd/system/systemd-networkd.socket", "[Install]\nWantedBy=sockets.target\n",
     TREE_FILE, 0644},
    {"usr/sbin/sshd", "", TREE_FILE, 0755},
    {"usr/bin/bash", "", TREE_FILE, 0755},
    {"usr/share/zoneinfo/Europe/Berlin", "", TREE_FILE, 0644},
    {"etc", NULL, TREE_DIR, 0755},
    {"etc/passwd", "root:x:0:0:root:/root:/bin/bash\nold:x:1000:1000::/home/old:/bin/sh", TREE_FILE,
     0644},
    {"etc/shadow", "root:*:19000:0:99999:7:::\n", TREE_FILE, 0640},
    {"etc/group", "root:x:0:\nsudo:x:27:old\ndaemon:x:1:\n", TREE_FILE, 0644},
    {"etc/gshadow", "root:*::\nsudo:*::old\n", TREE_FILE, 0640},
    {"etc/hosts", "127.0.0.1 localhost\n127.0.1.1 builder\n", TREE_FILE, 0644},
    {"etc/hostname", "builder\n", TREE_FILE, 0644},
    {"etc/machine-id", "0123456789abcdef0123456789abcdef\n", TREE_FILE, 0444},
    {"etc/ssh/ssh_host_rsa_key", "secret", TREE_FILE, 0600},
    {"etc/ssh/sshd_config", "Port 22\n", TREE_FILE, 0644},
    {"etc/skel/.profile", "umask 022\n", TREE_FILE, 0644},
    {"etc/initramfs-tools/initramfs.conf", "", TREE_FILE, 0644},
    {"etc/default/keyboard", "XKBLAYOUT=\"us\"\n", TREE_FILE, 0644},
    {"etc/console-setup/cached_setup_keyboard.sh", "x", TREE_FILE, 0755},
    {"usr/etc/hostname", "vendor\n", TREE_FILE, 0644},
    {"srv/data", NULL, TREE_DIR, 0700},
    {"usr/bin/env", "program", TREE_FILE, 0755},
};

static char *words[] = {(char *)(uintptr_t) "sudo"};
static char *keys[] = {(char *)(uintptr_t) "ssh-ed25519 AAAA demo"};

static struct machine_user demo(void)
{
    return (struct machine_user){.name = (char *)(uintptr_t) "demo",
                                 .password_hash = (char *)(uintptr_t) "$y$j9T$salt$hash",
                                 .groups = {words, 1},
                                 .ssh_keys = {keys, 1}};
}

/* Customises the image for the system, and returns what was told. */
static int try_customize(const struct machine_system *system, struct customize_input input,
                         struct err *e)
{
    struct tree collector = {.ops = &collector_ops};
    _cleanup_customize_ struct customize *customize = NULL;

    n_found = 0;
    input.system = system;
    input.root_uuid = "00000000-0000-0000-0000-00000000000a";
    customize = customize_new(&input, e);
    assert_non_null(customize);
    for (size_t i = 0; i < sizeof(image_files) / sizeof(image_files[0]); i++) {
        const char *content = image_files[i].content;
        struct tree_entry entry = {.path = image_files[i].path,
                                   .type = image_files[i].type,
                                   .mode = image_files[i].mode,
                                   .size = content != NULL ? strlen(content) : 0};
        struct tree_bytes bytes;
        struct tree_source *source = tree_bytes(&bytes, content, (size_t)entry.size);
        int taken = customize_take(customize, &entry, content != NULL ? source : NULL, e);

        if (taken < 0)
            return -1;
        if (taken == 0)
            collect(&collector, &entry, content != NULL ? source : NULL, e);
    }
    return customize_finish(customize, &collector, NULL, e);
}

static void customize(const struct machine_system *system, struct customize_input input)
{
    struct err e = {0};

    if (try_customize(system, input, &e) < 0)
        fail_msg("%s", e.text);
}

static struct machine_system dev(void)
{
    return (struct machine_system){.name = (char *)(uintptr_t) "dev", .root = {.fs = FS_EXT4}};
}

#define NOTHING ((struct customize_input){0})

/* ---- the tests ---- */

static void the_system_gets_its_name(void **state)
{
    struct machine_system system = dev();

    (void)state;
    customize(&system, NOTHING);
    assert_string_equal(at("etc/hostname")->text, "dev\n");
    assert_string_equal(at("etc/hosts")->text, "127.0.0.1 localhost\n127.0.1.1\tdev\n");
}

static void no_identity_of_the_image_is_left(void **state)
{
    struct machine_system system = dev();

    (void)state;
    customize(&system, NOTHING);
    assert_string_equal(at("etc/machine-id")->text, "");
    assert_false(is_there("etc/ssh/ssh_host_rsa_key"));
    assert_true(is_there("etc/ssh/sshd_config"));
    assert_non_null(strstr(at("etc/systemd/system/berth-ssh-keys.service")->text, "ssh-keygen -A"));
}

static void other_entries_pass_unchanged(void **state)
{
    struct machine_system system = dev();

    (void)state;
    customize(&system, NOTHING);
    assert_string_equal(at("usr/bin/env")->text, "program");
    assert_int_equal(at("srv/data")->mode, 0700);
    assert_string_equal(at("etc/skel/.profile")->text, "umask 022\n");
    assert_string_equal(at("usr/etc/hostname")->text, "vendor\n");
}

static void root_is_locked_unless_it_has_a_hash(void **state)
{
    struct machine_system system = dev();

    (void)state;
    customize(&system, NOTHING);
    assert_string_equal(at("etc/shadow")->text, "root:!:19000:0:99999:7:::\n");
    assert_int_equal(at("etc/shadow")->mode, 0640);
    system.root_password_hash = (char *)(uintptr_t) "$6$x$y";
    customize(&system, NOTHING);
    assert_string_equal(at("etc/shadow")->text, "root:$6$x$y:19000:0:99999:7:::\n");
}

static void a_user_is_in_every_file(void **state)
{
    struct machine_user user = demo();
    struct machine_system system = dev();

    (void)state;
    system.users = &user;
    system.n_users = 1;
    customize(&system, NOTHING);
    assert_non_null(
        strstr(at("etc/passwd")->text, "\ndemo:x:1001:1001:demo:/home/demo:/bin/bash\n"));
    assert_non_null(strstr(at("etc/shadow")->text, "demo:$y$j9T$salt$hash::0:99999:7:::\n"));
    assert_string_equal(at("etc/group")->text,
                        "root:x:0:\nsudo:x:27:old,demo\ndaemon:x:1:\ndemo:x:1001:\n");
    assert_string_equal(at("etc/gshadow")->text, "root:*::\nsudo:*::old,demo\ndemo:!::\n");
}

static void a_users_home_is_theirs_alone(void **state)
{
    struct machine_user user = demo();
    struct machine_system system = dev();

    (void)state;
    system.users = &user;
    system.n_users = 1;
    customize(&system, NOTHING);
    assert_int_equal(at("home/demo")->mode, 0700);
    assert_int_equal(at("home/demo")->uid, 1001);
    assert_string_equal(at("home/demo/.profile")->text, "umask 022\n");
    assert_int_equal(at("home/demo/.profile")->uid, 1001);
    assert_int_equal(at("home/demo/.ssh")->mode, 0700);
    assert_int_equal(at("home/demo/.ssh/authorized_keys")->mode, 0600);
    assert_string_equal(at("home/demo/.ssh/authorized_keys")->text, "ssh-ed25519 AAAA demo\n");
    assert_false(is_there("etc/sudoers.d/berth-demo"));
}

static void sudo_without_password_is_one_file(void **state)
{
    struct machine_user user = demo();
    struct machine_system system = dev();

    (void)state;
    user.sudo_without_password = true;
    system.users = &user;
    system.n_users = 1;
    customize(&system, NOTHING);
    assert_int_equal(at("etc/sudoers.d/berth-demo")->mode, 0440);
}

static void a_user_without_a_hash_is_locked(void **state)
{
    struct machine_user user = demo();
    struct machine_system system = dev();

    (void)state;
    user.password_hash = NULL;
    system.users = &user;
    system.n_users = 1;
    customize(&system, NOTHING);
    assert_non_null(strstr(at("etc/shadow")->text, "\ndemo:!::"));
}

static void a_missing_group_is_an_error(void **state)
{
    char *groups[] = {(char *)(uintptr_t) "docker"};
    struct machine_user user = demo();
    struct machine_system system = dev();
    struct err e = {0};

    (void)state;
    user.groups = (struct strings){groups, 1};
    system.users = &user;
    system.n_users = 1;
    assert_int_equal(try_customize(&system, NOTHING, &e), -1);
    assert_non_null(strstr(e.text, "docker"));
}

static void only_what_is_its_own_is_waited_for(void **state)
{
    const struct customize_mount mounts[] = {{"aaaa", "/srv/data", "ext4", false},
                                             {"bbbb", "/var/own", "ext4", true}};
    struct machine_system system = dev();

    (void)state;
    customize(&system,
              (struct customize_input){.swap_uuid = "cccc", .mounts = mounts, .n_mounts = 2});
    assert_non_null(strstr(at("etc/fstab")->text,
                           "UUID=00000000-0000-0000-0000-00000000000a / ext4 "
                           "errors=remount-ro 0 1\n"));
    assert_non_null(strstr(at("etc/fstab")->text,
                           "UUID=aaaa /srv/data ext4 nofail,x-systemd.device-timeout=1s 0 2\n"));
    assert_non_null(strstr(at("etc/fstab")->text, "UUID=bbbb /var/own ext4 defaults 0 2\n"));
    assert_non_null(strstr(at("etc/fstab")->text, "UUID=cccc none swap sw 0 0\n"));
    assert_int_equal(at("srv/data")->mode, 0700);
    assert_int_equal(at("var/own")->type, TREE_DIR);
    assert_string_equal(at("etc/initramfs-tools/conf.d/resume")->text, "RESUME=UUID=cccc\n");
}

static void without_swap_of_its_own_it_never_resumes(void **state)
{
    struct machine_system system = dev();

    (void)state;
    customize(&system, NOTHING);
    assert_string_equal(at("etc/initramfs-tools/conf.d/resume")->text, "RESUME=none\n");
}

static void the_network_is_enabled_as_its_units_ask(void **state)
{
    struct machine_system system = dev();

    (void)state;
    customize(&system, NOTHING);
    assert_non_null(strstr(at("etc/systemd/network/80-berth.network")->text, "DHCP=yes"));
    assert_string_equal(
        at("etc/systemd/system/multi-user.target.wants/systemd-networkd.service")->text,
        "/usr/lib/systemd/system/systemd-networkd.service");
    assert_true(is_there("etc/systemd/system/sockets.target.wants/systemd-networkd.socket"));
    assert_true(is_there("etc/systemd/system/dbus-org.freedesktop.network1.service"));
    assert_false(is_there("etc/systemd/system/not-this.wants/systemd-networkd.service"));
    assert_false(is_there("etc/resolv.conf"));
}

static void the_clock_and_the_keyboard_are_set(void **state)
{
    struct machine_system system = dev();

    (void)state;
    system.timezone = (char *)(uintptr_t) "Europe/Berlin";
    system.keyboard = (char *)(uintptr_t) "de";
    customize(&system, NOTHING);
    assert_string_equal(at("etc/localtime")->text, "/usr/share/zoneinfo/Europe/Berlin");
    assert_string_equal(at("etc/timezone")->text, "Europe/Berlin\n");
    assert_non_null(strstr(at("etc/default/keyboard")->text, "XKBLAYOUT=\"de\"\n"));
    assert_false(is_there("etc/console-setup/cached_setup_keyboard.sh"));
}

static void the_images_own_keyboard_keeps_its_compiled_map(void **state)
{
    struct machine_system system = dev();

    (void)state;
    system.keyboard = (char *)(uintptr_t) "us";
    customize(&system, NOTHING);
    assert_true(is_there("etc/console-setup/cached_setup_keyboard.sh"));
}

static void an_unknown_time_zone_is_an_error(void **state)
{
    struct machine_system system = dev();
    struct err e = {0};

    (void)state;
    system.timezone = (char *)(uintptr_t) "Mars/Base";
    assert_int_equal(try_customize(&system, NOTHING, &e), -1);
    assert_non_null(strstr(e.text, "Mars/Base"));
}

static void a_first_boot_script_runs_once(void **state)
{
    struct machine_system system = dev();

    (void)state;
    system.first_boot = (char *)(uintptr_t) "echo hello\n";
    customize(&system, NOTHING);
    assert_string_equal(at("etc/berth/first-boot")->text, "#!/bin/sh\necho hello\n");
    assert_int_equal(at("etc/berth/first-boot")->mode, 0700);
    assert_true(is_there("etc/berth/first-boot.pending"));
    assert_true(is_there("etc/systemd/system/multi-user.target.wants/berth-first-boot.service"));
    system.first_boot = (char *)(uintptr_t) "#!/usr/bin/env python3\n";
    customize(&system, NOTHING);
    assert_string_equal(at("etc/berth/first-boot")->text, "#!/usr/bin/env python3\n");
}

static void the_machine_files_own_files_win(void **state)
{
    const struct customize_file files[] = {{"/etc/hosts", 0600, "mine\n", 5}};
    struct machine_system system = dev();

    (void)state;
    customize(&system, (struct customize_input){.files = files, .n_files = 1});
    assert_string_equal(at("etc/hosts")->text, "mine\n");
    assert_int_equal(at("etc/hosts")->mode, 0600);
}

/* ---- the check before ---- */

static struct image debian(void)
{
    static char *zones[] = {(char *)(uintptr_t) "UTC"}, *users[] = {(char *)(uintptr_t) "www-data"};

    return (struct image){.name = (char *)(uintptr_t) "debian-12",
                          .family = (char *)(uintptr_t) "linux",
                          .arch = (char *)(uintptr_t) "amd64",
                          .users = {users, 1},
                          .groups = {words, 1},
                          .timezones = {zones, 1}};
}

/* The error's text, or "" when the check passes. */
static const char *check(const struct image *image, const struct machine_system *system)
{
    static struct err e;

    e.text[0] = '\0';
    return customize_check(image, system, &e) < 0 ? e.text : "";
}

static void what_will_work_passes_the_check(void **state)
{
    struct machine_user user = demo();
    struct machine_system system = dev();
    struct image image = debian();

    (void)state;
    system.users = &user;
    system.n_users = 1;
    system.timezone = (char *)(uintptr_t) "UTC";
    assert_string_equal(check(&image, &system), "");
}

static void the_check_finds_what_the_image_lacks(void **state)
{
    char *groups[] = {(char *)(uintptr_t) "docker"};
    struct machine_user user = demo();
    struct machine_system system = dev();
    struct image image = debian();

    (void)state;
    system.timezone = (char *)(uintptr_t) "Europe/Berlin";
    assert_non_null(strstr(check(&image, &system), "no time zone \"Europe/Berlin\""));
    system.timezone = NULL;
    system.users = &user;
    system.n_users = 1;
    user.groups = (struct strings){groups, 1};
    assert_non_null(strstr(check(&image, &system), "no group \"docker\""));
    user.groups.n = 0;
    user.name = (char *)(uintptr_t) "www-data";
    assert_non_null(strstr(check(&image, &system), "already"));
}

static void the_check_refuses_text_that_would_break_a_file(void **state)
{
    struct machine_user user = demo();
    struct machine_system system = dev();
    struct image image = debian();

    (void)state;
    system.hostname = (char *)(uintptr_t) "a\nb";
    assert_non_null(strstr(check(&image, &system), "hostname"));
    system.hostname = NULL;
    system.users = &user;
    system.n_users = 1;
    user.password_hash = (char *)(uintptr_t) "x:0:0:root";
    assert_non_null(strstr(check(&image, &system), "password hash of demo"));
}

static void the_check_refuses_other_families_and_processors(void **state)
{
    struct machine_system system = dev();
    struct image image = debian();

    (void)state;
    image.arch = (char *)(uintptr_t) "arm64";
    assert_non_null(strstr(check(&image, &system), "arm64"));
    image.family = (char *)(uintptr_t) "bsd";
    assert_non_null(strstr(check(&image, &system), "family bsd"));
}

/* ---- accounts ---- */

static void names_are_matched_whole(void **state)
{
    struct err e;
    uint32_t id;

    (void)state;
    assert_false(accounts_have("demonstration:x:5:5::/:/bin/sh\n", "demo"));
    assert_false(accounts_have("x:demo:5\n", "demo"));
    assert_int_equal(accounts_free_id("a:x:1000:7::\nb:x:1002:7::", "c:x:1001:\n", &id, &e), 0);
    assert_int_equal(id, 1003);
}

static void joining_a_group_twice_changes_nothing(void **state)
{
    char *text = strdup("sudo:x:27:demo2,demo\n");
    struct err e;

    (void)state;
    assert_int_equal(accounts_join(&text, "sudo", "demo", &e), 0);
    assert_string_equal(text, "sudo:x:27:demo2,demo\n");
    assert_int_equal(accounts_join(&text, "sudo", "dem", &e), 0);
    assert_string_equal(text, "sudo:x:27:demo2,demo,dem\n");
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_system_gets_its_name),
        cmocka_unit_test(no_identity_of_the_image_is_left),
        cmocka_unit_test(other_entries_pass_unchanged),
        cmocka_unit_test(root_is_locked_unless_it_has_a_hash),
        cmocka_unit_test(a_user_is_in_every_file),
        cmocka_unit_test(a_users_home_is_theirs_alone),
        cmocka_unit_test(sudo_without_password_is_one_file),
        cmocka_unit_test(a_user_without_a_hash_is_locked),
        cmocka_unit_test(a_missing_group_is_an_error),
        cmocka_unit_test(only_what_is_its_own_is_waited_for),
        cmocka_unit_test(without_swap_of_its_own_it_never_resumes),
        cmocka_unit_test(the_network_is_enabled_as_its_units_ask),
        cmocka_unit_test(the_clock_and_the_keyboard_are_set),
        cmocka_unit_test(the_images_own_keyboard_keeps_its_compiled_map),
        cmocka_unit_test(an_unknown_time_zone_is_an_error),
        cmocka_unit_test(a_first_boot_script_runs_once),
        cmocka_unit_test(the_machine_files_own_files_win),
        cmocka_unit_test(what_will_work_passes_the_check),
        cmocka_unit_test(the_check_finds_what_the_image_lacks),
        cmocka_unit_test(the_check_refuses_text_that_would_break_a_file),
        cmocka_unit_test(the_check_refuses_other_families_and_processors),
        cmocka_unit_test(names_are_matched_whole),
        cmocka_unit_test(joining_a_group_twice_changes_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
