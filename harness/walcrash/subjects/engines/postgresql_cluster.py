"""The cluster of a PostgreSQL server: made once, copied into each new store, and whose it is.

Source: the PostgreSQL 15 documentation, `initdb`, 18.4 "Managing Kernel Resources",
21.2 "User Name Maps"; `setpriv(1)`, `capabilities(7)`.
"""

import atexit
import ctypes
import functools
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

from walcrash.subjects.loading import MissingPackage

VERSION: Final = 15
_PLACE: Final = f"/usr/lib/postgresql/{VERSION}/bin"
"""Where Debian has the programs, which are not on the path there."""

TEMPLATE: Final = f"postgresql-{VERSION}.template"
USERS: Final = ("postgres", "nobody")
MAKE_SECONDS: Final = 60.0
"""How long making a cluster may take."""

_LIBC: Final = ctypes.CDLL(None, use_errno=True)
_NEW_IPC: Final = 0x0800_0000
_REMOVE: Final = 0
_LINE_OF_MEMORY: Final = 6
"""The line of `postmaster.pid`, from 0, that has the key and number of its shared memory."""

_STATEMENTS: Final = (
    "UPDATE pg_database SET datistemplate = false WHERE datname = 'template0'",
    "DROP DATABASE template0",
    "DROP DATABASE postgres",
    "CREATE TABLE log (number bigint PRIMARY KEY, record bytea NOT NULL)",
)


class Programs(NamedTuple):
    """The two programs that are needed."""

    server: str
    maker: str


class ClusterNotMade(Exception):
    """A cluster could not be made; the message has what the program said."""


def find_programs() -> Programs:
    """Return where the server and `initdb` are.

    Raises:
        MissingPackage: they are not installed, or there is nobody to run them as.
    """
    server, maker = (shutil.which(name, path=_PLACE) for name in ("postgres", "initdb"))
    if server is None or maker is None:
        raise MissingPackage(
            f"this subject needs the server of PostgreSQL {VERSION}, which is not in {_PLACE} here",
            hint=f"apt-get install postgresql-{VERSION}",
        )
    if os.geteuid() == 0 and (shutil.which("setpriv") is None or _user() is None):
        raise MissingPackage(
            "this subject's server refuses to run as root, and there is no `setpriv` "
            f"or none of the users {', '.join(USERS)} to run it as",
            hint="apt-get install util-linux",
        )
    return Programs(server, maker)


def as_user() -> Sequence[str]:
    """Return the words in front of a command that may not run as root, empty for others.

    The process is killed when the one that started it ends, however it ends.
    """
    if os.geteuid() != 0:
        return ("setpriv", "--pdeathsig", "KILL")
    user = _user()
    assert user is not None, "it was looked for at first"
    ids = ("--reuid", str(user.pw_uid), "--regid", str(user.pw_gid), "--clear-groups")
    # access(2) leaves capabilities out, unless this bit is set.
    passing = (
        "--securebits=+no_setuid_fixup",
        *("--inh-caps=-all,+dac_override", "--ambient-caps=-all,+dac_override"),
    )
    return ("setpriv", *ids, *passing, "--pdeathsig", "KILL")


def apart() -> None:
    """Take shared memory of its own for this process, which ends with it, where that is allowed."""
    _LIBC.unshare(_NEW_IPC)


def make_beside(directory: Path, programs: Programs) -> None:
    """Make the template beside a directory, unless it is there."""
    if not (directory.parent / TEMPLATE).exists():
        _make(directory / "new", programs)
        (directory / "new").rename(directory.parent / TEMPLATE)


def find_template(directory: Path, programs: Programs) -> Path:
    """Return the template beside a store, or one of this process."""
    template = directory.parent / TEMPLATE
    return template if template.exists() else _own(programs)


@functools.cache
def _own(programs: Programs) -> Path:
    """Make a template that is removed when this process ends."""
    directory = tempfile.mkdtemp(prefix="walcrash-postgresql-")
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    made = Path(directory) / "new"
    _make(made, programs)
    return made


def copy(template: Path, target: Path) -> None:
    """Copy a cluster: a crash leaves all of it, or nothing under this name."""
    new = target.with_name(f"{target.name}.new")
    shutil.rmtree(new, ignore_errors=True)
    shutil.copytree(template, new, copy_function=shutil.copyfile)
    _sync_below(new)
    new.rename(target)
    _sync(target.parent)


def hand_over(data: Path) -> None:
    """Make the server's user the owner of its directory, with the mode that it insists on."""
    if data.stat().st_mode & 0o7777 != 0o700:
        data.chmod(0o700)
    user = _user()
    if os.geteuid() == 0 and user is not None and data.stat().st_uid != user.pw_uid:
        os.chown(data, user.pw_uid, user.pw_gid)


def let_go_of_shared_memory(data: Path) -> bool:
    """Have the kernel remove the server's shared memory with its last process.

    Otherwise a server that is killed leaves it. It only tells two servers of one directory apart.
    """
    try:
        lines = (data / "postmaster.pid").read_text().split("\n")
        number = int(lines[_LINE_OF_MEMORY].split()[1])
    except (FileNotFoundError, IndexError, ValueError):
        return False
    _LIBC.shmctl(number, _REMOVE, None)
    return True


def _make(target: Path, programs: Programs) -> None:
    hand_over(target.parent)
    account = pwd.getpwuid(os.geteuid()).pw_name
    _run(
        [
            *(programs.maker, "-D", str(target), "--username=postgres", "--auth=peer"),
            *("--locale=C", "--encoding=UTF8", "--wal-segsize=1", "--no-sync"),
        ],
        "",
    )
    (target / "pg_hba.conf").write_text("local all postgres peer map=walcrash\n")
    (target / "pg_ident.conf").write_text(f"walcrash {account} postgres\n")
    _run(
        [programs.server, "--single", "-F", "-j", "-D", str(target), "template1"],
        "".join(f"{statement};\n\n" for statement in _STATEMENTS),
    )


def _run(command: Sequence[str], text: str) -> None:
    done = subprocess.run(
        [*as_user(), *command],
        input=text.encode(), capture_output=True, timeout=MAKE_SECONDS, check=False,
        preexec_fn=apart,
    )  # fmt: skip
    said = (done.stdout + done.stderr).decode("utf-8", "replace")
    if done.returncode or "ERROR:" in said or "FATAL:" in said:
        raise ClusterNotMade(f"{command[0]} ended with {done.returncode}: {said.strip()[-2000:]}")


def _sync_below(directory: Path) -> None:
    for each, _, names in os.walk(directory, topdown=False):
        for name in names:
            _sync(Path(each, name))
        _sync(Path(each))


def _sync(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _user() -> pwd.struct_passwd | None:
    """Return the first of `USERS` that this machine has."""
    for name in USERS:
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    return None
