# SPDX-License-Identifier: GPL-3.0-or-later
"""What the monitor's sandbox denies, tried on each kind of live thread, as root and as nobody."""
import contextlib
import ctypes
import os
import pathlib
import re
import signal
import socket
import struct
import subprocess

import pytest

import disks
from program import BUILD

MIB = 1 << 20
WINDOW = (MIB, MIB)  # of the image: at, bytes
IMAGE = 4 * MIB

HALTS = bytes.fromhex("f4ebfd")
# says "k" on the serial line, reads a second of the clock and a word of PCI's, powers off
WORKS = bytes.fromhex("66baf803b06bee" "b000e670e471" "bb000000e08b03"
                      "66ba040666b8003466ef" "f4ebfd")

PLAIN = "user without namespaces"  # only what is tested stands in the way
WHO = {"root": {}, "user": {"uid": 65534},
       PLAIN: {"uid": 65534, "prefix": [BUILD / "tests/no_namespaces"]}}
LACKS = {"root": 0, "user": 0, PLAIN: 1 | 2}  # hypervisor/sandbox.h
NO_LANDLOCK, NO_OTHER_USER = 4, 8
CALLS = ["open", "connect", "exec", "ptrace", "mmap exec", "pwrite outside", "pwritev outside",
         "pwritev inside", "punch outside", "make a processor", "fork"]

ALLOWED, DENIED = 99, 100  # tests/sandbox/probe.c
EPERM, EACCES = 1, 13

PACKET = struct.Struct("<IiHHI160s")  # hypervisor/control.h
END, RUNNING = 5, 6


def landlock_version():
    return max(ctypes.CDLL(None).syscall(444, None, ctypes.c_size_t(0), 1), 0)


def kernel(path, code):
    """An ELF kernel that is nothing but this code, at 16 MiB, in long mode."""
    place, head = 16 * MIB, 64 + 56
    elf = struct.pack("<16sHHIQQQIHHHHHH", b"\x7fELF\x02\x01\x01", 2, 62, 1, place, 64, 0, 0, 64,
                      56, 1, 0, 0, 0)
    segment = struct.pack("<IIQQQQQQ", 1, 5, head, place, place, len(code), len(code), 4096)
    path.write_bytes(elf + segment + code)
    return path


@pytest.fixture
def image(tmp_path):
    path = tmp_path / "image"
    path.write_bytes(b"i" * IMAGE)
    return path


@contextlib.contextmanager
def start(program, code, disk, env=None, descriptors=(), prefix=(), **words):
    """Starts a monitor with that code as its kernel and the image's window as its disk."""
    words = {"kernel": kernel(disk.with_name("kernel"), code), "disk": disk,
             "window": "{}+{}".format(*WINDOW), **words}
    run = subprocess.Popen([*prefix, BUILD / "tests/start_monitor", BUILD / program,
                            *(f"{key}={value}" for key, value in words.items())],
                           env={**os.environ, **(env or {})}, pass_fds=descriptors,
                           stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    try:
        yield run
    finally:
        run.kill()
        run.stdout.close()
        run.wait()


@pytest.fixture
def port():
    with socket.create_server(("127.0.0.1", 0), backlog=64) as server:
        yield server.getsockname()[1]


def probe(who, thread, call, disk, without="", port=0, **words):
    """Lets a thread of a monitor try the call; returns how the monitor ended."""
    env = {"PROBE_THREAD": thread, "PROBE_CALL": call, "PROBE_WITHOUT": without,
           "PROBE_PORT": str(port)}
    until, leash = os.pipe()
    if call == "ptrace":
        words["victim"] = until
    with start("berth-monitor-probe", HALTS, disk, env, [until], **WHO[who], **words) as run:
        os.close(until)
        status = run.wait(30)
    os.close(leash)
    return status


@pytest.mark.parametrize("who", WHO)
@pytest.mark.parametrize("thread", ["cpu", "loop"])
def test_every_forbidden_call_ends_the_monitor(who, thread, image, port):
    for call in CALLS:
        assert probe(who, thread, call, image, port=port) == -signal.SIGSYS, call
    assert image.read_bytes() == b"i" * IMAGE


def test_without_landlock_the_list_of_calls_alone_denies_them(image, port):
    for call in CALLS:
        assert probe(PLAIN, "cpu", call, image, "landlock", port) == -signal.SIGSYS, call


def test_without_the_list_of_calls_landlock_denies_what_it_can(image, port):
    version = landlock_version()
    expected = {"open": DENIED + EACCES, "exec": DENIED + EACCES, "ptrace": DENIED + EPERM,
                "connect": DENIED + EACCES if version >= 4 else ALLOWED,
                "mmap exec": ALLOWED, "pwrite outside": ALLOWED}
    assert version > 0
    for thread in "cpu", "loop":
        for call, status in expected.items():
            assert probe(PLAIN, thread, call, image, "seccomp", port) == status, call


def test_without_either_all_of_them_work(image, port):
    """So the tests above show the sandbox, not calls that fail for another reason."""
    for call in CALLS:
        assert probe(PLAIN, "loop", call, image, "seccomp landlock", port) == ALLOWED, call


def test_only_the_device_loop_writes_and_inside_the_window_only(image):
    assert probe("root", "cpu", "pwrite inside", image) == -signal.SIGSYS
    assert probe("root", "loop", "pwrite inside", image) == ALLOWED
    assert image.read_bytes()[2 * MIB - 3:2 * MIB + 1] == b"ixyi"


def test_the_window_holds_past_the_page_cache_too(image):
    """The second descriptor of a device, opened with O_DIRECT."""
    outside = "direct pwrite outside"
    assert probe("root", "loop", outside, image, direct=image) == -signal.SIGSYS
    assert probe("root", "cpu", "direct pwrite inside", image, direct=image) == -signal.SIGSYS
    assert image.read_bytes() == b"i" * IMAGE
    assert probe("root", "loop", "direct pwrite inside", image, direct=image) == ALLOWED
    assert image.read_bytes()[2 * MIB - 4097:2 * MIB + 1] == b"i" + b"d" * 4096 + b"i"
    assert probe("root", "loop", outside, image, "seccomp landlock", direct=image) == ALLOWED


def test_what_is_a_device_as_a_whole_takes_lists_of_places(image, tmp_path):
    """Its end is the kernel's to hold; of a part of a device it is the list's, as of a file."""
    overlay = tmp_path / "overlay"
    overlay.touch()
    with disks.attached(image) as device:
        # what start makes is beside the disk
        (tmp_path / "device").symlink_to(device)
        disk, whole = tmp_path / "device", {"window": f"0+{IMAGE}"}
        assert probe("root", "cpu", "pwritev inside", disk, **whole) == -signal.SIGSYS
        assert probe("root", "loop", "pwritev inside", disk) == -signal.SIGSYS
        assert probe("root", "loop", "pwritev inside", disk, overlay=overlay, **whole) == -signal.SIGSYS
        assert probe("root", "loop", "pwritev outside", disk, **whole) >= DENIED
        assert probe("root", "loop", "pwritev inside", disk, **whole) == ALLOWED
    assert image.read_bytes() == b"i" * (IMAGE - 2) + b"xy"


def test_with_a_file_for_writes_the_disk_is_read_only(image, tmp_path):
    overlay = tmp_path / "overlay"
    overlay.touch()
    assert probe("root", "loop", "pwrite inside", image, overlay=overlay) == -signal.SIGSYS
    assert image.read_bytes() == b"i" * IMAGE


@pytest.fixture
def control():
    """The supervisor's end of the control socket, and the monitor's."""
    pair = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    pair[0].settimeout(30)
    yield pair
    for end in pair:
        end.close()


def hear(control):
    """The next packet: its kind, and what the sandbox lacks."""
    kind, _, _, _, lacks, _ = PACKET.unpack(control[0].recv(PACKET.size))
    return kind, lacks


@pytest.mark.parametrize("who", WHO)
def test_a_guest_runs_to_its_end_and_the_supervisor_is_told_what_was_denied(who, image, control):
    landlock = 0 if landlock_version() > 0 else NO_LANDLOCK
    with start("berth-monitor", WORKS, image, None, [control[1].fileno()], cpus=2,
               control=control[1].fileno(), **WHO[who]) as run:
        assert hear(control) == (RUNNING, LACKS[who] | landlock)
        assert run.stdout.read() == b"k"
        assert run.wait(30) == 0


def test_the_supervisor_is_told_that_there_is_no_landlock(image, control):
    with start("berth-monitor-probe", HALTS, image, {"PROBE_WITHOUT": "landlock"},
               [control[1].fileno()], control=control[1].fileno()):
        assert hear(control) == (RUNNING, NO_LANDLOCK)


def test_the_only_user_of_a_container_keeps_its_id_and_no_right(image, control):
    prefix = ["unshare", "--user", "--map-root-user"]
    with start("berth-monitor", HALTS, image, None, [control[1].fileno()], prefix,
               control=control[1].fileno()) as run:
        assert hear(control)[1] & ~NO_LANDLOCK == NO_OTHER_USER
        has = status_of(pathlib.Path(f"/proc/{run.pid}"))
        assert has["CapPrm"] == has["CapEff"] == has["CapBnd"] == "0" * 16
        assert has["Seccomp"] == "2"
        control[0].send(PACKET.pack(END, 0, 0, 0, 0, b""))
        assert run.wait(30) == 0


def status_of(task):
    return dict(re.findall(r"^(\w+):[ \t]*(.*?) *$", (task / "status").read_text(encoding="ascii"),
                           re.MULTILINE))


def check_task(has, who):
    assert has["Seccomp"] == "2" and has["NoNewPrivs"] == "1"
    assert has["CapPrm"] == has["CapEff"] == has["CapInh"] == "0" * 16
    assert who == PLAIN or has["CapBnd"] == "0" * 16
    assert "0" not in (has["Uid"] + "\t" + has["Gid"]).split("\t")
    assert has["Groups"] == ""


@pytest.mark.parametrize("who", WHO)
def test_a_running_monitor_has_nothing_left(who, image, control):
    with start("berth-monitor", HALTS, image, None, [control[1].fileno()], cpus=2,
               control=control[1].fileno(), **WHO[who]) as run:
        assert hear(control)[0] == RUNNING
        folder = pathlib.Path(f"/proc/{run.pid}")
        tasks = [status_of(task) for task in (folder / "task").iterdir()]
        tasks = [has for has in tasks if not has["Name"].startswith(("kvm-", "vhost"))]  # kernel's
        assert len(tasks) == 3  # the device loop and two processors
        for has in tasks:
            check_task(has, who)
        assert "Max core file size        0" in (folder / "limits").read_text(encoding="ascii")
        assert who == PLAIN or not list((folder / "root").iterdir())
        opened = [os.readlink(fd) for fd in (folder / "fd").iterdir()]
        assert "/dev/kvm" not in opened and opened.count("/dev/null") == 3
        assert [name for name in opened if name.startswith("/") and "dev" not in name] == \
            [str(image)]
        control[0].send(PACKET.pack(END, 0, 0, 0, 0, b""))
        assert run.wait(30) == 0
