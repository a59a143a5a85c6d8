"""Files that are there as a whole or not at all, and folders that one run has alone."""

import errno
import multiprocessing
import os
import signal
import subprocess
import sys
import time

import pytest

from speechbrain_pitchrope.files import hold_folder, replacing, write_whole


def no_space(*_):
    raise OSError(errno.ENOSPC, "No space left on device")


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
    message = rf"No space left to write into {tmp_path} \(\d+.* MB free\)"
    with pytest.raises(OSError, match=message):
        write_whole(path, b"new")
    assert [file.name for file in tmp_path.iterdir()] == ["a.yaml"] * bool(content)
    assert content is None or path.read_bytes() == content


def test_a_folder_is_replaced_as_a_whole_too(tmp_path):
    with replacing(tmp_path / "made") as part:
        part.mkdir()
        (part / "a").touch()
        assert not (tmp_path / "made").exists()
    with pytest.raises(KeyError), replacing(tmp_path / "never") as part:
        part.mkdir()
        raise KeyError
    assert [path.name for path in tmp_path.rglob("*")] == ["made", "a"]


def rewrite(path):
    for number in range(100000):
        write_whole(path, bytes([number % 256]) * 100_000)


def test_a_killed_writer_leaves_a_whole_file(tmp_path):
    path, context = tmp_path / "file", multiprocessing.get_context("fork")
    for _ in range(10):
        process = context.Process(target=rewrite, args=(path,))
        process.start()
        while not path.exists():
            time.sleep(0.001)
        time.sleep(0.005)
        process.kill()
        process.join()
        content = path.read_bytes()
        assert len(content) == 100_000 and len(set(content)) == 1
        path.unlink()


HOLD = """
import sys, time
from speechbrain_pitchrope.files import hold_folder
hold_folder(sys.argv[1])
print("held", flush=True)
time.sleep(60)
"""


def test_a_folder_is_held_until_its_process_is_killed(tmp_path):
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "held\n"
    with pytest.raises(ValueError, match=rf"another run \(process {process.pid} on "):
        hold_folder(tmp_path)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    hold_folder(tmp_path)
    hold_folder(tmp_path)
    assert f"process {os.getpid()} on " in (tmp_path / "run.lock").read_text()
