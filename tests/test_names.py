"""The table of names, and the check of a recipe against it."""

from pydoc import locate

import pytest
from speechbrain.augment.augmenter import Augmenter
from speechbrain.augment.freq_domain import Warping
from speechbrain.augment.time_domain import DropChunk

from speechbrain_pitchrope.names import (
    ASR_SUBSTITUTES,
    AUGMENTER,
    NORMALIZE,
    QUANTIZER,
    SUBSTITUTES,
    TRANSLATOR,
    check_recipe,
)


@pytest.mark.parametrize("row", SUBSTITUTES, ids=lambda row: row.entry)
def test_each_class_is_a_subclass_of_what_it_replaces(row):
    upstream, ours = locate(row.upstream), locate(row.ours)
    assert issubclass(ours, upstream)
    assert ours.__name__ == "Pitch" + upstream.__name__


def instance_of(path):
    """An object of a class; its constructor is called only if it needs no sizes."""
    cls = locate(path)
    if issubclass(cls, Augmenter):
        return cls(augmentations=[Warping()])
    return cls.__new__(cls)


def swapped(rows=ASR_SUBSTITUTES, left=None):
    """A recipe of these rows, all swapped but one."""
    return {
        row.entry: instance_of(row.upstream if row is left else row.ours)
        for row in rows
    }


RECIPES = {
    "recognition": ASR_SUBSTITUTES,
    "translation": (*ASR_SUBSTITUTES[:-1], TRANSLATOR),
    "pretraining": (*ASR_SUBSTITUTES, QUANTIZER),
}


@pytest.mark.parametrize(
    ("rows", "left"), [(rows, left) for rows in RECIPES.values() for left in rows]
)
def test_each_class_left_unswapped_is_named(rows, left):
    with pytest.raises(ValueError) as error:
        check_recipe(swapped(rows, left))
    lines = str(error.value).splitlines()
    assert len(lines) == 2
    assert f"`{left.entry}`" in lines[1]
    assert left.ours in lines[1]


@pytest.mark.parametrize("rows", RECIPES.values(), ids=RECIPES)
def test_whole_recipes_pass(rows):
    check_recipe(swapped(rows))
    check_recipe({row.entry: instance_of(row.upstream) for row in rows})


def test_what_stands_under_modules_is_looked_at():
    hparams = swapped()
    del hparams[NORMALIZE.entry]
    modules = {"normalize": instance_of(NORMALIZE.upstream)}
    with pytest.raises(ValueError, match="`normalize` is !new:"):
        check_recipe(hparams | {"modules": modules})


def test_an_entry_and_its_reference_are_one_fault():
    hparams = swapped(left=NORMALIZE)
    modules = {"normalize": hparams[NORMALIZE.entry]}
    with pytest.raises(ValueError) as error:
        check_recipe(hparams | {"modules": modules})
    assert len(str(error.value).splitlines()) == 2


class MyDrop(DropChunk):
    """A subclass, as a user may write one."""


@pytest.mark.parametrize("key", ["wav_augment", "noise", "fea_augment_too"])
@pytest.mark.parametrize("augmentation", [DropChunk, MyDrop])
def test_waveform_augmentation_is_left_alone_under_any_key(key, augmentation):
    check_recipe(swapped() | {key: Augmenter(augmentations=[augmentation()])})


def test_feature_augmentation_is_found_under_any_key():
    wrong = {"wav_augment": instance_of(AUGMENTER.upstream)}
    with pytest.raises(ValueError, match="`wav_augment` is !new:"):
        check_recipe(swapped() | wrong)
