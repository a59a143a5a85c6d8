"""The table of names, and the check of a recipe against it."""

from pydoc import locate

import pytest

from speechbrain_pitchrope.substitutes import SUBSTITUTES, check_recipe


@pytest.mark.parametrize("row", SUBSTITUTES, ids=lambda row: row.entry)
def test_each_class_is_a_subclass_of_what_it_replaces(row):
    upstream, ours = locate(row.upstream), locate(row.ours)
    assert issubclass(ours, upstream)
    assert ours.__name__ == "Pitch" + upstream.__name__


def instance_of(path):
    """An object of a class whose constructor is not called."""
    cls = locate(path)
    return cls.__new__(cls)


@pytest.mark.parametrize("left", SUBSTITUTES, ids=lambda row: row.entry)
def test_each_class_left_unswapped_is_named(left):
    hparams = {
        row.entry: instance_of(row.upstream if row is left else row.ours)
        for row in SUBSTITUTES
    }
    with pytest.raises(ValueError) as error:
        check_recipe(hparams)
    lines = str(error.value).splitlines()
    assert len(lines) == 2
    assert f"`{left.entry}`" in lines[1]
    assert left.ours in lines[1]


def test_whole_recipes_pass():
    check_recipe({row.entry: instance_of(row.ours) for row in SUBSTITUTES})
    check_recipe({row.entry: instance_of(row.upstream) for row in SUBSTITUTES})


def test_waveform_augmentation_is_left_alone():
    hparams = {row.entry: instance_of(row.ours) for row in SUBSTITUTES}
    augmenter = next(row for row in SUBSTITUTES if row.entry == "fea_augment")
    check_recipe(hparams | {"wav_augment": instance_of(augmenter.upstream)})
