// SPDX-License-Identifier: GPL-3.0-or-later
/* run_choose.c: which engine and which network a guest gets, of what is asked for, what its record
 * says and what the host has; and what is asked for that nobody could have. */
#include "core/size.h"
#include "engine/passt.h"
#include "hypervisor/machine.h"
#include "run/run_parts.h"

#include <string.h>
#include <unistd.h>

#define MEMORY_MIN (64 * MIB)

const struct record_system run_no_system;

const char *run_network_text(const struct session *session)
{
    return run_first_of(session->request->net, session->guest.system->net, "user");
}

static const char *wanted_engine(const struct session *session)
{
    return run_first_of(session->request->engine, session->guest.system->engine, "auto");
}

/* A guest's memory is in use as a whole before long, and no swap makes up for what is not there.
 * What is usual is not refused: a small machine may still run a small guest in it. */
static int check_memory(uint64_t memory, bool usual, struct err *e)
{
    uint64_t has = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
    char wanted[SIZE_TEXT], there[SIZE_TEXT];

    if (memory < MEMORY_MIN || memory % MIB != 0)
        return err_set(e, ERR_USAGE, "memory: expected a whole number of MiB from 64 on");
    if (usual || memory <= has)
        return 0;
    return err_set(e, ERR_NO_SPACE, "memory: %s is more than this machine has, %s",
                   size_human(memory, wanted, sizeof(wanted)),
                   size_human(has, there, sizeof(there)));
}

int run_check_session(const struct session *session, struct err *e)
{
    struct engine_config config = run_engine_config(session);
    bool usual = session->request->memory == 0 && session->guest.system->memory == 0;

    if (check_memory(config.memory, usual, e) < 0)
        return -1;
    if (config.cpus > RUN_CPUS_MAX)
        return err_set(e, ERR_USAGE, "cpus: expected 1 to %d", RUN_CPUS_MAX);
    if (config.cpus <= CPUS_MAX || strcmp(wanted_engine(session), "kvm") != 0)
        return 0;
    err_set(e, ERR_USAGE, "cpus: --engine kvm has at most %d processors, not %u", CPUS_MAX,
            config.cpus);
    return err_hint(e, "--engine qemu has up to %d", RUN_CPUS_MAX);
}

int run_check(const struct run_request *request, struct err *e)
{
    const struct session session = {.request = request, .guest.system = &run_no_system};

    return run_check_session(&session, e);
}

/* Somebody has said that it shall have one. */
static bool network_is_wanted(const struct session *session)
{
    return session->request->net != NULL || session->guest.system->net != NULL ||
           session->request->n_ports > 0;
}

/* The monitor's network is passt's, which is no reason not to run where nobody asked for it. */
static int do_without_network(struct session *session, const char *why, struct err *e)
{
    if (!network_is_wanted(session)) {
        snprintf(session->note, sizeof(session->note), "it runs without a network: %s", why);
        net_close(&session->net);
        session->net = (struct net){.kind = NET_NONE, .tap = -1};
        return 0;
    }
    err_set(e, ERR_REFUSED, "--net user: %s", why);
    return err_hint(e,
                    "--net none runs it without a network, --net tap=INTERFACE with a tap device "
                    "of the host, and --engine qemu with a network of QEMU's own");
}

/* Without a wish: QEMU where /dev/kvm runs no kernel, or for what the monitor has not. */
static void choose_auto(struct session *session, enum passt_state passt, const char *no_passt)
{
    bool many = run_engine_config(session).cpus > CPUS_MAX;

    session->own = session->kvm && !many && passt != PASST_MISSING;
    if (session->own || !session->kvm)
        return; /* why there is no KVM is said for every wish */
    if (many)
        snprintf(session->note, sizeof(session->note),
                 "QEMU runs it: berth's own monitor has at most %d processors", CPUS_MAX);
    else
        snprintf(session->note, sizeof(session->note),
                 "QEMU runs it: its network with berth's own monitor takes passt, and %s",
                 no_passt);
}

int run_choose_engine(struct session *session, struct err *e)
{
    const char *wanted = wanted_engine(session);
    enum passt_state passt = PASST_READY;
    char why[200] = "";

    session->kvm = engine_kvm_usable(session->why_not, sizeof(session->why_not));
    if (session->net.kind == NET_USER && strcmp(wanted, "qemu") != 0)
        passt = passt_probe(why, sizeof(why));
    session->own = strcmp(wanted, "kvm") == 0;
    if (strcmp(wanted, "auto") == 0)
        choose_auto(session, passt, why);
    if (!session->kvm && !session->own)
        snprintf(session->note, sizeof(session->note), "software emulation, which is slow: %s",
                 session->why_not);
    if (session->own && !session->kvm && access("/dev/kvm", R_OK | W_OK) < 0) {
        /* some kernels, asked for, are content with what another cannot use */
        err_set(e, ERR_UNSUPPORTED, "--engine kvm: %s", session->why_not);
        return err_hint(e, "--engine qemu runs it in software, slowly");
    }
    return session->own && passt == PASST_DENIED ? do_without_network(session, why, e) : 0;
}
