"""Runs a program under what a unit of systemd allows it, as far as that can be had without systemd: its filters of system
calls, of address families and of executable memory, no capabilities, no new privileges, its limit of open files and its
umask; as root also a user without an account, and a file system that is read-only but for some directories.

    python unit_sandbox.py UNIT FOLDER:FOLDER:… PROGRAM ARGUMENT…

With '' in the place of the folders, none can be written to.

Stricter than systemd in one point: a system call that the filter does not have ends the program, so that none goes unnoticed.
"""
import ctypes
import functools
import os
import re
import resource
import subprocess
import sys

# That of the container image: no account of this machine has it.
USER = 10001
PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS = 24, 38
CLONE_NEWNS, MS_RDONLY, MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 0x20000, 0x1, 0x20, 0x1000, 0x4000, 0x40000
KILL_PROCESS, ALLOW = 0x80000000, 0x7FFF0000
NO_SUCH_FAMILY = 0x00050000 | 97  # EAFNOSUPPORT, as systemd answers.
EQUAL, MASKED_EQUAL = 4, 7
PROT_WRITE, PROT_EXEC = 2, 4
FAMILIES = {"AF_UNIX": 1, "AF_INET": 2, "AF_INET6": 10}
ALL_FAMILIES = 64


def settings(unit):
    """The values of each key of a unit, in their order. What is in a comment is none."""
    found = {}
    with open(unit, encoding="utf-8") as file:
        for line in file:
            if match := re.match(r"(\w+)=(.*)$", line):
                found.setdefault(match[1], []).append(match[2].strip())
    return found


@functools.cache
def members(group):
    """The system calls of a group, and of those in it."""
    listed = subprocess.run(["systemd-analyze", "syscall-filter", group], capture_output=True, text=True, check=True).stdout
    names = [line.strip() for line in listed.splitlines()[1:] if line.strip() and not line.strip().startswith("#")]
    return frozenset().union(*(calls(name) for name in names))


def calls(name):
    return members(name) if name.startswith("@") else frozenset([name])


def allowed(unit):
    """The system calls that the lines of SystemCallFilter come to: the first is of those allowed, others add and remove."""
    found = set(members("@default"))
    for line in settings(unit)["SystemCallFilter"]:
        named = frozenset().union(*(calls(name) for name in line.lstrip("~").split()))
        found = found - named if line.startswith("~") else found | named
    return found


class Comparison(ctypes.Structure):
    _fields_ = [("argument", ctypes.c_uint), ("operator", ctypes.c_int), ("first", ctypes.c_uint64), ("second", ctypes.c_uint64)]


class Filter:
    """One filter of libseccomp. Of several, the strictest answer counts."""

    def __init__(self, default):
        self.library = ctypes.CDLL("libseccomp.so.2", use_errno=True)
        self.library.seccomp_init.restype = ctypes.c_void_p
        self.context = ctypes.c_void_p(self.library.seccomp_init(ctypes.c_uint32(default)))

    def rule(self, action, name, *comparisons):
        number = self.library.seccomp_syscall_resolve_name(name.encode())
        if number < 0:
            return  # Of another architecture.
        array = (Comparison * len(comparisons))(*(Comparison(*comparison) for comparison in comparisons))
        done = self.library.seccomp_rule_add_array(self.context, ctypes.c_uint32(action), number, len(comparisons), array)
        if done < 0:
            raise OSError(-done, f"{name}: {os.strerror(-done)}")

    def load(self):
        done = self.library.seccomp_load(self.context)
        if done < 0:
            raise OSError(-done, f"the filter: {os.strerror(-done)}")


def filters(unit):
    of_calls = Filter(KILL_PROCESS)
    for name in allowed(unit):
        of_calls.rule(ALLOW, name)
    found = settings(unit)
    of_arguments = Filter(ALLOW)
    if found.get("MemoryDenyWriteExecute") == ["yes"]:
        both = PROT_WRITE | PROT_EXEC
        of_arguments.rule(KILL_PROCESS, "mmap", (2, MASKED_EQUAL, both, both))
        for name in ("mprotect", "pkey_mprotect"):
            of_arguments.rule(KILL_PROCESS, name, (2, MASKED_EQUAL, PROT_EXEC, PROT_EXEC))
    families = [FAMILIES[name] for name in found["RestrictAddressFamilies"][-1].split()]
    for family in set(range(ALL_FAMILIES)) - set(families):
        of_arguments.rule(NO_SUCH_FAMILY, "socket", (0, EQUAL, family, 0))
    return of_arguments, of_calls


def must(result, what):
    if result != 0:
        raise OSError(ctypes.get_errno(), f"{what}: {os.strerror(ctypes.get_errno())}")


def lock_files(libc, writable):
    """For this process, what is not in one of these directories is read-only."""
    must(libc.unshare(CLONE_NEWNS), "unshare")
    must(libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None), "private mounts")
    for folder in writable:
        must(libc.mount(folder.encode(), folder.encode(), None, MS_BIND, None), folder)
    must(libc.mount(b"none", b"/", None, MS_REMOUNT | MS_BIND | MS_RDONLY, None), "read-only root")


def main():
    unit, writable, program = sys.argv[1], [folder for folder in sys.argv[2].split(":") if folder], sys.argv[3:]
    libc = ctypes.CDLL(None, use_errno=True)
    found = settings(unit)
    prepared = filters(unit)
    files = int(found["LimitNOFILE"][-1])
    files = min(files, resource.getrlimit(resource.RLIMIT_NOFILE)[1])
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
    if os.geteuid() == 0:
        lock_files(libc, writable)
        with open("/proc/sys/kernel/cap_last_cap", encoding="ascii") as file:
            last = int(file.read())
        for capability in range(last + 1):
            must(libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0), "capabilities")
        os.setgroups([])
        os.setresgid(USER, USER, USER)
        os.setresuid(USER, USER, USER)
    os.umask(int(found["UMask"][-1], 8))
    must(libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no new privileges")
    # What a service manager tells its service: whose sockets these are.
    if "LISTEN_FDS" in os.environ:
        os.environ["LISTEN_PID"] = str(os.getpid())
    for one in prepared:
        one.load()
    os.execv(program[0], program)


if __name__ == "__main__":
    main()
