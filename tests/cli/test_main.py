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


def run_python(code, **kwargs):
    """Run a few lines, after the import of main, in a process of their own."""
    code = f"import sys\nfrom speechbrain_pitchrope.cli import main\n{code}"
    kwargs = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **kwargs}
    command = [sys.executable, "-c", code]
    return subprocess.run(command, check=False, text=True, **kwargs)


def test_help_lists_the_commands_without_loading_torch():
    code = "try: main(['--help'])\nfinally: assert 'torch' not in sys.modules"
    result = run_python(code)
    listed = re.findall(r"^    ([a-z0-9-]+)\s", result.stdout, re.MULTILINE)
    assert (listed, result.returncode) == (list(COMMANDS), 0)


def test_a_wrong_path_is_told_before_torch_is_loaded():
    commands = (
        *("f0 gone.wav", "plot pitch gone.wav", "plot similarity gone.wav"),
        *(f"plot attention {__file__} --checkpoint gone", "plot training gone"),
        *("package gone", "report gone", f"transcribe gone {__file__}"),
    )
    result = run_python(
        f"for words in {commands}: assert main(words.split()) == 1\n"
        "assert 'torch' not in sys.modules"
    )
    assert result.returncode == 0
    told = re.findall("gone.* is (?:not there|no folder): ", result.stderr)
    assert len(told) == len(commands)


def test_ctrl_c_ends_a_command_with_one_line(monkeypatch, capsys):
    def interrupt(args):
        raise KeyboardInterrupt

    monkeypatch.setattr("speechbrain_pitchrope.cli.f0.run", interrupt)
    assert main(["f0", "a.wav"]) == 130
    assert capsys.readouterr().err == "pitchrope f0: interrupted\n"


@pytest.mark.parametrize("n_lines", [1, 100000])
def test_a_reader_that_leaves_is_no_error(n_lines):
    """Like ``| head``: whether it is noticed on the way or only at the last flush."""
    reader, writer = os.pipe()
    os.close(reader)
    result = run_python(
        "from speechbrain_pitchrope.cli import f0\ndef run(args):\n"
        f"    for i in range({n_lines}): print('caf\\udce9', i)\n    return 0\n"
        "f0.run = run\nsys.exit(main(['f0', 'a.wav']))",
        stdout=writer,
    )
    os.close(writer)
    assert (result.returncode, result.stderr) == (141, "")
