# SPDX-License-Identifier: GPL-3.0-or-later
"""An installed Debian, the person who logs in there, and becomes root."""

USER, PASSWORD = "user", "berth"
HASH = "$6$KcIuesOmLJVRA6Ub$r522sB4XzkEx4.W.s6NE6X4o6yNGYqeeJb8fdltFzjizehveH4uj4ZguTsuCuwC59hBJ9Ks." \
    "e4uJz2m0YRc2c/"
# a line of a system's `users` in a machine file
AS_USER = f'{{name: {USER}, password-hash: "{HASH}", groups: [sudo], sudo-without-password: true}}'

# Kernel options for a Debian whose own start is not what is tested: without what a login and berth do not
# need, it takes half the time. tests/boot/test_two_debians.py starts them as they are.
NOT_NEEDED = (
    "berth-ssh-keys.service", "console-setup.service", "dev-hugepages.mount", "dev-mqueue.mount",
    "e2scrub_reap.service", "getty@tty1.service", "keyboard-setup.service", "modprobe@configfs.service",
    "modprobe@dm_mod.service", "modprobe@drm.service", "modprobe@efi_pstore.service",
    "modprobe@fuse.service", "modprobe@loop.service", "proc-sys-fs-binfmt_misc.automount",
    "ssh.service", "sys-fs-fuse-connections.mount", "sys-kernel-config.mount", "sys-kernel-debug.mount",
    "sys-kernel-tracing.mount", "systemd-network-generator.service", "systemd-networkd.service",
    "systemd-networkd.socket", "systemd-random-seed.service", "systemd-resolved.service",
    "systemd-timesyncd.service", "systemd-update-utmp.service", "timers.target", "user@.service")
NO_MODULES = "aesni_intel,cfg80211,cryptd,ghash_clmulni_intel,i2c_i801,iTCO_wdt,lpc_ich,pcspkr,polyval_clmulni," \
    "psmouse,sha1_ssse3,sha256_ssse3,sha512_ssse3"
QUICK_START = f"quiet loglevel=1 mitigations=off module_blacklist={NO_MODULES} " + \
    " ".join(f"systemd.mask={unit}" for unit in NOT_NEEDED)


def succeed(vm, command, timeout=300):
    """Runs the command in the shell of the serial line, expects status 0, and returns its output."""
    status, output = vm.shell(command, timeout)
    assert status == 0, f"{command}: status {status}\n{output}"
    return output


def log_in_as_root(vm, host="main"):
    """Waits for the prompt of that host."""
    vm.expect(f"{host} login:")
    vm.login(USER, PASSWORD)
    vm.send("sudo -i\r")
    vm.expect("# ", 60)
    vm.send("stty -echo; export TERM=dumb PAGER=cat\r")
    succeed(vm, "true")
