"""Starting a pitch-aware model from the weights of another one."""

from speechbrain.utils.checkpoints import torch_patched_state_dict_load

from speechbrain_pitchrope.files import reading
from speechbrain_pitchrope.nnet.attention import PitchRoPEMHA

OURS = {*PitchRoPEMHA.PITCH_PARAMETERS, "pitch_input", "streams"}
"""Names of parameters and modules that upstream's models do not have."""

STRANGE = "not in the model"


def load_pretrained(model, path):
    """Load trained weights into a model that may use pitch where they did not.

    Each parameter of ours that the file lacks keeps the value it was made with. So a
    new model starts exactly as the trained one ended, and one training of plain RoPE
    can start all variants but those with ``frequencies: mel``, whose angles differ.

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
        If any other tensor is missing, superfluous, or of another shape, or if the
        file holds no weights; a RuntimeError if they are of another form.

    Example
    -------
    >>> import torch
    >>> from speechbrain.nnet.attention import RoPEMHA
    >>> path = getfixture("tmp_path") / "model.ckpt"
    >>> torch.save(RoPEMHA(embed_dim=8, num_heads=2).state_dict(), path)
    >>> load_pretrained(PitchRoPEMHA(8, 2, similarity="none", radius="none"), path)
    ['theta_offset']
    """
    remedy = "give the model.ckpt of a checkpoint, and copy it anew if it is damaged"
    with reading(path, remedy):
        weights = torch_patched_state_dict_load(path)
    own = model.state_dict()
    missing = sorted(own.keys() - weights.keys())
    new = [key for key in missing if not OURS.isdisjoint(key.split("."))]
    faults = {
        "missing in the file": [key for key in missing if key not in new],
        STRANGE: sorted(weights.keys() - own.keys()),
        "of another shape": sorted(
            f"{key} {list(weights[key].shape)}, in the model {list(own[key].shape)}"
            for key in own.keys() & weights.keys()
            if own[key].shape != weights[key].shape
        ),
    }
    if any(faults.values()):
        raise ValueError(
            f"{path} holds weights of another model; give one trained with RoPEMHA (or "
            f"the same variant) and the same sizes.\n{listing(faults)}"
        )
    model.load_state_dict(weights, strict=False)
    return new


def listing(faults):
    """{kind of fault: tensors} as one line a kind, for an error message."""
    lines = []
    for what, keys in faults.items():
        shown, n_more = keys[:8], len(keys) - 8
        if n_more > 0:
            shown.append(f"and {n_more} more")
        if shown:
            lines.append(f"  {what}: {', '.join(shown)}")
    return "\n".join(lines)
