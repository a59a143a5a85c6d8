"""Files that are there as a whole or not at all."""

import os

import pytest

from speechbrain_pitchrope.files import write_whole


def no_space(*_):
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize("content", [None, b"as it was"])
@pytest.mark.parametrize("step", ["replace", "write"])
def test_what_cannot_be_written_leaves_nothing_behind(
    tmp_path, monkeypatch, content, step
):
    path = tmp_path / "a.yaml"
    if content is not None:
        path.write_bytes(content)
    if step == "replace":
        monkeypatch.setattr(os, "replace", no_space)
    else:
        monkeypatch.setattr("pathlib.Path.write_bytes", no_space)
    with pytest.raises(OSError, match="No space left"):
        write_whole(path, b"new")
    assert [file.name for file in tmp_path.iterdir()] == ["a.yaml"] * bool(content)
    assert content is None or path.read_bytes() == content
