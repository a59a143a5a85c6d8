"""The command ``pitchrope``."""

import os
import re
import subprocess
import sys

import pytest

from speechbrain_pitchrope.cli import COMMANDS, main


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_has_help(command, capsys):
    with pytest.raises(SystemExit) as end:
        main([command, "--help"])
    assert end.value.code == 0
    assert f"pitchrope {command}" in capsys.readouterr().out


def run_python(code):
    """Run a few lines in a process of their own; what they printed."""
    command = [sys.executable, "-c", code]
    return subprocess.run(command, check=True, capture_output=True, text=True)


def test_help_lists_the_commands_without_loading_torch():
    code = (
        "import sys\nfrom speechbrain_pitchrope.cli import main\n"
        "try: main(['--help'])\nfinally: assert 'torch' not in sys.modules"
    )
    result = run_python(code)
    listed = re.findall(r"^    ([a-z0-9-]+)\s", result.stdout, re.MULTILINE)
    assert listed == list(COMMANDS)


@pytest.mark.parametrize(
    "arguments", [["f0", "no.wav"], ["f0", "no.wav", "--out", "no"]]
)
def test_a_wrong_path_is_told_before_torch_is_loaded(arguments):
    code = (
        "import sys\nfrom speechbrain_pitchrope.cli import main\n"
        f"assert main({arguments}) == 1 and 'torch' not in sys.modules"
    )
    assert "no.wav is not there" in run_python(code).stderr


def test_ctrl_c_ends_a_command_with_one_line(monkeypatch, capsys):
    def interrupt(args):
        raise KeyboardInterrupt

    monkeypatch.setattr("speechbrain_pitchrope.cli.f0.run", interrupt)
    assert main(["f0", "a.wav"]) == 130
    assert capsys.readouterr().err == "pitchrope f0: interrupted\n"


@pytest.mark.parametrize("n_lines", [1, 100000])
def test_a_reader_that_leaves_is_no_error(n_lines):
    """Like ``| head``: whether it is noticed on the way or only at the last flush."""
    code = (
        "import sys\nfrom speechbrain_pitchrope.cli import f0, main\n"
        "def run(args):\n"
        f"    for i in range({n_lines}): print('caf\\udce9', i)\n"
        "    return 0\n"
        "f0.run = run\nsys.exit(main(['f0', 'a.wav']))"
    )
    command = [sys.executable, "-c", code]
    reader, writer = os.pipe()
    os.close(reader)
    result = subprocess.run(command, check=False, stdout=writer, stderr=subprocess.PIPE)
    os.close(writer)
    assert (result.returncode, result.stderr) == (141, b"")


def test_unknown_commands_are_refused(capsys):
    with pytest.raises(SystemExit) as end:
        main(["sing"])
    assert end.value.code == 2
    assert "sing" in capsys.readouterr().err
