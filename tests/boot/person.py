# SPDX-License-Identifier: GPL-3.0-or-later
"""The person who logs in on an installed Debian, and becomes root there."""

USER, PASSWORD = "user", "berth"
HASH = "$6$KcIuesOmLJVRA6Ub$r522sB4XzkEx4.W.s6NE6X4o6yNGYqeeJb8fdltFzjizehveH4uj4ZguTsuCuwC59hBJ9Ks." \
    "e4uJz2m0YRc2c/"
# a line of a system's `users` in a machine file
AS_USER = f'{{name: {USER}, password-hash: "{HASH}", groups: [sudo], sudo-without-password: true}}'


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
