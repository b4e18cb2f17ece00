// SPDX-License-Identifier: GPL-3.0-or-later
/* test_move.c: a partition arrives whole at its new place, wherever power is cut. */
#include "core/size.h"
#include "partition/move.h"
#include "recorder.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define DISK  (1536 * KIB)
#define SPACE (512 * KIB) /* the partition lies before it, the area behind it */

static const struct extent gap = {1 * MIB, 512 * KIB};

struct fixture {
    struct recorder *disk;
    struct area area;
    struct move move;
    uint8_t *content; /* of the partition */
};

/* Random bytes everywhere but in the area; the partition has some holes. */
static struct fixture start(struct move move)
{
    struct fixture f = {.move = move};
    uint8_t *content = calloc(1, DISK);
    struct err e = {0};

    srandom(3);
    for (size_t i = 0; i < gap.start; i++)
        content[i] = (uint8_t)random();
    for (uint64_t at = 3 * 4096; at + 8192 < move.bytes; at += 9 * 4096)
        memset(content + move.from + at, 0, 8192);
    f.disk = recorder_open(content, DISK);
    f.content = malloc(move.bytes);
    memcpy(f.content, content + move.from, move.bytes);
    free(content);
    assert_int_equal(area_choose(&f.disk->bd, &gap, 1, &f.area, &e), 0);
    assert_int_equal(area_write(&f.area, "pending", 7, &e), 0);
    recorder_forget(f.disk);
    return f;
}

static void finish(struct fixture *f)
{
    area_clear(&f->area);
    blockdev_close(&f->disk->bd);
    free(f->content);
}

static int resume(struct fixture *f, struct recorder *r)
{
    struct area area;
    struct err e = {0};
    int result;

    assert_int_equal(area_find(&r->bd, &gap, 1, &area, &e), 1);
    result = move_run(&r->bd, &area, &f->move, NULL, &e);
    area_clear(&area);
    return result;
}

static void assert_moved(const struct fixture *f, const struct recorder *r)
{
    assert_memory_equal(r->content + f->move.to, f->content, f->move.bytes);
}

static void second_cut(void *arg, uint8_t *content, uint64_t bytes)
{
    struct recorder *r = recorder_open(content, bytes);

    assert_int_equal(resume(arg, r), 0);
    assert_moved(arg, r);
    blockdev_close(&r->bd);
}

static void first_cut(void *arg, uint8_t *content, uint64_t bytes)
{
    struct fixture *f = arg;
    struct recorder *r = recorder_open(content, bytes);

    assert_int_equal(resume(f, r), 0);
    assert_moved(f, r);
    if (random() % 32 == 0)
        recorder_cut(r, 1, second_cut, f);
    blockdev_close(&r->bd);
}

/* Moves, with every cut, and looks that nothing else changed. */
static void assert_survives(struct move move)
{
    struct fixture f = start(move);
    uint64_t least = move.from < move.to ? move.from : move.to;
    uint64_t most = (move.from < move.to ? move.to : move.from) + move.bytes;
    struct err e = {0};

    assert_int_equal(move_run(&f.disk->bd, &f.area, &move, NULL, &e), 0);
    assert_moved(&f, f.disk);
    assert_memory_equal(f.disk->content, f.disk->before, least);
    assert_memory_equal(f.disk->content + most, f.disk->before + most, gap.start - most);
    recorder_cut(f.disk, 4, first_cut, &f);
    finish(&f);
}

static void to_the_left_overlapping(void **state)
{
    (void)state;
    assert_survives((struct move){.from = 100 * KIB, .to = 60 * KIB, 210 * KIB + 512, 40 * KIB});
}

static void to_the_right_overlapping(void **state)
{
    (void)state;
    assert_survives((struct move){.from = 60 * KIB, .to = 100 * KIB, 210 * KIB + 512, 40 * KIB});
}

static void to_the_left_apart(void **state)
{
    (void)state;
    assert_survives((struct move){.from = 300 * KIB, .to = 60 * KIB, 90 * KIB, 16 * KIB});
}

static void to_the_right_apart(void **state)
{
    (void)state;
    assert_survives((struct move){.from = 60 * KIB, .to = 300 * KIB, 90 * KIB, 16 * KIB});
}

static void through_the_journal_to_the_left(void **state)
{
    (void)state;
    assert_survives((struct move){.from = 60 * KIB, .to = 60 * KIB - 512, 230 * KIB, 48 * KIB});
}

static void through_the_journal_to_the_right(void **state)
{
    (void)state;
    assert_survives((struct move){.from = 60 * KIB, .to = 64 * KIB, 230 * KIB, 48 * KIB});
}

static void holes_stay_holes(void **state)
{
    struct move move = {.from = 0, .to = 16 * MIB, .bytes = 12 * MIB, .chunk = 5 * MIB};
    struct extent place = {64 * MIB, 16 * MIB}, data;
    struct blockdev *bd;
    struct area area;
    struct err e = {0};

    (void)state;
    bd = mem_open(96 * MIB, 512, &e);
    assert_int_equal(blockdev_pwrite(bd, "a", 1, 7 * MIB, &e), 0);
    assert_int_equal(blockdev_pwrite(bd, "old", 3, 20 * MIB, &e), 0);
    assert_int_equal(area_choose(bd, &place, 1, &area, &e), 0);
    assert_int_equal(area_write(&area, "pending", 7, &e), 0);
    assert_int_equal(move_run(bd, &area, &move, NULL, &e), 0);
    assert_int_equal(blockdev_next_data(bd, 16 * MIB, &data, &e), 0);
    assert_int_equal(data.start, 23 * MIB);
    assert_true(data.bytes <= 2 * MIB);
    assert_int_equal(blockdev_next_data(bd, extent_end(&data), &data, &e), 0);
    assert_true(data.start >= place.start);
    area_clear(&area);
    blockdev_close(bd);
}

/* ---- being stopped ---- */

static uint64_t reported;

static int stops_in_the_middle(struct ui *ui, const char *what, uint64_t done, uint64_t total)
{
    (void)ui;
    (void)what;
    assert_true(done >= reported && done <= total);
    reported = done;
    return done >= total / 2 && done < total;
}

static void a_stopped_move_goes_on_where_it_was(void **state)
{
    struct move move = {.from = 60 * KIB, .to = 100 * KIB, 210 * KIB, 40 * KIB};
    struct fixture f = start(move);
    struct ui ui = {.progress = stops_in_the_middle};
    struct err e = {0};
    uint64_t count;

    (void)state;
    assert_int_equal(move_run(&f.disk->bd, &f.area, &move, &ui, &e), -1);
    assert_int_equal(e.code, ERR_INTERRUPTED);
    assert_int_equal(area_counter(&f.area, &count, &e), 0);
    assert_int_equal(count, 3);
    assert_int_equal(resume(&f, f.disk), 0);
    assert_moved(&f, f.disk);
    assert_int_equal(move_run(&f.disk->bd, &f.area, &move, NULL, &e), 0); /* nothing is left */
    assert_moved(&f, f.disk);
    finish(&f);
}

static void moves_that_cannot_be_are_refused(void **state)
{
    const struct move moves[] = {
        {.from = 0, .to = 4096, .bytes = 0, .chunk = 4096},
        {.from = 0, .to = 4096, .bytes = 4096, .chunk = 0},
        {.from = 4096, .to = 4096, .bytes = 4096, .chunk = 4096},
        {.from = DISK, .to = 0, .bytes = 4096, .chunk = 4096},
        {.from = 0, .to = UINT64_MAX, .bytes = 4096, .chunk = 4096},
        {.from = 0, .to = 4096, .bytes = UINT64_MAX, .chunk = 4096},
        {.from = 0, .to = 4096, .bytes = SPACE, .chunk = SPACE},        /* no such journal */
        {.from = 0, .to = SPACE, .bytes = SPACE + 4096, .chunk = 4096}, /* into the area */
    };
    struct fixture f = start((struct move){.from = 0, .to = 4096, .bytes = 4096, .chunk = 4096});
    struct err e = {0};

    (void)state;
    for (size_t i = 0; i < sizeof(moves) / sizeof(moves[0]); i++) {
        assert_int_equal(move_run(&f.disk->bd, &f.area, &moves[i], NULL, &e), -1);
        assert_int_equal(e.code, ERR_FAILED);
    }
    assert_int_equal(f.disk->n, 0);
    finish(&f);
}

static void the_chunk_follows_from_the_distance_and_the_journal(void **state)
{
    struct move move = {.from = 1 * GIB, .to = 2 * GIB, .bytes = 10 * GIB};

    (void)state;
    assert_int_equal(move_chunk(&move, 0), 64 * MIB);
    move.to = move.from - 300 * KIB - 512;
    assert_int_equal(move_chunk(&move, 16 * MIB), 300 * KIB);
    move.to = move.from + 512;
    assert_int_equal(move_chunk(&move, 740 * KIB + 1), 740 * KIB);
    assert_int_equal(move_chunk(&move, 0), 0);
    move.to = move.from + 200 * KIB;
    assert_int_equal(move_chunk(&move, 300 * KIB), 200 * KIB);
    assert_int_equal(move_chunk(&move, 0), 200 * KIB);
    move.to = move.from;
    assert_int_equal(move_chunk(&move, 16 * MIB), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(to_the_left_overlapping),
        cmocka_unit_test(to_the_right_overlapping),
        cmocka_unit_test(to_the_left_apart),
        cmocka_unit_test(to_the_right_apart),
        cmocka_unit_test(through_the_journal_to_the_left),
        cmocka_unit_test(through_the_journal_to_the_right),
        cmocka_unit_test(holes_stay_holes),
        cmocka_unit_test(a_stopped_move_goes_on_where_it_was),
        cmocka_unit_test(moves_that_cannot_be_are_refused),
        cmocka_unit_test(the_chunk_follows_from_the_distance_and_the_journal),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
