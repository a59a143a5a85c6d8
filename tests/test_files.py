"""Files that are there as a whole or not at all, and folders that one run has alone."""

import errno
import multiprocessing
import os
import signal
import subprocess
import sys

import pytest

from speechbrain_pitchrope.files import hold_folder, replacing, write_whole


@pytest.mark.parametrize("there", [{}, {"a.yaml": b"as it was"}])
@pytest.mark.parametrize("step", ["os.replace", "pathlib.Path.write_bytes"])
def test_what_cannot_be_written_leaves_nothing_behind(
    tmp_path, monkeypatch, there, step
):
    for name, content in there.items():
        (tmp_path / name).write_bytes(content)

    def no_space(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(step, no_space)
    message = rf"No space left to write into {tmp_path} \(\d+.* MB free\)"
    with pytest.raises(OSError, match=message):
        write_whole(tmp_path / "a.yaml", b"new")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == there


def test_a_folder_is_replaced_as_a_whole_too(tmp_path):
    with replacing(tmp_path / "made") as part:
        part.mkdir()
        (part / "a").touch()
        assert not (tmp_path / "made").exists()
    with pytest.raises(KeyError), replacing(tmp_path / "never") as part:
        part.mkdir()
        raise KeyError
    assert [path.name for path in tmp_path.rglob("*")] == ["made", "a"]


def write_half(path):
    with replacing(path) as part:
        part.write_bytes(b"ne")
        os.kill(os.getpid(), signal.SIGKILL)


def test_a_killed_writer_leaves_what_was_there(tmp_path):
    path = tmp_path / "new/file"
    write_whole(path, b"old")
    process = multiprocessing.get_context("fork").Process(
        target=write_half, args=[path]
    )
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    assert path.read_bytes() == b"old"


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
