# SPDX-License-Identifier: GPL-3.0-or-later
"""The monitor with tiny kernels, each of which tests a part of the machine from inside and says by
its end whether all was well. They run under any /dev/kvm, also where no Linux does."""
import contextlib
import os
import pathlib
import select
import socket
import struct
import subprocess
import threading
import time

import pytest

from program import BUILD

OFF, RESET, CRASHED = 0, 10, 11
SECTOR = 512
PRESS, WINDOW, HOLD, _, RELEASE, END, _, HELD, _, ENDED = range(10)  # hypervisor/control.h
PACKET = struct.Struct("<IiHHI160s")


def command(kernel, **words):
    return [BUILD / "tests/start_monitor", BUILD / "berth-monitor",
            f"kernel={BUILD}/tests/guests/{kernel}", *(f"{k}={v}" for k, v in words.items())]


def run(kernel, *, descriptors=(), timeout=60, **words):
    """Runs the kernel to its end. Returns its status and what it said on the serial line."""
    done = subprocess.run(command(kernel, **words), stdin=subprocess.DEVNULL, capture_output=True,
                          timeout=timeout, check=False, pass_fds=descriptors)
    return done.returncode, (done.stdout + done.stderr).decode()


MUCH = slice(1024 * SECTOR, 1024 * SECTOR + 65536)  # what the guest writes at once, and with what
HALVES = b"\x3c" * 32768 + b"\xc3" * 32768


@pytest.fixture(name="disk")
def make_disk(tmp_path):
    """1 MiB: sector n is full of the byte n % 251."""
    path = tmp_path / "disk"
    path.write_bytes(b"".join(bytes([n % 251]) * SECTOR for n in range(2048)))
    return path


def test_the_board_is_as_it_should_be():
    assert run("board", append="check") == (OFF, "")


def test_all_processors_run_at_once():
    assert run("cpus", cpus=1) == (OFF, "1 processors\n")
    assert run("cpus", cpus=16) == (OFF, "16 processors\n")


def test_memory_goes_on_beyond_the_hole_below_4_gib():
    assert run("memory", memory=64) == (OFF, "64 MiB below 4 GiB, 0 beyond\n")
    assert run("memory", memory=3584) == (OFF, "3072 MiB below 4 GiB, 512 beyond\n")


@pytest.mark.parametrize("how, status", [("off", OFF), ("reset", RESET), ("keyboard", RESET),
                                         ("panic", CRASHED), ("triple", CRASHED)])
def test_each_end_has_its_status(how, status):
    assert run("board", append=how)[0] == status


def test_a_failed_check_is_seen(disk):
    disk.write_bytes(bytes(1 << 20))
    assert run("block", disk=disk) == (CRASHED, "FAILED reads the right sectors\n")


def test_the_disk(disk, tmp_path):
    before = disk.read_bytes()
    assert run("block", disk=disk) == (OFF, "")
    after = disk.read_bytes()
    expected = bytearray(before)
    expected[100 * SECTOR:102 * SECTOR] = b"\xa5" * 2 * SECTOR
    expected[200 * SECTOR:216 * SECTOR] = bytes(16 * SECTOR)
    expected[300 * SECTOR:308 * SECTOR] = bytes(8 * SECTOR)
    much, expected[MUCH] = expected[MUCH], HALVES
    assert after == bytes(expected)

    disk.write_bytes(before)  # large requests go by a second descriptor, and no others do
    direct = tmp_path / "direct"
    direct.write_bytes(before)
    assert run("block", disk=disk, direct=direct) == (OFF, "")
    expected[MUCH] = much
    assert disk.read_bytes() == bytes(expected)
    expected = bytearray(before)
    expected[MUCH] = HALVES
    assert direct.read_bytes() == bytes(expected)


def test_an_ephemeral_disk_stays_as_it_was(disk, tmp_path):
    before = disk.read_bytes()
    overlay = tmp_path / "overlay"
    overlay.write_bytes(bytes(1 << 20))
    assert run("block", disk=disk, overlay=overlay) == (OFF, "")
    assert disk.read_bytes() == before
    assert b"\xa5" * 2 * SECTOR in overlay.read_bytes()


def test_randomness():
    assert run("rng") == (OFF, "")


def control_pair():
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)


def packet(kind, columns=0, rows=0):
    return PACKET.pack(kind, 0, columns, rows, 0, b"")


def hear(sock, kind):
    """Waits for a packet of that kind and returns its text."""
    while select.select([sock], [], [], 30)[0]:
        got, *_, text = PACKET.unpack(sock.recv(PACKET.size))
        if got == kind:
            return text.rstrip(b"\0").decode()
    raise AssertionError(f"no packet {kind}")


def test_the_power_button_reaches_the_guest():
    ours, theirs = control_pair()
    with subprocess.Popen(command("board", append="press", control=theirs.fileno()),
                          stdout=subprocess.PIPE, pass_fds=[theirs.fileno()]) as monitor:
        assert monitor.stdout.readline() == b"press\n"
        ours.send(packet(PRESS))
        assert monitor.wait(30) == OFF


def test_the_supervisor_hears_why_it_ended():
    ours, theirs = control_pair()
    assert run("board", append="panic", control=theirs.fileno(),
               descriptors=[theirs.fileno()])[0] == CRASHED
    assert hear(ours, ENDED) == "its kernel panicked"


def test_the_console_and_its_window():
    control, theirs_control = control_pair()
    ours, theirs = socket.socketpair()
    fds = [theirs.fileno(), theirs_control.fileno()]
    with subprocess.Popen(command("console", console=fds[0], control=fds[1]),
                          stdout=subprocess.PIPE, pass_fds=fds) as monitor:
        assert ours.recv(64) == b"ready\n"
        control.send(packet(WINDOW, 132, 50))
        ours.send(b"hello")
        assert ours.recv(64) == b"HELLO"
        ours.send(b"q")
        assert ours.recv(64) == b"Q"
        assert monitor.stdout.read() == b"columns 132 rows 50\n"
        assert monitor.wait(30) == OFF


def echo(sock):
    """Sends back what comes; a stream of frames stays one."""
    while data := sock.recv(65536):
        sock.sendall(data)


def test_frames_over_a_stream():
    ours, theirs = socket.socketpair()
    threading.Thread(target=echo, args=[ours], daemon=True).start()
    assert run("net", net=theirs.fileno(), descriptors=[theirs.fileno()]) == (OFF, "")


def test_a_frame_that_nobody_takes_is_lost_and_nothing_else():
    """The other end answers as an echo would, but does not read: a write fails, the machine goes on."""
    ours, theirs = socket.socketpair()
    ours.shutdown(socket.SHUT_RD)
    for size in (60, 1514, 61, 62):
        frame = bytes((n * 7 + size) & 0xff for n in range(size))
        ours.sendall(struct.pack(">I", size) + frame)
    assert run("net", net=theirs.fileno(), descriptors=[theirs.fileno()]) == (OFF, "")


def test_a_hostile_guest_breaks_its_own_devices_only():
    assert run("hostile") == (OFF, "by string\n")


def test_a_disk_that_is_kept_busy_keeps_nobody_waiting(tmp_path):
    """Its queue is full at any time, with long requests; the supervisor is heard."""
    disk = tmp_path / "disk"
    with open(disk, "wb") as file:
        file.truncate(64 << 20)
    ours, theirs = control_pair()
    with subprocess.Popen(command("hostile", append="flood", disk=disk, control=theirs.fileno()),
                          stdout=subprocess.PIPE, pass_fds=[theirs.fileno()]) as monitor:
        try:
            assert select.select([monitor.stdout], [], [], 30)[0]
            assert monitor.stdout.readline() == b"busy\n"
            ours.send(packet(HOLD))
            hear(ours, HELD)
            ours.send(packet(RELEASE))
            ours.send(packet(END))
            assert monitor.wait(30) == OFF
        finally:
            monitor.kill()


def processor_time(task):
    """Of one thread, in ticks."""
    fields = (task / "stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
    return int(fields[11]) + int(fields[12])


@contextlib.contextmanager
def left_alone(kernel, **words):
    """A guest that has begun to talk when everybody at its lines goes away."""
    lines = [socket.socketpair() for _ in range(3)] + [control_pair()]
    fds = [theirs.fileno() for _, theirs in lines]
    words.update(zip(("serial", "console", "net", "control"), fds))
    with subprocess.Popen(command(kernel, **words), pass_fds=fds) as monitor:
        try:
            assert lines[0][0].recv(1)
            for ends in lines:
                for end in ends:
                    end.close()
            time.sleep(0.3)
            yield monitor
        finally:
            monitor.kill()


def test_a_guest_talks_on_when_nobody_listens_any_more():
    with left_alone("ticks") as monitor:
        assert monitor.poll() is None


def test_lines_that_have_ended_cost_no_time():
    with left_alone("board", append="press") as monitor:
        loop = pathlib.Path(f"/proc/{monitor.pid}/task/{monitor.pid}")
        before = processor_time(loop)
        time.sleep(1)
        assert processor_time(loop) - before <= 2


def test_a_held_machine_stands_still():
    ours, theirs = control_pair()
    with subprocess.Popen(command("ticks", control=theirs.fileno(), cpus=1),
                          stdout=subprocess.PIPE, pass_fds=[theirs.fileno()]) as monitor:
        assert monitor.stdout.read(1) == b"."
        ours.send(packet(HOLD))
        hear(ours, HELD)
        time.sleep(0.2)
        os.set_blocking(monitor.stdout.fileno(), False)
        monitor.stdout.read()  # what was on its way
        time.sleep(0.3)
        assert not monitor.stdout.read()
        ours.send(packet(RELEASE))
        assert select.select([monitor.stdout], [], [], 30)[0]
        ours.send(packet(END))
        monitor.wait(30)


def saved_once(disk, state, dots, **words):
    """Runs the kernel "saved" until it has said so many dots, saves the machine and kills it."""
    state.write_bytes(b"")
    done = subprocess.run([BUILD / "tests/save_monitor", str(dots),
                           *command("saved", disk=disk, state=state, **words)],
                          capture_output=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (0, b"." * dots), done.stderr


@pytest.mark.parametrize("cpus", [1, 2])
def test_a_machine_goes_on_where_it_was_saved(disk, tmp_path, cpus):
    """And is told that it is another one: its generation id, by a general event."""
    state = tmp_path / "state"
    saved_once(disk, state, 3, cpus=cpus)
    status, said = run("saved", disk=disk, state=state, restore=1, cpus=cpus)
    assert status == OFF, said
    assert said.endswith("another generation\ndone\n") and "FAILED" not in said
    assert said.count(".") <= 8 - 3 + 1


def test_a_machine_that_was_never_saved_is_the_same_generation(disk):
    status, said = run("saved", disk=disk)
    assert (status, said) == (OFF, "." * 8 + "the same generation\ndone\n")


def test_a_saved_machine_of_another_size_is_refused(disk, tmp_path):
    state = tmp_path / "state"
    saved_once(disk, state, 1)
    status, said = run("saved", disk=disk, state=state, restore=1, memory=128)
    assert (status, said) == (1, "the saved machine has another size of memory\n")
    status, said = run("saved", state=state, restore=1)
    assert status == 1 and said.startswith("the saved machine is another one: no ")


@pytest.mark.parametrize("word, what", [("memory=1", "memory"), ("cpus=17", "cpus"),
                                        ("cpus=0", "cpus"), ("memory=2000000000", "memory")])
def test_a_description_that_makes_no_sense_is_refused(word, what):
    key, value = word.split("=")
    status, said = run("board", **{key: value})
    assert status == 1
    assert said == f"the run description: {what} makes no sense\n"


@pytest.mark.parametrize("content", [b"", b"\x7fELF", b"MZ" + bytes(4096), bytes(70000)],
                         ids=["nothing", "the start of an ELF", "no boot header", "zeroes"])
def test_what_is_no_kernel_is_refused(tmp_path, content):
    path = tmp_path / "kernel"
    path.write_bytes(content)
    done = subprocess.run([BUILD / "tests/start_monitor", BUILD / "berth-monitor",
                           f"kernel={path}"], capture_output=True, timeout=30, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith(b"the kernel's ELF ")
