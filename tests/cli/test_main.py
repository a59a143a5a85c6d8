"""The command ``pitchrope``."""

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


def test_help_lists_the_commands_without_loading_torch():
    code = (
        "import sys\nfrom speechbrain_pitchrope.cli import main\n"
        "try: main(['--help'])\nfinally: assert 'torch' not in sys.modules"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    )
    listed = re.findall(r"^    ([a-z0-9-]+)\s", result.stdout, re.MULTILINE)
    assert listed == list(COMMANDS)


def test_unknown_commands_are_refused(capsys):
    with pytest.raises(SystemExit) as end:
        main(["sing"])
    assert end.value.code == 2
    assert "sing" in capsys.readouterr().err
