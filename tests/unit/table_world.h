// SPDX-License-Identifier: GPL-3.0-or-later
/* table_world.h: a disk with a partition table, and what tests of tables ask of it. Included after
 * cmocka.h. */
#ifndef BERTH_TESTS_TABLE_WORLD_H
#define BERTH_TESTS_TABLE_WORLD_H

#include "partition/table.h"
#include "power_cut.h"

struct world {
    struct blockdev *bd;
    struct table *table; /* as it was read last */
};

static inline int world_teardown(void **state)
{
    struct world *w = *state;

    table_free(w->table);
    blockdev_close(w->bd);
    free(w);
    return 0;
}

static inline struct table *world_read(struct world *w)
{
    struct err e;

    table_free(w->table);
    w->table = table_read(w->bd, &e);
    assert_non_null(w->table);
    return w->table;
}

static inline void world_write(struct world *w)
{
    struct err e = {0};

    if (table_write(w->bd, w->table, &e) < 0)
        fail_msg("%s", e.text);
}

static inline void world_put(struct world *w, uint64_t at, const void *bytes, size_t n)
{
    struct err e;

    assert_int_equal(blockdev_pwrite(w->bd, bytes, n, at, &e), 0);
}

static inline void world_says(const char *text, const char *words)
{
    if (strstr(text, words) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", text, words);
}

/* The table that is read now has that damage, and its text has those words. */
static inline void world_has_damage(struct world *w, enum damage_kind kind, const char *words)
{
    world_read(w);
    for (size_t i = 0; i < w->table->n_damage; i++) {
        if (w->table->damage[i].kind == kind) {
            world_says(w->table->damage[i].text, words);
            return;
        }
    }
    fail_msg("no damage \"%s\"", damage_name(kind));
}

/* The table as it was changed in memory cannot be written, and nothing is. */
static inline void world_refuses(struct world *w, enum err_code code, const char *words)
{
    struct cut_recorder recorder = cut_record(w->bd);
    struct err e = {0};

    assert_int_equal(table_write(&recorder.bd, w->table, &e), -1);
    assert_int_equal(e.code, code);
    assert_int_equal(recorder.n, 0);
    world_says(e.text, words);
}

static inline void world_writes_nothing(struct world *w)
{
    struct cut_recorder recorder = cut_record(w->bd);
    struct err e;

    assert_int_equal(table_write(&recorder.bd, w->table, &e), 0);
    assert_int_equal(recorder.n, 0);
}

/* Writes the table as it was changed in memory, and nothing outside the places it names. */
static inline void world_writes_in_places(struct world *w)
{
    struct cut_recorder recorder = cut_record(w->bd);
    struct extent *places;
    struct err e;
    size_t n;

    assert_int_equal(table_places(w->table, w->bd, &places, &n, &e), 0);
    assert_int_equal(table_write(&recorder.bd, w->table, &e), 0);
    assert_true(recorder.n > 2);
    for (size_t i = 0; i < recorder.n; i++) {
        struct extent range = {recorder.writes[i].offset, recorder.writes[i].bytes};
        bool found = range.bytes == 0;

        for (size_t k = 0; k < n && !found; k++)
            found = extent_contains(&places[k], &range);
        assert_true(found);
    }
    free(places);
    cut_clear(&recorder);
}

#endif
