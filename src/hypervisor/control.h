// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * control.h: what supervisor and monitor say to each other, in packets on one SOCK_SEQPACKET
 * socket. When the supervisor's end closes, the machine goes on: it may have been killed. The
 * monitor's power button is then pressed by SIGTERM.
 */
#ifndef BERTH_HYPERVISOR_CONTROL_H
#define BERTH_HYPERVISOR_CONTROL_H

#include <stdint.h>

#define CONTROL_TEXT 160

enum control_kind {
    /* to the monitor */
    CONTROL_PRESS,   /* the power button */
    CONTROL_WINDOW,  /* the terminal's size: columns and rows */
    CONTROL_HOLD,    /* stand still */
    CONTROL_SAVE,    /* stand still, and be in the file that the description names */
    CONTROL_RELEASE, /* go on */
    CONTROL_END,     /* end at once */
    /* to the supervisor */
    CONTROL_RUNNING, /* every thread is in its sandbox, the first processor runs */
    CONTROL_HELD,    /* every processor stands still, every request is done */
    CONTROL_SAVED,   /* text: empty, or why it could not be saved */
    CONTROL_ENDED,   /* text: why, when it crashed or failed */
};

struct control_packet {
    uint32_t kind;
    int32_t ending; /* of CONTROL_ENDED: an enum ending */
    uint16_t columns, rows;
    uint32_t lacks; /* CONTROL_RUNNING: what of its sandbox the host denied, sandbox_lack.h */
    char text[CONTROL_TEXT];
};

#endif
