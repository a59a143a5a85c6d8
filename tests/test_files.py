"""Files that are there as a whole or not at all, and folders that one run has alone."""

import errno
import os
import subprocess
import sys

import pytest

from speechbrain_pitchrope.files import hold_folder, replacing, write_whole


@pytest.mark.parametrize("there", [{}, {"a.yaml": b"as it was"}])
@pytest.mark.parametrize("step", ["os.replace", "pathlib.Path.write_bytes"])
def test_what_fails_leaves_nothing_behind(tmp_path, monkeypatch, there, step):
    for name, content in there.items():
        (tmp_path / name).write_bytes(content)

    def no_space(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(step, no_space)
    message = rf"No space left to write into {tmp_path} \(\d+.* MB free\)"
    with pytest.raises(OSError, match=message):
        write_whole(tmp_path / "a.yaml", b"new")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == there


def test_what_is_there_stays_until_the_new_is_whole_a_folder_too(tmp_path):
    (tmp_path / "file").touch()
    for name in ("file", "folder"):
        with pytest.raises(KeyError), replacing(tmp_path / name) as part:
            part.mkdir()
            raise KeyError
        assert [path.name for path in tmp_path.iterdir()] == ["file"]
    with replacing(tmp_path / "folder") as part:
        part.mkdir()
        assert not (tmp_path / "folder").exists()
    assert {path.name for path in tmp_path.iterdir()} == {"file", "folder"}


def test_a_folder_is_held_until_its_process_is_killed(tmp_path):
    code = (
        "import sys, time\nfrom speechbrain_pitchrope.files import hold_folder\n"
        "hold_folder(sys.argv[1])\nprint('held', flush=True)\ntime.sleep(60)"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "held\n"
    with pytest.raises(ValueError, match=rf"another run \(process {process.pid} on "):
        hold_folder(tmp_path)
    process.kill()
    process.communicate()
    for _ in range(2):
        hold_folder(tmp_path)
    assert f"process {os.getpid()} on " in (tmp_path / "run.lock").read_text()
