// SPDX-License-Identifier: GPL-3.0-or-later
/* test_nbd.c: the server against a client that speaks byte by byte, well and badly. */
#include "core/size.h"
#include "engine/nbd.h"
#include "engine/nbd_protocol.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define DISK (64 * MIB)

struct fixture {
    struct blockdev *bd;
    int client, server;
    pthread_t thread;
    int result; /* of nbd_serve */
    struct err err;
};

static void *serve(void *arg)
{
    struct fixture *f = arg;

    f->result = nbd_serve(f->server, f->bd, &f->err);
    shutdown(f->server, SHUT_RDWR);
    return NULL;
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    int ends[2];

    f->bd = mem_open(DISK, 512, &f->err);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    f->client = ends[0];
    f->server = ends[1];
    assert_int_equal(pthread_create(&f->thread, NULL, serve, f), 0);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    close(f->client);
    close(f->server);
    blockdev_close(f->bd);
    free(f);
    return 0;
}

/* Hangs up and returns what the server made of it all. */
static int finish(struct fixture *f)
{
    shutdown(f->client, SHUT_RDWR);
    pthread_join(f->thread, NULL);
    return f->result;
}

static void get(struct fixture *f, void *buf, size_t n)
{
    assert_int_equal(recv(f->client, buf, n, MSG_WAITALL), n);
}

static void put(struct fixture *f, const void *buf, size_t n)
{
    assert_int_equal(send(f->client, buf, n, MSG_NOSIGNAL), n);
}

static void greet(struct fixture *f, uint32_t flags)
{
    uint8_t hello[18], answer[4];

    get(f, hello, sizeof(hello));
    assert_memory_equal(hello, "NBDMAGICIHAVEOPT\0\3", 18);
    put_be32(answer, flags);
    put(f, answer, sizeof(answer));
}

static void send_option(struct fixture *f, uint32_t option, const void *data, uint32_t len)
{
    uint8_t head[16];

    put_be64(head, NBD_OPTION_MAGIC);
    put_be32(head + 8, option);
    put_be32(head + 12, len);
    put(f, head, sizeof(head));
    if (data != NULL)
        put(f, data, len);
}

/* Returns the reply's type; its data, at most 64 bytes, goes to data. */
static uint32_t get_reply(struct fixture *f, uint32_t option, uint8_t *data)
{
    uint8_t head[20];
    uint32_t len;

    get(f, head, sizeof(head));
    assert_true(get_be64(head) == NBD_REPLY_MAGIC);
    assert_int_equal(get_be32(head + 8), option);
    len = get_be32(head + 16);
    assert_in_range(len, 0, 64);
    if (len > 0)
        get(f, data, len);
    return get_be32(head + 12);
}

static void negotiate(struct fixture *f)
{
    uint8_t data[64];

    greet(f, NBD_FIXED_NEWSTYLE | NBD_NO_ZEROES);
    send_option(f, NBD_OPT_GO, "\0\0\0\0\0\0", 6);
    assert_int_equal(get_reply(f, NBD_OPT_GO, data), NBD_REP_INFO);
    assert_int_equal(get_be16(data), NBD_INFO_EXPORT);
    assert_int_equal(get_be64(data + 2), DISK);
    assert_int_equal(get_reply(f, NBD_OPT_GO, data), NBD_REP_INFO);
    assert_int_equal(get_be16(data), NBD_INFO_BLOCK_SIZE);
    assert_int_equal(get_be32(data + 2), 512);
    assert_int_equal(get_be32(data + 10), 32 * MIB);
    assert_int_equal(get_reply(f, NBD_OPT_GO, data), NBD_REP_ACK);
}

static void send_request(struct fixture *f, uint16_t flags, uint16_t type, uint64_t offset,
                         uint32_t len)
{
    uint8_t head[28];

    put_be32(head, NBD_REQUEST_MAGIC);
    put_be16(head + 4, flags);
    put_be16(head + 6, type);
    memcpy(head + 8, "a cookie", 8);
    put_be64(head + 16, offset);
    put_be32(head + 24, len);
    put(f, head, sizeof(head));
}

static uint32_t get_answer(struct fixture *f)
{
    uint8_t head[16];

    get(f, head, sizeof(head));
    assert_int_equal(get_be32(head), NBD_SIMPLE_REPLY_MAGIC);
    assert_memory_equal(head + 8, "a cookie", 8);
    return get_be32(head + 4);
}

static uint32_t request(struct fixture *f, uint16_t flags, uint16_t type, uint64_t offset,
                        uint32_t len)
{
    send_request(f, flags, type, offset, len);
    return get_answer(f);
}

/* ---- negotiation ---- */

static void lists_one_export_without_a_name(void **state)
{
    uint8_t data[64];

    greet(*state, NBD_FIXED_NEWSTYLE);
    send_option(*state, NBD_OPT_LIST, NULL, 0);
    assert_int_equal(get_reply(*state, NBD_OPT_LIST, data), NBD_REP_SERVER);
    assert_memory_equal(data, "\0\0\0\0", 4);
    assert_int_equal(get_reply(*state, NBD_OPT_LIST, data), NBD_REP_ACK);
    send_option(*state, NBD_OPT_ABORT, NULL, 0);
    assert_int_equal(get_reply(*state, NBD_OPT_ABORT, data), NBD_REP_ACK);
    assert_int_equal(finish(*state), 0);
}

static void export_name_starts_the_transmission(void **state)
{
    uint8_t answer[134];

    greet(*state, NBD_FIXED_NEWSTYLE);
    send_option(*state, NBD_OPT_EXPORT_NAME, NULL, 0);
    get(*state, answer, sizeof(answer));
    assert_int_equal(get_be64(answer), DISK);
    assert_int_equal(request(*state, 0, NBD_CMD_FLUSH, 0, 0), 0);
    assert_int_equal(finish(*state), 0);
}

static void unknown_options_and_names_are_answered(void **state)
{
    uint8_t data[64];

    greet(*state, NBD_FIXED_NEWSTYLE);
    send_option(*state, 5, NULL, 0); /* STARTTLS */
    assert_int_equal(get_reply(*state, 5, data), NBD_REP_ERR_UNSUP);
    send_option(*state, NBD_OPT_GO, "\0\0\0\1x\0\0", 7);
    assert_int_equal(get_reply(*state, NBD_OPT_GO, data), NBD_REP_ERR_UNKNOWN);
    assert_int_equal(finish(*state), 0);
}

static void malformed_options_are_answered(void **state)
{
    static const struct {
        const char *data;
        uint32_t len;
    } bad[] = {{"\0\0\0", 3},       {"\0\0\0\0\0", 5},   {"\xff\xff\xff\xff\0\0", 6},
               {"\0\0\0\1\0\0", 6}, {"\0\0\0\0\0\1", 6}, {"\0\0\0\0\0\0\0", 7}};
    uint8_t data[64];

    greet(*state, NBD_FIXED_NEWSTYLE);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        send_option(*state, NBD_OPT_INFO, bad[i].data, bad[i].len);
        assert_int_equal(get_reply(*state, NBD_OPT_INFO, data), NBD_REP_ERR_INVALID);
    }
    assert_int_equal(finish(*state), 0);
}

static void an_option_that_is_too_long_is_skipped(void **state)
{
    static const char long_data[100000];
    uint8_t data[64];

    greet(*state, NBD_FIXED_NEWSTYLE);
    send_option(*state, NBD_OPT_LIST, long_data, sizeof(long_data));
    assert_int_equal(get_reply(*state, NBD_OPT_LIST, data), NBD_REP_ERR_TOO_BIG);
    assert_int_equal(finish(*state), 0);
}

static void a_wrong_option_magic_ends_the_connection(void **state)
{
    greet(*state, NBD_FIXED_NEWSTYLE);
    put(*state, "0123456789abcdef", 16);
    assert_int_equal(finish(*state), -1);
}

static void unknown_client_flags_end_the_connection(void **state)
{
    greet(*state, 0x80);
    assert_int_equal(finish(*state), -1);
}

/* ---- transmission ---- */

static void what_is_written_is_read_back(void **state)
{
    static uint8_t out[1 << 20], in[1 << 20];

    negotiate(*state);
    for (size_t i = 0; i < sizeof(out); i++)
        out[i] = (uint8_t)(i * 7);
    send_request(*state, NBD_CMD_FLAG_FUA, NBD_CMD_WRITE, 4097, sizeof(out));
    put(*state, out, sizeof(out));
    assert_int_equal(get_answer(*state), 0);
    assert_int_equal(request(*state, 0, NBD_CMD_READ, 4097, sizeof(in)), 0);
    get(*state, in, sizeof(in));
    assert_memory_equal(in, out, sizeof(in));
    send_request(*state, 0, NBD_CMD_DISC, 0, 0);
    assert_int_equal(finish(*state), 0);
}

static void zeroing_and_trimming_change_what_they_name(void **state)
{
    uint8_t block[8192];

    negotiate(*state);
    for (int no_hole = 0; no_hole <= 1; no_hole++) {
        memset(block, 0xaa, sizeof(block));
        send_request(*state, 0, NBD_CMD_WRITE, 0, sizeof(block));
        put(*state, block, sizeof(block));
        assert_int_equal(get_answer(*state), 0);
        assert_int_equal(
            request(*state, no_hole ? NBD_CMD_FLAG_NO_HOLE : 0, NBD_CMD_WRITE_ZEROES, 0, 4096), 0);
        assert_int_equal(request(*state, 0, NBD_CMD_READ, 0, sizeof(block)), 0);
        get(*state, block, sizeof(block));
        for (size_t i = 0; i < sizeof(block); i++)
            assert_int_equal(block[i], i < 4096 ? 0 : 0xaa);
    }
    assert_int_equal(request(*state, 0, NBD_CMD_TRIM, 0, DISK), 0);
    assert_int_equal(finish(*state), 0);
}

static void ranges_outside_the_disk_are_errors_and_the_connection_lives(void **state)
{
    uint8_t block[512] = {0};

    negotiate(*state);
    assert_int_equal(request(*state, 0, NBD_CMD_READ, DISK, 1), NBD_EINVAL);
    assert_int_equal(request(*state, 0, NBD_CMD_READ, UINT64_MAX, 512), NBD_EINVAL);
    assert_int_equal(request(*state, 0, NBD_CMD_READ, UINT64_MAX - 510, 512), NBD_EINVAL);
    assert_int_equal(request(*state, 0, NBD_CMD_READ, 0, 32 * MIB + 1), NBD_EINVAL);
    send_request(*state, 0, NBD_CMD_WRITE, DISK - 511, sizeof(block));
    put(*state, block, sizeof(block));
    assert_int_equal(get_answer(*state), NBD_ENOSPC);
    assert_int_equal(request(*state, 0, NBD_CMD_WRITE_ZEROES, 1, DISK), NBD_ENOSPC);
    assert_int_equal(request(*state, 0, NBD_CMD_TRIM, 0, UINT32_MAX), NBD_EINVAL);
    assert_int_equal(request(*state, 0, NBD_CMD_READ, DISK - 512, 512), 0);
    get(*state, block, sizeof(block));
    assert_int_equal(finish(*state), 0);
}

static void unknown_commands_and_flags_are_errors(void **state)
{
    negotiate(*state);
    assert_int_equal(request(*state, 0, 5, 0, 0), NBD_EINVAL); /* CACHE */
    assert_int_equal(request(*state, 0, 0xffff, 0, 0), NBD_EINVAL);
    assert_int_equal(request(*state, 0x8000, NBD_CMD_READ, 0, 512), NBD_EINVAL);
    assert_int_equal(request(*state, NBD_CMD_FLAG_NO_HOLE, NBD_CMD_TRIM, 0, 512), NBD_EINVAL);
    assert_int_equal(request(*state, 0, NBD_CMD_FLUSH, 0, 512), NBD_EINVAL);
    assert_int_equal(finish(*state), 0);
}

static void a_wrong_request_magic_ends_the_connection(void **state)
{
    static const uint8_t garbage[28] = {1, 2, 3};

    negotiate(*state);
    put(*state, garbage, sizeof(garbage));
    assert_int_equal(finish(*state), -1);
}

static void a_write_that_is_too_large_ends_the_connection(void **state)
{
    negotiate(*state);
    send_request(*state, 0, NBD_CMD_WRITE, 0, UINT32_MAX);
    assert_int_equal(finish(*state), -1);
}

static void a_write_cut_short_changes_nothing(void **state)
{
    struct fixture *f = *state;
    uint8_t half[2048], there[4096], zeros[4096] = {0};

    negotiate(f);
    memset(half, 0xbb, sizeof(half));
    send_request(f, 0, NBD_CMD_WRITE, 0, 4096);
    put(f, half, sizeof(half));
    assert_int_equal(finish(f), -1);
    assert_int_equal(blockdev_pread(f->bd, there, sizeof(there), 0, &f->err), 0);
    assert_memory_equal(there, zeros, sizeof(there));
}

static void leaving_without_a_word_is_no_error(void **state)
{
    uint8_t hello[18];

    get(*state, hello, sizeof(hello));
    assert_int_equal(finish(*state), 0);
}

#define NBD_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        NBD_TEST(lists_one_export_without_a_name),
        NBD_TEST(export_name_starts_the_transmission),
        NBD_TEST(unknown_options_and_names_are_answered),
        NBD_TEST(malformed_options_are_answered),
        NBD_TEST(an_option_that_is_too_long_is_skipped),
        NBD_TEST(a_wrong_option_magic_ends_the_connection),
        NBD_TEST(unknown_client_flags_end_the_connection),
        NBD_TEST(what_is_written_is_read_back),
        NBD_TEST(zeroing_and_trimming_change_what_they_name),
        NBD_TEST(ranges_outside_the_disk_are_errors_and_the_connection_lives),
        NBD_TEST(unknown_commands_and_flags_are_errors),
        NBD_TEST(a_wrong_request_magic_ends_the_connection),
        NBD_TEST(a_write_that_is_too_large_ends_the_connection),
        NBD_TEST(a_write_cut_short_changes_nothing),
        NBD_TEST(leaving_without_a_word_is_no_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
