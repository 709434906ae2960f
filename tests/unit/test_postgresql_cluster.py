"""The cluster that PostgreSQL stores are copied from: what is missing, and half-made copies."""

import os
from pathlib import Path

import pytest

from walcrash.subjects.engines import postgresql_cluster as cluster
from walcrash.subjects.loading import MissingPackage


def test_a_machine_without_the_server_is_told_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(cluster, "_PLACE", str(tmp_path))
    with pytest.raises(MissingPackage, match="PostgreSQL 15, which is not in") as missing:
        cluster.find_programs()
    assert missing.value.hint == "apt-get install postgresql-15"


def test_a_copy_that_was_cut_off_has_no_name_and_is_begun_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    template, target = tmp_path / "template", tmp_path / "data"
    (template / "base").mkdir(parents=True)
    (template / "base" / "1").write_bytes(b"rows")

    def fail(_: int) -> None:
        raise OSError("cut off")

    with monkeypatch.context() as broken:
        broken.setattr(os, "fsync", fail)
        with pytest.raises(OSError, match="cut off"):
            cluster.copy(template, target)
    assert not target.exists()
    (tmp_path / "data.new" / "leftover").write_bytes(b"")
    cluster.copy(template, target)
    assert sorted(str(path.relative_to(target)) for path in target.rglob("*")) == ["base", "base/1"]
    assert (target / "base" / "1").read_bytes() == b"rows"
    assert not (tmp_path / "data.new").exists()
