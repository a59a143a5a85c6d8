"""Starting a pitch-aware model from the weights of another one."""

from speechbrain.utils.checkpoints import torch_patched_state_dict_load

from speechbrain_pitchrope.nnet.attention import PitchRoPEMHA

SHOWN = 8
"""So many names of tensors an error message gives."""


def load_pretrained(model, path):
    """Load trained weights into a model that may listen to pitch where they did not.

    Each parameter of ours that the file lacks keeps the value it was made with. A model
    just made thus starts exactly as the trained model ended, and one training of plain
    RoPE can be the common start of all variants.

    Arguments
    ---------
    model : torch.nn.Module
        The model to load into, such as a recipe's ``model``.
    path : str
        A state dict of the same architecture: ``model.ckpt`` of a checkpoint, or what
        SpeechBrain published as ``asr.ckpt``.

    Returns
    -------
    list of str
        Names of the pitch parameters that the file lacks, sorted.

    Raises
    ------
    ValueError
        If any other tensor is missing, superfluous, or of another shape.

    Example
    -------
    >>> import torch
    >>> from speechbrain.nnet.attention import RoPEMHA
    >>> path = getfixture("tmp_path") / "model.ckpt"
    >>> torch.save(RoPEMHA(embed_dim=8, num_heads=2).state_dict(), path)
    >>> load_pretrained(PitchRoPEMHA(8, 2, similarity="none", radius="none"), path)
    ['theta_rate']
    """
    weights = torch_patched_state_dict_load(path)
    own = model.state_dict()
    missing = sorted(own.keys() - weights.keys())
    new = [key for key in missing if _is_pitch_parameter(key)]
    faults = {
        "missing in the file": [key for key in missing if key not in new],
        "not in the model": sorted(weights.keys() - own.keys()),
        "of another shape": sorted(
            f"{key} {list(weights[key].shape)}, in the model {list(own[key].shape)}"
            for key in own.keys() & weights.keys()
            if own[key].shape != weights[key].shape
        ),
    }
    if any(faults.values()):
        lines = [f"  {what}: {_shorten(keys)}" for what, keys in faults.items() if keys]
        raise ValueError(
            f"{path} holds weights of another model; give one trained with RoPEMHA (or "
            "the same variant) and the same sizes.\n" + "\n".join(lines)
        )
    model.load_state_dict(weights, strict=False)
    return new


def _is_pitch_parameter(key):
    return key.rpartition(".")[2] in PitchRoPEMHA.PITCH_PARAMETERS


def _shorten(keys):
    rest = len(keys) - SHOWN
    shown = ", ".join(keys[:SHOWN])
    return f"{shown} and {rest} more" if rest > 0 else shown
