"""Ties a program to its parent: whatever kills the parent, the program is told to stop.

Run by path and replaced by the program: tether.py PARENT SIGNAL IDENTITY /PROGRAM ARGUMENTS…
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1
CLONE_NEWUSER = 0x10000000


def main(parent: str, told: str, identity: str, *command: str) -> None:
    _become(identity)
    if sys.platform == "linux":
        # After the change of identity: the kernel forgets the wish when the user changes.
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(told))
        if os.getppid() != int(parent):
            sys.exit(1)
    # Python ignores SIGPIPE and a shell's "&" ignores SIGINT; a program would inherit both.
    for name in (signal.SIGPIPE, signal.SIGINT):
        signal.signal(name, signal.SIG_DFL)
    try:
        os.execv(command[0], command)
    except OSError as error:
        sys.exit(f"{command[0]} cannot be run: {error.strerror}.")


def _become(identity: str) -> None:
    """Stay the same, become uid:gid, or take other numbers in a namespace and keep our rights."""
    if identity.startswith("namespace"):
        _, user, group = identity.split()
        _rename(user, group)
    elif identity != "same":
        user, group = identity.split(":")
        os.setgroups([])
        os.setgid(int(group))
        os.setuid(int(user))


def _rename(user: str, group: str) -> None:
    outside = {"uid_map": f"{user} {os.getuid()} 1", "gid_map": f"{group} {os.getgid()} 1"}
    if ctypes.CDLL(None).unshare(CLONE_NEWUSER) != 0:
        sys.exit("User namespaces are not allowed here.")
    for name, text in {"setgroups": "deny", **outside}.items():
        with open(f"/proc/self/{name}", "w", encoding="ascii") as file:
            file.write(text)


if __name__ == "__main__":
    main(*sys.argv[1:])
