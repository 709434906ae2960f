"""Damaged and made-up bundles: an error that says what is wrong, or a bundle; never more."""

import io
import json
import os
import zipfile
from pathlib import Path

import pytest
from bundles import small_bundle
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from walcrash.findings.bundle import Bundle, read_bundle, write_bundle
from walcrash.tools.explain import explain_finding
from walcrash.values.errors import UsageError

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=10,
)


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("bundle")
    write_bundle(path / "good.zip", small_bundle())
    return path


def is_refused(directory: Path, data: bytes) -> bool:
    """Read a bundle; return whether it was refused. Anything else than that is a failure."""
    path = directory / "tried.zip"
    path.write_bytes(data)
    message, bundle = "", None
    try:
        bundle = read_bundle(path)
        explain_finding(str(path), runs=directory)
    except UsageError as problem:
        message = problem.message
    path.unlink()
    assert os.listdir(directory) == ["good.zip"]
    assert str(path) in message if message else isinstance(bundle, Bundle)
    return bool(message)


@given(data=st.data())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_flipped_bytes_are_refused_or_do_no_harm(directory: Path, data: st.DataObject) -> None:
    good = bytearray((directory / "good.zip").read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        good[data.draw(st.integers(0, len(good) - 1))] ^= data.draw(st.integers(1, 255))
    is_refused(directory, bytes(good))


@given(st.binary(max_size=300), st.booleans())
@settings(deadline=None)
def test_any_bytes_are_refused(directory: Path, data: bytes, is_like_a_zip: bool) -> None:
    assert is_refused(directory, (b"PK\3\4" if is_like_a_zip else b"") + data)


@given(data=st.data())
@settings(deadline=None, max_examples=150)
def test_any_value_in_any_place_is_refused_or_does_no_harm(
    directory: Path, data: st.DataObject
) -> None:
    with zipfile.ZipFile(directory / "good.zip") as archive:
        members = {name: json.loads(archive.read(name)) for name in archive.namelist()}
    name = data.draw(st.sampled_from(sorted(members)))
    place: object = members[name]
    for _ in range(data.draw(st.integers(0, 8))):
        keys = list(place) if isinstance(place, dict) else range(len(place))  # type: ignore[arg-type]
        if not keys:
            break
        key = data.draw(st.sampled_from(list(keys)))
        inner = place[key]  # type: ignore[index]
        if not isinstance(inner, dict | list) or not inner:
            place[key] = data.draw(json_values)  # type: ignore[index]
            break
        place = inner
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for each, value in members.items():
            archive.writestr(each, json.dumps(value))
    is_refused(directory, target.getvalue())
