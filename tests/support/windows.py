"""Runs logan as it would run on Windows, as far as Python code decides that, where there is none.

    python -m tests.support.windows ARGUMENTS OF LOGAN

What Windows lacks is taken away before logan is imported: modules of POSIX cannot be imported, the
names that Python has on POSIX alone are gone, a file that is open cannot be replaced or removed,
and a file opened by number without O_BINARY would have its line ends changed, so that is an error.
Python's own modules and rich, which draws by calls of Windows where that is, are loaded before,
because they ask for the system when they are. Paths stay
those of this machine, and so does the engine: that it builds for Windows, a compiler says.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import time
from collections.abc import Callable, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any, Final

MODULES: Final = (
    "_curses _posixshmem _posixsubprocess curses fcntl grp nis pty pwd readline resource spwd "
    "syslog termios tty"
)

NAMES: Final[dict[ModuleType, str]] = {
    os: (
        "O_ACCMODE O_ASYNC O_CLOEXEC O_DIRECT O_DIRECTORY O_DSYNC O_NDELAY O_NOATIME O_NOCTTY "
        "O_NOFOLLOW O_NONBLOCK O_PATH O_RSYNC O_SYNC O_TMPFILE POSIX_FADV_DONTNEED "
        "POSIX_FADV_SEQUENTIAL POSIX_FADV_WILLNEED SEEK_DATA SEEK_HOLE WEXITSTATUS WIFEXITED "
        "WIFSIGNALED WNOHANG WTERMSIG chown chroot confstr copy_file_range eventfd fchdir fchmod "
        "fchown fdatasync fork forkpty fpathconf fstatvfs getegid geteuid getgid getgroups "
        "getloadavg getpgid getpgrp getpriority getrandom getresuid getsid getuid getxattr killpg "
        "lchown listxattr lockf memfd_create mkfifo mknod nice openpty pathconf pidfd_open pipe2 "
        "posix_fadvise posix_fallocate posix_spawn pread preadv pwrite pwritev readv "
        "register_at_fork sched_getaffinity sched_setaffinity sched_yield sendfile set_blocking "
        "setpriority setsid setuid splice statvfs sync sysconf tcgetpgrp ttyname uname wait wait3 "
        "wait4 waitid writev"
    ),
    signal: (
        "SIGALRM SIGBUS SIGCHLD SIGCONT SIGHUP SIGIO SIGKILL SIGPIPE SIGQUIT SIGSTOP SIGTSTP "
        "SIGTTIN SIGTTOU SIGUSR1 SIGUSR2 SIGWINCH SIG_BLOCK SIG_SETMASK SIG_UNBLOCK alarm "
        "getitimer pause pthread_kill pthread_sigmask setitimer siginterrupt sigpending "
        "sigtimedwait sigwait"
    ),
    select: ("EPOLLIN PIPE_BUF POLLERR POLLHUP POLLIN POLLNVAL POLLOUT POLLPRI epoll poll"),
    time: ("CLOCK_BOOTTIME CLOCK_MONOTONIC CLOCK_REALTIME clock_gettime clock_gettime_ns tzset"),
}
"""By typeshed, and by Python's documentation for those that came to Windows after 3.11."""


class _Blocked(MetaPathFinder):
    def find_spec(self, fullname: str, *_: Any) -> ModuleSpec | None:
        if fullname.partition(".")[0] in MODULES.split():
            raise ModuleNotFoundError(f"No module named {fullname!r}", name=fullname)
        return None


def _open_paths() -> list[str]:
    found = []
    for name in os.listdir("/proc/self/fd"):
        try:
            found.append(os.readlink(f"/proc/self/fd/{name}"))
        except OSError:
            continue
    return found


def _unless_open(function: Callable[..., None]) -> Callable[..., None]:
    def checked(*args: Any, **kwargs: Any) -> None:
        for path in args:
            if isinstance(path, str | os.PathLike) and os.path.realpath(path) in _open_paths():
                raise PermissionError(13, "in use by another process", os.fspath(path))
        function(*args, **kwargs)

    return checked


def pretend() -> None:
    """Make this process one on Windows, as the module says."""
    import asyncio  # noqa: F401
    import concurrent.futures.thread  # noqa: F401
    import importlib.metadata  # noqa: F401
    import multiprocessing.pool  # noqa: F401
    import shutil
    import sqlite3  # noqa: F401
    import ssl  # noqa: F401
    import subprocess  # noqa: F401
    import tempfile
    import urllib.request  # noqa: F401
    import webbrowser  # noqa: F401
    import zoneinfo  # noqa: F401

    import rich.console  # noqa: F401

    binary = 1 << 30  # means nothing here, and is taken away again
    os.O_BINARY = binary  # type: ignore[attr-defined]
    open_file = os.open

    def checked_open(path: Any, flags: int, *args: Any, **kwargs: Any) -> int:
        assert flags & binary, f"{path} is opened without O_BINARY"
        return open_file(path, flags & ~binary, *args, **kwargs)

    tempfile._bin_openflags |= binary  # type: ignore[attr-defined]
    os.open = checked_open
    os.replace = _unless_open(os.replace)
    os.rename = _unless_open(os.rename)
    os.unlink = os.remove = _unless_open(os.unlink)
    shutil.get_terminal_size()
    for module, listed in NAMES.items():
        for name in listed.split():
            if hasattr(module, name):
                delattr(module, name)
    for name in [each for each in sys.modules if each.partition(".")[0] in MODULES.split()]:
        del sys.modules[name]
    sys.meta_path.insert(0, _Blocked())
    sys.platform = "win32"


def main(arguments: Sequence[str]) -> int:
    """Run `logan`; its exit code."""
    assert not any(each.partition(".")[0] == "logan" for each in sys.modules)
    pretend()
    from logan.cli.main import main as run

    return run(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
