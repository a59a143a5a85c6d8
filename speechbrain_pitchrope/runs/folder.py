"""Opening a folder of a trained model, for either of SpeechBrain's interfaces."""

from pathlib import Path

from ruamel.yaml import YAML

from speechbrain_pitchrope.runs.run import HYPERPARAMS, arguments_of, reading

ADVICE = (
    "give a folder that pitchrope package has made (package, in the output folder of a "
    "training run), or another one for SpeechBrain's EncoderASR or EncoderDecoderASR"
)


def interface_of(folder):
    """Name of the interface that a folder's hyperparams.yaml is meant for."""
    path = Path(folder) / HYPERPARAMS
    if not path.is_file():
        found = f"holds no {HYPERPARAMS}" if path.parent.is_dir() else "is no folder"
        raise ValueError(f"{folder} {found}: {ADVICE}")
    with reading(path, ADVICE):
        entries = arguments_of(YAML().compose(path))
    modules = arguments_of(entries.get("modules"))
    if {"pretrainer", "tokenizer"} <= entries.keys() and "encoder" in modules:
        if "decoder" in modules:
            return "EncoderDecoderASR"
        if "decoding_function" in entries:
            return "EncoderASR"
    raise ValueError(
        f"{path} has the entries of neither EncoderASR (tokenizer, decoding_function, "
        "pretrainer, modules[encoder]) nor EncoderDecoderASR (tokenizer, pretrainer, "
        f"modules[encoder], modules[decoder]): {ADVICE}"
    )


def load_recogniser(folder, device=None):
    """The EncoderASR or EncoderDecoderASR of a folder, loaded by ``from_hparams``.

    This runs what the folder's hyperparams.yaml names. Nothing is fetched from anywhere
    and nothing is written. A package of ours is such a folder; so are others of
    SpeechBrain's, as long as all their files are in them.
    """
    name = interface_of(folder)
    from speechbrain.inference import ASR
    from speechbrain.utils.fetching import FetchConfig

    try:
        return getattr(ASR, name).from_hparams(
            source=str(folder),
            fetch_config=FetchConfig(allow_network=False),
            run_opts=None if device is None else {"device": device},
        )
    except Exception as error:  # whatever the yaml's own classes raise
        raise ValueError(
            f"{folder} can't be loaded as {name}: {type(error).__name__}: {error}"
        ) from error
