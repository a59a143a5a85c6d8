"""The order of the house: imports run one way, from what is used to what uses it."""

import ast
from pathlib import Path

import pytest

import speechbrain_pitchrope

PACKAGE = Path(speechbrain_pitchrope.__file__).parent
LEVELS = (
    {"names", "inband", "files", "nodes"},
    {"controls", "processing", "nnet", "augment"},
    {"variants", "lobes", "dataio"},
    {"swapping", "runs", "scoring"},
    {"figures"},
    {"report", "demo"},
    {"cli"},
    {"__init__", "__main__"},
)
"""Each may import its own level's and those above it in this table."""

LEVEL = {name: level for level, names in enumerate(LEVELS) for name in names}
MODULES = {
    ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts): path
    for path in PACKAGE.rglob("*.py")
}


def imported(module):
    """Our modules that a module imports, anywhere in it."""
    for node in ast.walk(ast.parse(MODULES[module].read_text(encoding="utf-8"))):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{a.name}" for a in node.names)]
        yield from (name for name in names if name in MODULES)


def level(module):
    return LEVEL[module.split(".")[1]]


def test_every_part_has_its_level():
    assert {module.split(".")[1] for module in MODULES} == LEVEL.keys()


@pytest.mark.parametrize("module", sorted(MODULES))
def test_imports_never_run_upwards(module):
    assert not {name for name in imported(module) if level(name) > level(module)}


def test_imports_run_in_no_circle():
    """Between modules, wherever in a module the import stands."""
    left = {module: {*imported(module)} - {module} for module in MODULES}
    while done := {name for name, needs in left.items() if not needs}:
        left = {name: needs - done for name, needs in left.items() if name not in done}
    assert not left, "these import each other, or wait for modules that do"
