// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * udp_echo.c: both ends of a datagram. Static: a guest has no libraries.
 *
 *     udp_echo PORT               answers every datagram with "echo: " and what was in it
 *     udp_echo PORT ADDRESS TEXT  sends one and prints the answer; status 1 after 10 seconds
 * without
 */
#include <arpa/inet.h>
#include <err.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define BYTES   512
#define PREFIX  "echo: "
#define SECONDS 10

static int answer(int sock, struct sockaddr_in *at)
{
    char text[sizeof(PREFIX) + BYTES] = PREFIX;

    if (bind(sock, (struct sockaddr *)at, sizeof(*at)) < 0)
        err(1, "bind");
    for (;;) {
        socklen_t len = sizeof(*at);
        ssize_t got = recvfrom(sock, text + strlen(PREFIX), BYTES, 0, (struct sockaddr *)at, &len);

        if (got >= 0)
            (void)sendto(sock, text, strlen(PREFIX) + (size_t)got, 0, (struct sockaddr *)at, len);
        text[strlen(PREFIX)] = '\0';
    }
}

static int ask(int sock, const struct sockaddr_in *at, const char *text)
{
    struct pollfd wait = {sock, POLLIN, 0};
    char bytes[BYTES];
    ssize_t got;

    if (connect(sock, (const struct sockaddr *)at, sizeof(*at)) < 0 ||
        send(sock, text, strlen(text), 0) < 0)
        err(1, "send");
    if (poll(&wait, 1, SECONDS * 1000) <= 0 || (got = recv(sock, bytes, sizeof(bytes), 0)) < 0)
        errx(1, "no answer");
    printf("%.*s\n", (int)got, bytes);
    return 0;
}

int main(int argc, char **argv)
{
    struct sockaddr_in at = {.sin_family = AF_INET};
    int sock = socket(AF_INET, SOCK_DGRAM, 0);

    if ((argc != 2 && argc != 4) || sock < 0)
        errx(2, "udp_echo PORT [ADDRESS TEXT]");
    at.sin_port = htons((uint16_t)atoi(argv[1]));
    if (argc == 2)
        return answer(sock, &at);
    if (inet_pton(AF_INET, argv[2], &at.sin_addr) != 1)
        errx(2, "%s: no address", argv[2]);
    return ask(sock, &at, argv[3]);
}
