// SPDX-License-Identifier: GPL-3.0-or-later
/* test_guest_cache.c: what stays in a guest's folder of the state, and what goes. */
#include "core/cleanup.h"
#include "core/io.h"
#include "core/spawn.h"
#include "run/guest_cache.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include <cmocka.h>

static const struct guid guest = {{7}};

struct world {
    char state[64], folder[160];
};

static void path_of(const struct world *w, const char *name, char path[256])
{
    snprintf(path, 256, "%s/%s", w->folder, name);
}

static bool has(const struct world *w, const char *name)
{
    char path[256];

    path_of(w, name, path);
    return access(path, F_OK) == 0;
}

static int put(const struct world *w, const char *name)
{
    char path[256];
    int fd;

    path_of(w, name, path);
    fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    return fd;
}

static int set_up(void **state)
{
    struct world *w = calloc(1, sizeof(*w));
    char uuid[GUID_TEXT];
    struct err e;

    strcpy(w->state, "/tmp/berth-cache.XXXXXX");
    if (mkdtemp(w->state) == NULL)
        return -1;
    snprintf(w->folder, sizeof(w->folder), "%s/kernel/%s", w->state, guid_print(&guest, uuid));
    *state = w;
    return io_make_dirs(w->folder, &e);
}

static int tear_down(void **state)
{
    struct world *w = *state;
    struct err e;
    int result = spawn_tool(NULL, &e, "rm", "-r", w->state, NULL);

    free(w);
    return result;
}

static int fill(void *arg, int out, struct err *e)
{
    return io_write(out, arg, strlen(arg), e) < 0 ? -1 : 1;
}

static void open_cache(const struct world *w, const char *name)
{
    struct guest_cache cache = {w->state, "kernel", &guest, name, fill, "content"};
    _cleanup_close_ int fd = -1;
    struct err e;

    fd = guest_cache_open(&cache, &e);
    assert_true(fd >= 0);
}

static void the_others_of_the_kind_go(void **state)
{
    close(put(*state, "old"));
    open_cache(*state, "new");
    assert_true(has(*state, "new"));
    assert_false(has(*state, "old"));
}

static void what_a_power_cut_left_goes(void **state)
{
    close(put(*state, ".partial-a1B2c3"));
    open_cache(*state, "new");
    assert_false(has(*state, ".partial-a1B2c3"));
}

static void what_another_berth_fills_stays(void **state)
{
    _cleanup_close_ int other = put(*state, ".partial-a1B2c3");

    assert_int_equal(flock(other, LOCK_EX), 0);
    open_cache(*state, "new");
    assert_true(has(*state, ".partial-a1B2c3"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_others_of_the_kind_go),
        TEST(what_a_power_cut_left_goes),
        TEST(what_another_berth_fills_stays),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
