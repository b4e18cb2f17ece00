# SPDX-License-Identifier: GPL-3.0-or-later
"""berth run: the network of a guest, and kernels of their own file, with a stock Debian kernel under
the monitor. The host is an emulated machine (boot/devices.py) with AMD's SVM, a network interface of
its own, and passt."""
import contextlib
import pathlib
import shutil
import subprocess
import time

import pytest

import images
from boot import devices
from guests import tiny
from program import BERTH, BUILD, Berth

MINUTES = 2
CPU = "EPYC,+svm,+npt"
NOBODY = 65534
ECHO = BUILD / "tests/udp_echo"
FIRMWARE = [pathlib.Path("/usr/share/qemu"), pathlib.Path("/usr/share/seabios")]
MODULES = "failover net_failover virtio_net af_packet"

# As the script of udhcpc it sets what the lease says. Else it gets a network, serves a page that
# anybody can read, and ends or reboots when somebody asks for that.
INIT = """\
#!/bin/sh
if [ "$1" = bound ]; then
    busybox ifconfig $interface $ip netmask $subnet
    busybox route add default gw $router
    echo "LEASE $ip"
    [ "$mode" != outward ] || busybox wget -q -O - http://$router:8081/name
fi
[ -z "$1" ] || exit 0
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
for module in {modules} {modules}; do
    [ ! -e /modules/$module.ko ] || insmod /modules/$module.ko 2>/dev/null
done
[ ! -e /dev/vda ] || echo "READ-ONLY $(cat /sys/block/vda/ro)"
if mount -t ext4 -o noatime /dev/vda /root 2>/dev/null; then
    busybox touch /root/made && echo MADE
    umount /root
fi
busybox ifconfig lo up
case $mode in  # the kernel makes variables of what it does not know
    static) busybox ifconfig eth0 10.9.0.2 netmask 255.255.255.0
        busybox ping -c 1 -W 5 10.9.0.1 >/dev/null && echo "PINGED" ;;
    *) busybox ifconfig eth0 up
        busybox udhcpc -i eth0 -n -q -f -s /init ;;
esac
mkdir -p /www/cgi-bin
echo "a page of the guest" >/www/page
for end in poweroff reboot; do
    printf '#!/bin/sh\\n%s -f\\n' $end >/www/cgi-bin/$end
    busybox chmod 755 /www/cgi-bin/$end
done
busybox httpd -p 80 -h /www
udp_echo 53 &
echo SERVING
while :; do sleep 1; done
"""


def make_content(folder):
    content = folder / "content"
    content.mkdir()
    kernel = tiny.Kernel(images.blob(images.debians(BERTH), "debian-12"), MODULES)
    script = INIT.replace("{modules}", f"{tiny.MODULES} {MODULES}")
    (content / "linux").write_bytes(kernel.files["vmlinuz"])
    (content / "linux.elf").write_bytes(tiny.payload(kernel.files["vmlinuz"]))
    (content / "initrd").write_bytes(tiny.initramfs(kernel, script=script, programs=[ECHO]))
    (content / "name").write_text("a page of the host\n")
    shutil.copy(ECHO, content)
    add_qemu(content)
    return content


def add_qemu(content):
    """QEMU finds its firmware beside itself: in ../share/qemu."""
    qemu = devices.which("qemu-system-x86_64")
    for folder in ("bin", "lib", "share/qemu"):
        (content / folder).mkdir(parents=True)
    shutil.copy(qemu, content / "bin")
    for library in devices.libraries(qemu):
        shutil.copy(library, content / "lib")
    for name in ("bios-256k.bin", "kvmvapic.bin", "linuxboot_dma.bin"):
        firmware = [folder / name for folder in FIRMWARE if (folder / name).exists()]
        shutil.copy(firmware[0], content / "share/qemu")


# a system whose kernel hears its serial line (tests/guests/kernels/lives.c)
LIVES = """\
berth: 1
name: lives
disk: {path: disk.img, size: 80MiB}
partitions:
  - {name: esp, type: esp, size: 40MiB}
  - {name: bios, type: bios-boot, size: 1MiB}
host: {name: main, image: tiny, root: {size: 16MiB, fs: ext4}}
"""


def make_lives(folder):
    """A disk with one system, "main", in its third partition."""
    kernel = tiny.OtherKernel((BUILD / "tests/guests/lives").read_bytes())
    return tiny.make_disk(Berth(folder), LIVES, kernel)


@pytest.fixture(name="host", scope="module")
def make_host(tmp_path_factory):
    folder = tmp_path_factory.mktemp("host")
    disk = folder / "disk"
    (folder / "files").mkdir()
    (folder / "files/hello").write_text("from the disk")
    with open(disk, "wb") as image:
        image.truncate(16 << 20)
    subprocess.run(["mke2fs", "-q", "-t", "ext4", "-d", folder / "files", disk], check=True)
    prepare = ("modprobe kvm_amd && modprobe tun && modprobe dummy && chmod 666 /dev/kvm /dev/net/tun",
               "ip link set lo up; ip link add out type dummy && ip link set out up && "
               "ip addr add 10.7.0.2/24 dev out && ip route add default via 10.7.0.1",
               "mkdir -m 777 /tmp/any; chmod 777 /tmp/state",
               "export PATH=$PATH:/content/bin LD_LIBRARY_PATH=/content/lib",
               "busybox httpd -p 127.0.0.1:8081 -h /content")
    with devices.Machine(folder, {"guest": disk, "lives": make_lives(folder)}, make_content(folder), cpu=CPU,
                         memory=1536, prepare=prepare) as machine:
        yield machine


def as_user(uid):
    """Words before a command. Each user has a folder for the sockets of what runs."""
    return f"BERTH_RUNTIME=/tmp/any/{uid} setpriv --reuid {uid} --regid {uid} --clear-groups " if uid else ""


class Run:
    """with Run(host, "--publish 8080:80") as run: a guest in the background, until it serves."""

    def __init__(self, host, options, append="", uid=0, engine="kvm"):
        self.host, self.uid = host, uid
        host.ok("rm -rf /tmp/any/*")
        host.ok(f"{as_user(uid)}{linux(options, append, engine)} </dev/null >/tmp/any/out 2>&1 & "
                "echo $! >/tmp/any/pid")

    def __enter__(self):
        self.said("SERVING")
        return self

    def __exit__(self, *_):
        self.end()

    def end(self):
        self.host(f"{as_user(self.uid)}berth stop --force linux")
        gone(self.host, "berth", "passt")

    def kill(self):
        self.host("kill -9 $(cat /tmp/any/pid)")

    def output(self):
        return self.host.ok("cat /tmp/any/out")

    def wait(self, command, what):
        deadline = time.monotonic() + 300
        while self.host(command)[0] != 0:
            ended = self.host("kill -0 $(cat /tmp/any/pid)")[0] != 0
            assert not ended and time.monotonic() < deadline, f"{what}:\n{self.output()}"
            time.sleep(1)

    def said(self, word, times=1):
        """Waits until the guest has said it so often."""
        self.wait(f"[ $(grep -c {word} /tmp/any/out) -ge {times} ]", f"no {word}")
        return self.output()


def linux(options, append="", engine="kvm"):
    return f"berth run --kernel /content/linux --initrd /content/initrd --engine {engine} --memory 192MiB " \
        f'--append "console=ttyS0 quiet panic=-1 {append}" {options}'


def pids(host, name):
    """The ids of the processes of that name that have not ended; the machine's ps shows everybody's."""
    return host.ok(f"ps -o pid,stat,comm | awk '$3 ~ /^{name}/ && $2 !~ /^Z/ {{ print $1 }}'").split()


def gone(host, *names):
    deadline = time.monotonic() + 20
    for name in names:
        while pids(host, name):
            assert time.monotonic() < deadline, f"{name} is still there"
            time.sleep(0.5)


def ask(host, address, page):
    """What a web server sends for a page; (status, output)."""
    return host(f"printf 'GET /{page} HTTP/1.0\\r\\n\\r\\n' | timeout 20 nc -w 10 {address}")


def answers(host, address):
    status, output = ask(host, address, "page")
    return status == 0 and output.strip().endswith("a page of the guest")


def test_a_users_guest_gets_a_network_and_keeps_it_over_a_reboot(host):
    """Its published port answers, on the loopback only; also when berth was killed, until it ends."""
    with Run(host, "--publish 8080:80", "mode=outward", NOBODY) as run:
        assert "LEASE 10.7.0.2" in run.output()
        assert "a page of the host" in run.output()
        assert answers(host, "127.0.0.1 8080")
        assert ask(host, "10.7.0.2 8080", "page")[0] != 0
        host.refused(linux("--publish 8080:80"), "8080:80", "in use", "hint: ")
        first = pids(host, "passt")
        ask(host, "127.0.0.1 8080", "cgi-bin/reboot")
        run.said("SERVING", 2)
        assert answers(host, "127.0.0.1 8080")
        assert len(first) == len(pids(host, "passt")) == 1 and pids(host, "passt") != first
        run.kill()
        gone(host, "berth-keeper")
        assert answers(host, "127.0.0.1 8080")
        run.end()


def test_root_publishes_a_low_port_everywhere_and_the_disk_is_the_file(host):
    host.ok("dd if=/dev/vdc of=/tmp/image bs=1M 2>/dev/null")
    with Run(host, "--publish 0.0.0.0:80:80 --disk /tmp/image") as run:
        assert "READ-ONLY 0" in run.output() and "MADE" in run.output()
        assert answers(host, "10.7.0.2 80")
        ask(host, "127.0.0.1 80", "cgi-bin/poweroff")
        gone(host, "berth", "passt")
    host.ok("e2fsck -fn /tmp/image && debugfs -R ls /tmp/image | grep -q made")


@contextlib.contextmanager
def another_route(host, route=None):
    """Another default route than usual, or none."""
    host.ok("ip route del default")
    if route:
        host.ok(f"ip route add default {route}")
    try:
        yield
    finally:
        host(f"ip route del default {route}")
        host.ok("ip route add default via 10.7.0.1")


def test_a_guest_of_a_host_without_a_network_reaches_it_and_is_reached(host):
    with another_route(host), Run(host, "--publish 8080:80", "mode=outward", NOBODY) as run:
        assert "LEASE 10.0.2.15" in run.output()
        assert "a page of the host" in run.output()
        assert answers(host, "127.0.0.1 8080")


def test_why_passt_fails_is_told(host):
    host.ok("ip link add bare type dummy && ip link set bare up")
    with another_route(host, "dev bare"):
        host.refused(linux(""), "passt: ", "not usable", status=1)
    host.ok("ip link del bare")
    gone(host, "berth", "passt")


@contextlib.contextmanager
def tap(host, name, whose=""):
    host.ok(f"ip tuntap add {name} mode tap {whose} && ip link set {name} up && ip addr add 10.9.0.1/24 dev {name}")
    yield
    host.ok(f"ip tuntap del {name} mode tap")


def test_a_users_tap_device_is_a_network_both_ways(host):
    host.ok("dd if=/dev/vdc of=/tmp/image bs=1M 2>/dev/null && chmod 644 /tmp/image")
    with tap(host, "own", f"user {NOBODY}"), \
            Run(host, "--net tap=own --disk /tmp/image:ro", "mode=static", NOBODY) as run:
        assert "READ-ONLY 1" in run.output() and "MADE" not in run.output()
        assert "PINGED" in run.output()
        assert answers(host, "10.9.0.2 80")
        host.refused(linux("--net tap=own"), "own", "another program has it")


def test_a_published_port_of_datagrams_leads_to_the_guest(host):
    with Run(host, "--publish 5353:53/udp", uid=NOBODY):
        assert host.ok("/content/udp_echo 5353 127.0.0.1 asked") == "echo: asked"
        host.refused(linux("--publish 5353:53/udp"), "5353:53/udp", "UDP port 5353", "in use")


def test_qemu_gives_a_guest_a_tap_device_and_keeps_it_over_a_reboot(host):
    with tap(host, "beside"), Run(host, "--net tap=beside", "mode=static", engine="qemu") as run:
        assert "PINGED" in run.output()
        assert answers(host, "10.9.0.2 80")
        ask(host, "10.9.0.2 80", "cgi-bin/reboot")
        run.said("SERVING", 2)
        assert answers(host, "10.9.0.2 80")


def test_a_tap_that_is_not_this_users_is_refused(host):
    host.ok("ip tuntap add theirs mode tap user 1")
    host.refused(f"{as_user(NOBODY)}{linux('--net tap=theirs')}", "theirs", "not this user's", "hint: ")
    host.refused(linux("--net tap=none"), "no such interface", "hint: ", status=4)
    host.refused(linux("--net tap=out"), "no tap device", status=2)


def test_a_user_runs_the_system_of_a_partition_whose_node_is_all_he_may_open(host):
    host.ok(f"rm -rf /tmp/any/* && busybox chown {NOBODY} /dev/vdd3 && chmod 600 /dev/vdd /dev/vdd3")
    host.refused(f"{as_user(NOBODY)}cat /dev/vdd", "Permission denied", status=1)
    before = host.ok("sha256sum </dev/vdd")
    run = f"{as_user(NOBODY)}berth run /dev/vdd3 --engine kvm --net none --memory 64MiB --ephemeral"
    host.ok(f"{run} --detach")
    host.refused("mount /dev/vdd3 /mnt", "busy", status=32)
    said = host.ok(f"{{ sleep 2; printf q; }} | {as_user(NOBODY)}berth console main")
    assert "up" in said and "off" in said
    host.ok("mount -o ro,noload /dev/vdd3 /mnt && umount /mnt")
    assert host.ok("sha256sum </dev/vdd") == before
    host.refused(f"{as_user(NOBODY)}berth run /dev/vdd1", "/dev/vdd1: Permission denied", status=1)
