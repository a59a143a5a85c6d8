"""Variants by name: one small yaml each, in the top-level folder ``hparams``.

A variant is a mapping of settings for ``PitchTransformerASR``'s ``pitch_attention``;
``rope`` is the baseline. In a recipe's yaml:

    variant: all
    pitch_attention: !apply:speechbrain_pitchrope.variants.load_variant [!ref <variant>]
    streams: !apply:speechbrain_pitchrope.variants.load_streams [!ref <variant>]
"""

import json
from pathlib import Path

from hyperpyyaml import load_hyperpyyaml

from speechbrain_pitchrope.controls import CONTROLS
from speechbrain_pitchrope.files import write_whole


def variants_folder():
    """The folder of the variants: beside the package in a checkout, else inside it."""
    package = Path(__file__).parent
    checkout = package.parent / "hparams"
    return checkout if (checkout / "rope.yaml").is_file() else package / "hparams"


def variant_names():
    """Names of all variants, without controls, sorted."""
    return sorted(path.stem for path in variants_folder().glob("*.yaml"))


def load_variant(name):
    """Settings of one variant.

    Arguments
    ---------
    name : str
        Name of a file in the folder ``hparams``, without its ending. Behind a plus
        there may be a control of ``speechbrain_pitchrope.controls``:
        ``"theta+shuffled_f0"`` is variant theta with the pitch of other utterances.

    Returns
    -------
    dict
        Keyword arguments of ``PitchRoPEMHA``, and in some ``control``, ``pitch_input``
        or ``streams``. A ValueError if there is no such variant or control.

    Example
    -------
    >>> load_variant("theta")
    {'theta': 'offset', 'similarity': 'none', 'radius': 'none'}
    >>> load_variant("theta+shuffled_f0")["control"]
    'shuffled_f0'
    """
    form, plus, control = str(name).partition("+")
    if form not in variant_names() or (plus and control not in CONTROLS):
        raise ValueError(
            f"there is no variant {name!r}: choose one of "
            f"{', '.join(variant_names())}; behind it there may be a plus and one of "
            f"the controls {', '.join(CONTROLS)}"
        )
    text = (variants_folder() / f"{form}.yaml").read_text(encoding="utf-8")
    return load_hyperpyyaml(text) | ({"control": control} if control else {})


def load_streams(name):
    """Streams of one variant, for the classes before the transformer.

    Example
    -------
    >>> load_streams("all"), load_streams("multistream")
    (['spectrogram'], ['spectrogram', 'waveform', 'pitch'])
    """
    return load_variant(name).get("streams", ["spectrogram"])


def claim_output_folder(output_folder, name, settings):
    """Mark a run's folder as this variant's, or refuse another variant's.

    Checkpoints of different variants must not mix: a later average or a resumed run
    would take parameters that were trained for something else. ``settings`` are what
    ``load_variant`` gave for ``name``. The folder is made if it is not there.
    """
    mark = Path(output_folder) / "variant.json"
    mine = {"variant": name, "pitch_attention": settings}
    if mark.is_file():
        try:
            found = json.loads(mark.read_text(encoding="utf-8"))
            theirs, trained = found["variant"], found["pitch_attention"]
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(
                f"{mark} is damaged ({error}): remove it if {output_folder} holds a "
                f"run of variant {name!r}"
            ) from error
        if trained != settings:
            raise ValueError(
                f"{output_folder} holds a run of variant {theirs!r} ({trained}), this "
                f"is variant {name!r} ({settings}): choose another output_folder, or "
                "the variant that belongs to it"
            )
    write_whole(mark, (json.dumps(mine, indent=1) + "\n").encode())
