"""Roles of files: numbers and random letters are left out, and a pattern finds them again."""

from fnmatch import fnmatchcase

import pytest

from walcrash.values.role import role_glob, role_of


@pytest.mark.parametrize(
    ("path", "role"),
    [
        ("wal-17.log", "wal-#.log"),
        ("db/000012.ldb", "db/#.ldb"),
        ("tmp7c0azbd_", "tmp*"),
        ("a/tmpq3p4s5d6", "a/tmp*"),
        ("log.gdbm.FiTFM1", "log.gdbm.*"),
        ("log.gdbm.rAXbYc", "log.gdbm.*"),
        ("log.backup", "log.backup"),
        ("log.index_tmp", "log.index_tmp"),
        ("temp-appendonly.aof.manifest", "temp-appendonly.aof.manifest"),
        ("a#b[1]*.x\\y?", "a\\#b[#]\\*.x\\\\y?"),
        (".", "."),
    ],
)
def test_a_role_stands_for_its_files(path: str, role: str) -> None:
    assert role_of(path) == role
    assert fnmatchcase(path, role_glob(role))
    assert not fnmatchcase(f"{path}.other", role_glob(role)) or role.endswith("*")
    assert not fnmatchcase(f"other{path}", role_glob(role))
