// SPDX-License-Identifier: GPL-3.0-or-later
/* test_publish.c: ports of the host that lead to a guest's, as they are written and as they are. */
#include "core/cleanup.h"
#include "engine/publish.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

static void assert_port(const char *text, const char *address, unsigned host, unsigned guest,
                        bool udp)
{
    struct err e = {0};
    struct publish port;

    if (publish_parse(text, &port, &e) < 0)
        fail_msg("%s", e.text);
    assert_string_equal(port.address, address);
    assert_int_equal(port.host, host);
    assert_int_equal(port.guest, guest);
    assert_int_equal(port.udp, udp);
}

static void a_port_is_the_loopbacks_unless_it_names_an_address(void **state)
{
    (void)state;
    assert_port("8022:22", "127.0.0.1", 8022, 22, false);
    assert_port("0.0.0.0:8022:22", "0.0.0.0", 8022, 22, false);
    assert_port("255.255.255.255:1:65535", "255.255.255.255", 1, 65535, false);
}

static void it_is_tcp_unless_it_says_udp(void **state)
{
    (void)state;
    assert_port("53:53/udp", "127.0.0.1", 53, 53, true);
    assert_port("192.0.2.1:53:53/tcp", "192.0.2.1", 53, 53, false);
}

static void what_is_no_port_is_refused_with_the_form(void **state)
{
    static const char *const wrong[] = {"",
                                        "22",
                                        "22:",
                                        ":22",
                                        "0:22",
                                        "22:0",
                                        "65536:22",
                                        "22:65536",
                                        "8022:22/",
                                        "8022:22/x",
                                        "a:22",
                                        "22:b",
                                        "host:1:2",
                                        "1:2:3",
                                        "1.2.3:4:5",
                                        " 1:2",
                                        "127.0.0.1:2",
                                        "1:2:3:4",
                                        "99999999999999999999:1",
                                        "127.0.0.1.127.0.0.1:1:2",
                                        "-1:2",
                                        "1:2 "};

    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct err e = {0};
        struct publish port;

        assert_int_equal(publish_parse(wrong[i], &port, &e), -1);
        assert_int_equal(e.code, ERR_USAGE);
        assert_non_null(strstr(e.text, "HOST:GUEST"));
    }
}

/* Binds a socket to a free port of the loopback, and says which that is. */
static int take_port(int type, unsigned *number)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof(address);
    int sock = socket(AF_INET, type | SOCK_CLOEXEC, 0);

    assert_int_equal(bind(sock, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(getsockname(sock, (struct sockaddr *)&address, &length), 0);
    *number = ntohs(address.sin_port);
    return sock;
}

static int check(const char *suffix, unsigned number, struct err *e)
{
    char text[32];
    struct publish port;

    snprintf(text, sizeof(text), "%u:1%s", number, suffix);
    assert_int_equal(publish_parse(text, &port, e), 0);
    return publish_check(&port, 1, e);
}

static void a_port_in_use_is_refused_by_its_name(void **state)
{
    static const struct {
        int type;
        const char *suffix, *other;
    } kinds[] = {{SOCK_STREAM, "", "/udp"}, {SOCK_DGRAM, "/udp", ""}};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct err e = {0};
        unsigned number;
        _cleanup_close_ int sock = take_port(kinds[i].type, &number);

        if (kinds[i].type == SOCK_STREAM)
            assert_int_equal(listen(sock, 1), 0);
        assert_int_equal(check(kinds[i].suffix, number, &e), -1);
        assert_int_equal(e.code, ERR_IN_USE);
        assert_int_equal(check(kinds[i].other, number, &e), 0);
    }
}

static void a_free_port_stays_free(void **state)
{
    struct err e = {0};
    unsigned number;

    (void)state;
    close(take_port(SOCK_STREAM, &number));
    assert_int_equal(check("", number, &e), 0);
    assert_int_equal(check("", number, &e), 0);
}

static void an_address_of_another_computer_is_refused(void **state)
{
    struct err e = {0};
    struct publish port;

    (void)state;
    assert_int_equal(publish_parse("203.0.113.1:8022:22", &port, &e), 0);
    assert_int_equal(publish_check(&port, 1, &e), -1);
    assert_int_equal(e.code, ERR_NOT_FOUND);
}

static void one_port_leads_to_one_place(void **state)
{
    struct err e = {0};
    struct publish ports[2];
    unsigned number;
    char text[32];

    (void)state;
    close(take_port(SOCK_STREAM, &number));
    snprintf(text, sizeof(text), "%u:1", number);
    assert_int_equal(publish_parse(text, &ports[0], &e), 0);
    assert_int_equal(publish_parse(text, &ports[1], &e), 0);
    assert_int_equal(publish_check(ports, 2, &e), -1);
    assert_int_equal(e.code, ERR_USAGE);
}

/* In some containers no port needs a right. */
static bool system_lets_all_listen(void)
{
    FILE *file = fopen("/proc/sys/net/ipv4/ip_unprivileged_port_start", "re");
    int first = 0;

    assert_non_null(file);
    assert_int_equal(fscanf(file, "%d", &first), 1);
    fclose(file);
    return first <= 1;
}

static void nobody_has_no_low_ports(void **state)
{
    struct err e = {0};
    struct publish low, high;

    (void)state;
    if (system_lets_all_listen())
        return;
    assert_int_equal(publish_parse("8022:22", &high, &e), 0);
    assert_int_equal(publish_parse("1:1", &low, &e), 0);
    assert_int_equal(publish_check_for_nobody(&high, 1, &e), 0);
    assert_int_equal(publish_check_for_nobody(&low, 1, &e), -1);
    assert_int_equal(e.code, ERR_REFUSED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_port_is_the_loopbacks_unless_it_names_an_address),
        cmocka_unit_test(it_is_tcp_unless_it_says_udp),
        cmocka_unit_test(what_is_no_port_is_refused_with_the_form),
        cmocka_unit_test(a_port_in_use_is_refused_by_its_name),
        cmocka_unit_test(a_free_port_stays_free),
        cmocka_unit_test(an_address_of_another_computer_is_refused),
        cmocka_unit_test(one_port_leads_to_one_place),
        cmocka_unit_test(nobody_has_no_low_ports),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
