"""Each call that the recorder takes over: the worker cannot tell, and the trace tells it right.

Every step runs under watch and without; result, errors and tree must be equal.
"""

import os
import struct
from collections.abc import Callable
from pathlib import Path

import pytest
from watching import both_ways, errors_of, opened, outcome, raw, run_watched

from walcrash.recorder import abi, calls
from walcrash.recorder.filter import _NOT_SEEN, RANDOM, READS
from walcrash.recorder.paths import Directory
from walcrash.recorder.recording import WatchEnd
from walcrash.recorder.supervisor import Supervisor
from walcrash.recorder.watch_plan import WatchPlan
from walcrash.recorder.zygote import Zygote
from walcrash.values.event import EventKind

HERE = abi.AT_FDCWD
NO_MEMORY = 8
"""An address at which no process has anything."""

HIGHEST = (1 << 64) - 16
CONTENT = b"hello world"


def set_up(directory: Path) -> None:
    """A file, a directory with a file, links to all sorts of places, and files outside."""
    (directory / "a").write_bytes(CONTENT)
    (directory / "a").chmod(0o640)
    (directory / "d").mkdir()
    (directory / "d" / "inner").write_bytes(b"inner")
    (directory / "link").symlink_to("a")
    (directory / "dangling").symlink_to("d/made")
    (directory / "loop").symlink_to("loop")
    (directory / "dlink").symlink_to("d")
    (directory / "out").symlink_to("../outside")
    (directory.parent / "outside").write_bytes(b"outside")
    (directory.parent / "into").symlink_to("directory/a")


Step = Callable[[], object]
STEPS: dict[str, tuple[Step, list[str]]] = {}


def step(name: str, *told: str) -> Callable[[Step], Step]:
    """Register what runs for one call, and the events that the trace must then hold."""

    def register(function: Step) -> Step:
        STEPS[name] = (function, list(told))
        return function

    return register


def rw(path: str = "a", flags: int = 0) -> int:
    return os.open(path, os.O_RDWR | flags)


def position(fd: int) -> int:
    return os.lseek(fd, 0, os.SEEK_CUR)


def text(path: str) -> bytes:
    return Path(path).read_bytes()


@step("write", "write a, 3 bytes at 0", "write a, 0 bytes at 3", "write a, 2 bytes at 11",
      "write a, 2 bytes at 0 (failed, errno 9)", "write a, 0 bytes at 3",
      "write a, 2 bytes at 7")  # fmt: skip
def step_write() -> object:
    fd, end = rw(), rw(flags=os.O_APPEND)
    reading = os.open("a", os.O_RDONLY)
    found = [os.write(fd, b"123"), os.write(fd, b""), os.write(end, b"xy"), position(end)]
    found += errors_of(
        lambda: os.write(reading, b"no"),
        lambda: os.write(99, b"no"),
        lambda: raw("write", -1, b"no", 2),
        lambda: raw("write", fd, NO_MEMORY, 4),
        lambda: raw("write", fd, HIGHEST, 4),
        lambda: raw("write", fd, NO_MEMORY, 0),
    )
    os.lseek(fd, 4, os.SEEK_CUR)
    return [*found, os.write(fd, b"45"), position(fd)]


@step("pwrite64", "write a, 3 bytes at 4", "write a, 2 bytes at 11", "write a, 2 bytes at 20",
      "write a, 2 bytes at -1 (failed, errno 22)")  # fmt: skip
def step_pwrite() -> object:
    fd, end = rw(), rw(flags=os.O_APPEND)
    found = [os.pwrite(fd, b"123", 4), os.pwrite(end, b"xy", 2), os.pwrite(fd, b"zz", 20)]
    found += errors_of(
        lambda: raw("pwrite64", fd, b"no", 2, -1),
        lambda: raw("pwrite64", fd, NO_MEMORY, 2, 0),
        lambda: os.pwrite(99, b"no", 0),
    )
    return [*found, position(fd), position(end)]


@step("writev", "write a, 5 bytes at 0", "write a, 0 bytes at 5")
def step_writev() -> object:
    fd = rw()
    found: list[object] = [os.writev(fd, [b"12", b"", b"345"]), os.writev(fd, [b"", b""])]
    found += errors_of(
        lambda: raw("writev", fd, NO_MEMORY, 1),
        lambda: raw("writev", fd, struct.pack("<QQ", NO_MEMORY, 4), 1),
        lambda: raw("writev", fd, b"", -1),
        lambda: raw("writev", fd, b"", 1025),
        lambda: os.writev(99, [b"x"]),
    )
    return [*found, position(fd)]


@step("pwritev", "write a, 4 bytes at 8")
def step_pwritev() -> object:
    fd = rw()
    return [
        os.pwritev(fd, [b"12", b"34"], 8),
        position(fd),
        outcome(lambda: raw("pwritev", fd, NO_MEMORY, 1, 0, 0)),
    ]


@step("pwritev2", "write a, 2 bytes at 0", "write a, 2 bytes at 3", "write a, 2 bytes at 11",
      "write a, 2 bytes at 13")  # fmt: skip
def step_pwritev2() -> object:
    fd = rw()
    buffer = (b"zz",)
    vector = [bytearray(b) for b in buffer]
    found: list[object] = [
        os.pwritev(fd, vector, -1, os.RWF_DSYNC),
        os.pwritev(fd, vector, 3, os.RWF_SYNC),
        os.pwritev(fd, vector, 1, os.RWF_APPEND),
        os.pwritev(fd, vector, -1, os.RWF_APPEND),
    ]
    return [*found, position(fd), outcome(lambda: raw("pwritev2", fd, NO_MEMORY, 1, 0, 0, 0))]


@step(
    "sendfile",
    "create copy",
    "write copy, 5 bytes at 0",
    "write copy, 6 bytes at 5",
    "write copy, 3 bytes at 11",
)
def step_sendfile() -> object:
    source, target = rw(), os.open("copy", os.O_RDWR | os.O_CREAT, 0o600)
    found: list[object] = [
        os.sendfile(target, source, None, 5), position(source), position(target),
        os.sendfile(target, source, None, 100), os.sendfile(target, source, 2, 3),
        position(source), os.sendfile(target, source, None, 10),
    ]  # fmt: skip
    end = rw("d/inner", os.O_APPEND)
    found += errors_of(
        lambda: os.sendfile(target, 99, None, 5),
        lambda: os.sendfile(end, source, 0, 5),
    )
    return found


@step("copy_file_range", "create copy", "write copy, 5 bytes at 0", "write copy, 4 bytes at 20")
def step_copy_file_range() -> object:
    source, target = rw(), os.open("copy", os.O_RDWR | os.O_CREAT, 0o600)
    found: list[object] = [
        os.copy_file_range(source, target, 5), position(source), position(target),
        os.copy_file_range(source, target, 4, 1, 20), position(source), position(target),
        os.copy_file_range(source, target, 4, 100, 20),
    ]  # fmt: skip
    end = rw("d/inner", os.O_APPEND)
    found += errors_of(
        lambda: os.copy_file_range(source, end, 4),
        lambda: os.copy_file_range(99, target, 4),
        lambda: raw("copy_file_range", source, 0, target, 0, 4, 1),
        lambda: os.copy_file_range(os.open("d", os.O_RDONLY), target, 4),
    )
    return found


@step("openat", "create new", "truncate a to 0 bytes (failed, errno 17)", "create d/made",
      "truncate a to 0 bytes", "close a", "create trailing (failed, errno 21)",
      "create d/n2", "create d/n3", "create new2 (failed, errno 22)", "write a, 4 bytes at 0",
      "truncate a to 0 bytes", "close a")  # fmt: skip
def step_openat() -> object:
    create, directory = os.O_CREAT | os.O_WRONLY, os.open("d", os.O_RDONLY)
    os.umask(0o027)
    found = errors_of(
        lambda: opened("new", create, 0o666),
        lambda: opened("new", create | os.O_EXCL),
        lambda: opened("a", create | os.O_EXCL | os.O_TRUNC),
        lambda: opened("link", create | os.O_EXCL),
        lambda: opened("link", create | os.O_NOFOLLOW),
        lambda: opened("loop", create),
        lambda: opened("dangling", create, 0o600),
        lambda: opened("a", os.O_WRONLY | os.O_TRUNC),
        lambda: opened("new", os.O_WRONLY | os.O_TRUNC),
        lambda: opened("none", os.O_WRONLY | os.O_TRUNC),
        lambda: opened("none/new", create),
        lambda: opened("a/new", create),
        lambda: opened("d", create),
        lambda: opened("trailing/", create),
        lambda: opened("a/", create),
        lambda: opened("", create),
        lambda: opened("n" * 300, create),
        lambda: opened("n/" * 3000, create),
        lambda: opened("n2", create, 0o4777, dir_fd=directory),
        lambda: opened("n3", create, 0o600, dir_fd=99),
        lambda: opened("n3", create, 0o600, dir_fd=rw()),
        lambda: opened("d/../d/./../dlink/n3", create, 0o600),
        lambda: opened("out", create | os.O_TRUNC),
        lambda: opened("../outside2", create),
        lambda: opened("new2", create | os.O_DIRECTORY),
        lambda: raw("openat", HERE, NO_MEMORY, create, 0o600),
        lambda: raw("openat", HERE, HIGHEST, create, 0o600),
        lambda: opened(".", os.O_RDWR | os.O_CREAT),
        lambda: opened("d/..", os.O_RDWR | os.O_CREAT),
    )
    Path("a").write_bytes(b"")
    fd = rw()
    os.write(fd, b"some")
    opened(f"/proc/self/fd/{fd}", os.O_WRONLY | os.O_TRUNC)
    return found


@step("open", "create new", "truncate a to 0 bytes", "close a")
def step_open() -> object:
    return errors_of(
        lambda: raw("open", b"new", os.O_CREAT | os.O_RDWR, 0o4755) > 0,
        lambda: raw("open", b"a", os.O_TRUNC | os.O_RDWR, 0) > 0,
        lambda: raw("open", b"none", os.O_TRUNC | os.O_RDWR, 0) > 0,
    )


@step("openat2", "create new")
def step_openat2() -> object:
    def how(flags: int, mode: int = 0, resolve: int = 0) -> bytes:
        return struct.pack("<QQQ", flags, mode, resolve)

    return errors_of(
        lambda: raw("openat2", HERE, b"new", how(os.O_CREAT | os.O_RDWR, 0o640), 24) > 0,
        lambda: raw("openat2", HERE, b"d/inner", how(os.O_RDONLY), 24) > 0,
        lambda: raw("openat2", HERE, b"none", how(os.O_RDONLY), 24) > 0,
        lambda: raw("openat2", HERE, b"n", NO_MEMORY, 24) > 0,
        lambda: raw("openat2", HERE, b"n", how(os.O_CREAT), 8) > 0,
        lambda: raw("openat2", HERE, b"n", how(os.O_RDONLY, 0o600), 24) > 0,
    )


@step("creat", "create new", "truncate a to 0 bytes", "close a")
def step_creat() -> object:
    return errors_of(
        lambda: raw("creat", b"new", 0o644) > 0,
        lambda: raw("creat", b"a", 0o600) > 0,
        lambda: raw("creat", b"d", 0o600) > 0,
    )


@step("truncate", "truncate a to 3 bytes", "truncate a to 8 bytes",
      "truncate a to -1 bytes (failed, errno 22)", "truncate d to 3 bytes (failed, errno 21)",
      "truncate none to 3 bytes (failed, errno 2)",
      "truncate a to 3 bytes (failed, errno 20)")  # fmt: skip
def step_truncate() -> object:
    found = errors_of(
        lambda: os.truncate("a", 3),
        lambda: os.truncate("link", 8),
        lambda: os.truncate("a", -1),
        lambda: os.truncate("d", 3),
        lambda: os.truncate("none", 3),
        lambda: os.truncate("a/", 3),
        lambda: os.truncate("out", 3),
        lambda: os.truncate("none/none", 3),
    )
    return [*found, text("a")]


@step("ftruncate", "truncate a to 20 bytes", "truncate a to 2 bytes",
      "truncate a to -1 bytes (failed, errno 22)",
      "truncate a to 2 bytes (failed, errno 22)")  # fmt: skip
def step_ftruncate() -> object:
    fd, reading = rw(), os.open("a", os.O_RDONLY)
    found = errors_of(
        lambda: os.ftruncate(fd, 20),
        lambda: os.ftruncate(fd, 2),
        lambda: os.ftruncate(fd, -1),
        lambda: os.ftruncate(reading, 2),
        lambda: os.ftruncate(99, 2),
    )
    return [*found, text("a")]


@step("fallocate", "allocate a", "allocate a", "allocate a", "allocate a (failed, errno 22)",
      "allocate a (failed, errno 95)")  # fmt: skip
def step_fallocate() -> object:
    fd = rw()
    keep_size, punch = 1, 2
    found = errors_of(
        lambda: os.posix_fallocate(fd, 0, 20),
        lambda: raw("fallocate", fd, keep_size, 0, 4096),
        lambda: raw("fallocate", fd, keep_size | punch, 2, 3),
        lambda: raw("fallocate", fd, 0, -1, 3),
        lambda: raw("fallocate", fd, 1 << 20, 0, 3),
        lambda: raw("fallocate", 99, 0, 0, 3),
    )
    return [*found, text("a")]


@step("rename", "rename a to b", "rename b to d/c", "rename d to e", "rename e/c to f",
      "rename none to f (failed, errno 2)", "rename e to f (failed, errno 20)",
      "rename f to g (failed, errno 20)", "rename link to l2")  # fmt: skip
def step_rename() -> object:
    return errors_of(
        lambda: os.rename("a", "b"),
        lambda: os.rename("b", "dlink/c"),
        lambda: os.rename("d", "e"),
        lambda: os.rename("e/c", os.path.abspath("f")),
        lambda: os.rename("none", "f"),
        lambda: os.rename("e", "f"),
        lambda: os.rename("nowhere/a", "f"),
        lambda: os.rename("f", "nowhere/a"),
        lambda: os.rename("f/", "g"),
        lambda: os.rename(".", "g"),
        lambda: os.rename("link", "l2"),
        lambda: raw("rename", NO_MEMORY, b"x"),
    )


@step("renameat", "rename d/inner to moved")
def step_renameat() -> object:
    directory = os.open("d", os.O_RDONLY)
    return errors_of(
        lambda: os.rename("inner", "moved", src_dir_fd=directory),
        lambda: os.rename("inner", "moved", src_dir_fd=99),
    )


@step("renameat2", "rename a to d/inner (failed, errno 17)", "rename a to d/inner", "rename a to b",
      "rename b to c (failed, errno 22)", "rename b to none (failed, errno 2)")  # fmt: skip
def step_renameat2() -> object:
    exchange, no_replace = abi.RENAME_EXCHANGE, 1
    return errors_of(
        lambda: raw("renameat2", HERE, b"a", HERE, b"d/inner", no_replace),
        lambda: raw("renameat2", HERE, b"a", HERE, b"d/inner", exchange),
        lambda: raw("renameat2", HERE, b"a", HERE, b"b", no_replace),
        lambda: raw("renameat2", HERE, b"b", HERE, b"c", 64),
        lambda: raw("renameat2", HERE, b"b", HERE, b"none", exchange),
    )


@step("link", "link a to b", "link a to d/inner (failed, errno 17)",
      "link none to c (failed, errno 2)",
      "link d to c (failed, errno 1)", "link link to l2", "write b, 2 bytes at 0")  # fmt: skip
def step_link() -> object:
    found = errors_of(
        lambda: raw("link", b"a", b"b"),
        lambda: raw("link", b"a", b"d/inner"),
        lambda: raw("link", b"none", b"c"),
        lambda: raw("link", b"d", b"c"),
        lambda: raw("link", b"link", b"l2"),
        lambda: raw("link", b"a", b"nowhere/c"),
    )
    os.write(rw("b"), b"__")
    return [*found, text("a"), os.stat("a").st_nlink]


@step("linkat", "link a to b", "link a to c", "create", "write, 4 bytes at 0",
      "link to d/named", "write d/named, 2 bytes at 4")  # fmt: skip
def step_linkat() -> object:
    fd, directory = rw(), os.open("d", os.O_RDONLY)
    follow, empty = abi.AT_SYMLINK_FOLLOW, abi.AT_EMPTY_PATH
    found = errors_of(
        lambda: raw("linkat", HERE, b"link", HERE, b"b", follow),
        lambda: raw("linkat", HERE, b"/proc/self/fd/%d" % fd, HERE, b"c", follow),
        lambda: raw("linkat", HERE, b"/proc/self/fd/%d" % fd, HERE, b"e", 0),
        lambda: raw("linkat", HERE, b"a", HERE, b"e", 1),
        lambda: raw("linkat", 99, b"", HERE, b"e", empty),
    )
    made = os.open(".", os.O_TMPFILE | os.O_RDWR, 0o640)
    os.write(made, b"text")
    found.append(raw("linkat", HERE, b"/proc/self/fd/%d" % made, directory, b"named", follow))
    os.write(made, b"++")
    return [*found, text("d/named")]


@step(
    "symlink",
    "symlink s to any text",
    "symlink a to x (failed, errno 17)",
    "symlink s2 to x (failed, errno 2)",
    "symlink s2 (failed, errno 2)",
)
def step_symlink() -> object:
    return errors_of(
        lambda: os.symlink("any text", "s"),
        lambda: os.symlink("x", "a"),
        lambda: os.symlink("x", "nowhere/s"),
        lambda: os.symlink("x", "s2/"),
        lambda: os.symlink("", "s2"),
    )


@step("symlinkat", "symlink d/s to ../a")
def step_symlinkat() -> object:
    return outcome(lambda: os.symlink("../a", "s", dir_fd=os.open("d", os.O_RDONLY)))


@step("unlink", "unlink link", "unlink a", "unlink none (failed, errno 2)",
      "unlink d (failed, errno 21)", "unlink d/inner (failed, errno 20)",
      "write a, 2 bytes at 0")  # fmt: skip
def step_unlink() -> object:
    fd = rw()
    found = errors_of(
        lambda: os.unlink("link"),
        lambda: os.unlink("a"),
        lambda: os.unlink("none"),
        lambda: os.unlink("d"),
        lambda: os.unlink("d/inner/"),
        lambda: os.unlink("d/inner/x"),
        lambda: raw("unlink", NO_MEMORY),
    )
    return [*found, os.write(fd, b"__"), os.pread(fd, 20, 0)]


@step("unlinkat", "unlink d/inner", "rmdir d")
def step_unlinkat() -> object:
    directory = os.open("d", os.O_RDONLY)
    return errors_of(
        lambda: os.unlink("inner", dir_fd=directory),
        lambda: raw("unlinkat", HERE, b"d", 1),
        lambda: raw("unlinkat", HERE, b"d", abi.AT_REMOVEDIR),
    )


@step("rmdir", "rmdir d (failed, errno 39)", "mkdir e", "rmdir e", "rmdir a (failed, errno 20)",
      "rmdir none (failed, errno 2)", "rmdir dlink (failed, errno 20)")  # fmt: skip
def step_rmdir() -> object:
    return errors_of(
        lambda: os.rmdir("d"),
        lambda: os.mkdir("e"),
        lambda: os.rmdir("e/"),
        lambda: os.rmdir("a"),
        lambda: os.rmdir("none"),
        lambda: os.rmdir("dlink"),
        lambda: os.rmdir("."),
        lambda: os.rmdir("d/.."),
    )


@step("mkdir", "mkdir e", "mkdir e/f", "mkdir a (failed, errno 17)", "mkdir g",
      f"mkdir {'n' * 300} (failed, errno 36)")  # fmt: skip
def step_mkdir() -> object:
    os.umask(0o002)
    return errors_of(
        lambda: os.mkdir("e", 0o6777),
        lambda: os.mkdir("e/f/", 0o1700),
        lambda: os.mkdir("a"),
        lambda: os.mkdir("nowhere/g"),
        lambda: os.mkdir("g", 0o000),
        lambda: os.mkdir("n" * 300),
    )


@step("mkdirat", "mkdir d/e")
def step_mkdirat() -> object:
    return outcome(lambda: os.mkdir("e", 0o755, dir_fd=os.open("d", os.O_RDONLY)))


@step("mknod", "create f", "create a (failed, errno 17)")
def step_mknod() -> object:
    return errors_of(
        lambda: raw("mknod", b"f", 0o100640, 0), lambda: raw("mknod", b"a", 0o100640, 0)
    )


@step("mknodat", "create d/f")
def step_mknodat() -> object:
    directory = os.open("d", os.O_RDONLY)
    return errors_of(
        lambda: raw("mknodat", directory, b"f", 0o600, 0),
        lambda: raw("mknodat", directory, b"pipe", 0o010600, 0),
    )


@step("fsync", "fsync a", "fsync .")
def step_fsync() -> object:
    directory = os.open(".", os.O_RDONLY)
    return errors_of(
        lambda: os.fsync(rw()), lambda: os.fsync(directory), lambda: os.fsync(99),
        lambda: os.fsync(os.pipe()[0]),
    )  # fmt: skip


@step("fdatasync", "fdatasync a")
def step_fdatasync() -> object:
    return errors_of(lambda: os.fdatasync(rw()), lambda: os.fdatasync(99))


@step("sync", "sync-all")
def step_sync() -> object:
    return raw("sync")


@step("syncfs", "sync-all")
def step_syncfs() -> object:
    return errors_of(
        lambda: raw("syncfs", rw()),
        lambda: raw("syncfs", 99),
        lambda: raw("syncfs", os.open("/proc", os.O_RDONLY)),
    )


@step("sync_file_range", "sync-range a", "sync-range a (failed, errno 22)")
def step_sync_file_range() -> object:
    fd = rw()
    return errors_of(
        lambda: raw("sync_file_range", fd, 0, 4, 7),
        lambda: raw("sync_file_range", fd, 0, 4, 64),
        lambda: raw("sync_file_range", 99, 0, 4, 7),
    )


def mode(path: str) -> int:
    return os.stat(path).st_mode


@step("chmod", "attribute a, mode 600", "attribute a, mode 4604", "attribute d, mode 1700",
      "attribute none, mode 600 (failed, errno 2)",
      "attribute a, mode 600 (failed, errno 20)")  # fmt: skip
def step_chmod() -> object:
    found = errors_of(
        lambda: os.chmod("a", 0o600),
        lambda: os.chmod("link", 0o4604),
        lambda: os.chmod("d", 0o1700),
        lambda: os.chmod("none", 0o600),
        lambda: os.chmod("out", 0o601),
        lambda: os.chmod("a/", 0o600),
    )
    return [*found, mode("a"), mode("d")]


@step("fchmod", "attribute a, mode 611", "attribute d, mode 711")
def step_fchmod() -> object:
    found = errors_of(
        lambda: os.fchmod(rw(), 0o611),
        lambda: os.fchmod(os.open("d", os.O_RDONLY), 0o711),
        lambda: os.fchmod(99, 0o600),
    )
    return [*found, mode("a"), mode("d")]


@step("fchmodat", "attribute d/inner, mode 751")
def step_fchmodat() -> object:
    directory = os.open("d", os.O_RDONLY)
    return [raw("fchmodat", directory, b"inner", 0o751), mode("d/inner")]


@step("fchmodat2", "attribute a, mode 604", "attribute a, mode 640",
      "attribute link, mode 604 (failed, errno 95)")  # fmt: skip
def step_fchmodat2() -> object:
    return errors_of(
        lambda: raw("fchmodat2", HERE, b"link", 0o604, 0),
        lambda: raw("fchmodat2", rw(), b"", 0o640, abi.AT_EMPTY_PATH),
        lambda: raw("fchmodat2", HERE, b"link", 0o604, abi.AT_SYMLINK_NOFOLLOW),
        lambda: mode("a"),
    )


def times(path: str) -> list[int]:
    status = os.stat(path, follow_symlinks=False)
    return [int(status.st_atime), int(status.st_mtime)]


@step("utimensat", "attribute a", "attribute link", "attribute d/inner")
def step_utimensat() -> object:
    os.utime("a", (1, 2))
    os.utime("link", (3, 4), follow_symlinks=False)
    os.utime(rw("d/inner"), (5, 6))
    return [times("a"), times("link"), times("d/inner"), outcome(lambda: os.utime("none", (1, 2)))]


@step("utime", "attribute a")
def step_utime() -> object:
    return [raw("utime", b"a", struct.pack("<qq", 1, 2)), times("a")]


@step("utimes", "attribute a")
def step_utimes() -> object:
    return [raw("utimes", b"a", struct.pack("<qqqq", 1, 0, 2, 0)), times("a")]


@step("futimesat", "attribute d/inner")
def step_futimesat() -> object:
    directory = os.open("d", os.O_RDONLY)
    return raw("futimesat", directory, b"inner", struct.pack("<qqqq", 1, 0, 2, 0))


@step("chown", "attribute a")
def step_chown() -> object:
    return raw("chown", b"a", os.getuid(), os.getgid())


@step("lchown", "attribute link")
def step_lchown() -> object:
    return raw("lchown", b"link", os.getuid(), os.getgid())


@step("fchown", "attribute a")
def step_fchown() -> object:
    return raw("fchown", rw(), os.getuid(), os.getgid())


@step("fchownat", "attribute d/inner")
def step_fchownat() -> object:
    return raw("fchownat", os.open("d", os.O_RDONLY), b"inner", os.getuid(), os.getgid(), 0)


@step("setxattr", "attribute a")
def step_setxattr() -> object:
    return errors_of(
        lambda: raw("setxattr", b"a", b"user.k", b"v", 1, 0), lambda: os.listxattr("a")
    )


@step("lsetxattr", "attribute a")
def step_lsetxattr() -> object:
    return errors_of(lambda: raw("lsetxattr", b"a", b"user.k", b"v", 1, 0))


@step("fsetxattr", "attribute a")
def step_fsetxattr() -> object:
    return errors_of(lambda: raw("fsetxattr", rw(), b"user.k", b"v", 1, 0))


@step("removexattr", "attribute a")
def step_removexattr() -> object:
    return errors_of(lambda: raw("removexattr", b"a", b"user.k"))


@step("lremovexattr", "attribute a")
def step_lremovexattr() -> object:
    return errors_of(lambda: raw("lremovexattr", b"a", b"user.k"))


@step("fremovexattr", "attribute a")
def step_fremovexattr() -> object:
    return errors_of(lambda: raw("fremovexattr", rw(), b"user.k"))


@step("close", "write a, 1 bytes at 0", "write d/inner, 1 bytes at 0")
def step_close() -> object:
    fd = rw()
    os.write(fd, b"1")
    os.close(fd)
    again = rw("d/inner")
    return [fd == again, os.write(again, b"2"), outcome(lambda: os.close(99))]


@step("dup2", "write a, 1 bytes at 0", "write d/inner, 1 bytes at 0", "write d/inner, 1 bytes at 1")
def step_dup2() -> object:
    fd, other = rw(), rw("d/inner")
    os.write(fd, b"1")
    raw("dup2", other, fd)
    twin = os.dup(fd)
    return [os.write(fd, b"2"), os.write(twin, b"3"), outcome(lambda: raw("dup2", 99, fd))]


@step("dup3", "write a, 1 bytes at 0", "write d/inner, 1 bytes at 0")
def step_dup3() -> object:
    fd, other = rw(), rw("d/inner")
    os.write(fd, b"1")
    raw("dup3", other, fd, os.O_CLOEXEC)
    return [os.write(fd, b"2"), os.get_inheritable(fd), outcome(lambda: raw("dup3", fd, fd, 0))]


@step("close_range", "write a, 1 bytes at 0", "write d/inner, 1 bytes at 0")
def step_close_range() -> object:
    fd = rw()
    os.write(fd, b"1")
    raw("close_range", fd, fd + 10, 0)
    return [outcome(lambda: os.write(fd, b"x")), rw("d/inner") == fd, os.write(fd, b"2")]


@step("umask", "create e", "mkdir f")
def step_umask() -> object:
    before = os.umask(0o077)
    opened("e", os.O_CREAT | os.O_WRONLY, 0o777)
    os.mkdir("f", 0o777)
    return [before, os.umask(before)]


PROCESS_CALLS = {"clone", "clone3", "fork", "vfork", "execve", "execveat", "exit_group"}
"""Tested with what processes do (`test_recorder_processes`, `test_recorder_releases`)."""

NAMED_CALLS = {"chroot", "pivot_root", "mount", "open_by_handle_at", "splice"}
"""Tested with what is named and not followed (`test_recorder_limits`)."""

MAPPING_CALLS = {"msync", "mmap"}
"""Tested with what is stored through mappings (`test_recorder_mappings`)."""

TABLE = abi.architecture()
NUMBERS = TABLE.numbers if TABLE is not None else {}


@pytest.mark.parametrize("name", [name for name in STEPS if name in NUMBERS])
def test_a_call_gives_what_it_gives_without_the_recorder_and_is_told(
    name: str, zygote: Zygote, tmp_path: Path
) -> None:
    function, told = STEPS[name]
    seen = both_ways(zygote, function, tmp_path, set_up)
    assert seen.told == told
    assert not seen.recording.unmodelled


def a_symlink_where_a_file_was() -> object:
    """Most file systems give a new symlink the inode that was just freed."""
    opened("gone", os.O_CREAT | os.O_WRONLY)
    os.unlink("gone")
    os.symlink("nowhere", "made")
    os.link("made", "again", follow_symlinks=False)
    return os.readlink("again")


def test_a_symlink_is_not_taken_for_the_file_whose_inode_it_has(
    zygote: Zygote, tmp_path: Path
) -> None:
    recording = both_ways(zygote, a_symlink_where_a_file_was, tmp_path, set_up).recording
    by_kind = {event.kind: event for event in recording.events()}
    linked, made = by_kind[EventKind.LINK], by_kind[EventKind.CREATE]
    assert linked.path == "made"
    assert linked.file != made.file


def test_every_call_that_the_filter_hands_over_has_a_handler_and_a_test() -> None:
    handed_over = set(NUMBERS) - _NOT_SEEN - {*READS, RANDOM}
    perturbed = PROCESS_CALLS | NAMED_CALLS | MAPPING_CALLS
    assert handed_over == set(STEPS) & set(NUMBERS) | perturbed
    supervisor = Supervisor(-1, 0, Directory("/"), WatchPlan(crash=None, seconds_per_call=1))
    handled = set(calls.handlers(supervisor)) | {NUMBERS["write"], NUMBERS["pwrite64"]}
    # Reads are handed over where they are to fail (`test_recorder_struck`), what asks for random
    # bytes where they are to repeat (`test_faults_odd_boot`).
    assert handled == {NUMBERS[name] for name in handed_over | set(READS)}


def make_all_kinds() -> object:
    os.umask(0o027)
    os.close(os.open("file", os.O_CREAT | os.O_WRONLY, 0o666))
    os.mkdir("directory", 0o777)
    os.mknod("node", 0o640)
    return None


def test_what_is_made_has_its_mode_from_the_first_moment(
    zygote: Zygote, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A power loss on a real ext4 showed modes of the moment between making and changing."""

    def refuse(fd: int, mode: int) -> None:
        raise AssertionError(f"a mode is set to {mode:o} behind the making")

    monkeypatch.setattr(os, "fchmod", refuse)
    watched = tmp_path / "watched"
    watched.mkdir()
    before = os.umask(0o022)
    try:
        seen = run_watched(zygote, make_all_kinds, watched)
    finally:
        os.umask(before)
    assert seen.recording.end is WatchEnd.EXITED
    modes = {path.name: path.stat().st_mode & 0o7777 for path in watched.iterdir()}
    assert modes == {"file": 0o640, "directory": 0o750, "node": 0o640}
