"""The order of the house: imports run one way, from what is used to what uses it."""

import ast
from pathlib import Path

import pytest

import speechbrain_pitchrope

PACKAGE = Path(speechbrain_pitchrope.__file__).parent
LEVELS = (
    {"names", "inband", "files"},
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
    path.relative_to(PACKAGE.parent)
    .with_suffix("")
    .as_posix()
    .replace("/", "."): ast.parse(path.read_text(encoding="utf-8"))
    for path in PACKAGE.rglob("*.py")
}


def imported(tree):
    """Our modules that a module imports, anywhere in it."""
    for node in ast.walk(tree):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{a.name}" for a in node.names)]
        yield from (name for name in names if name in MODULES)


def part(module):
    """The part of the house that a module is of."""
    return module.split(".")[1]


def test_every_module_has_its_place():
    assert {part(name) for name in MODULES} == set(LEVEL)


@pytest.mark.parametrize("module", sorted(MODULES))
def test_imports_never_run_upwards(module):
    level = LEVEL[part(module)]
    upwards = {name for name in imported(MODULES[module]) if LEVEL[part(name)] > level}
    assert not upwards


def test_imports_run_in_no_circle():
    """Between modules, wherever in a module the import stands."""
    left = {name: set(imported(tree)) - {name} for name, tree in MODULES.items()}
    while True:
        done = {name for name, needs in left.items() if not needs}
        if not done:
            break
        left = {name: needs - done for name, needs in left.items() if name not in done}
    assert not left, "these import each other, or wait for modules that do"
