"""Time of a whole training step of a recipe, beside SpeechBrain's attentions.

    python benchmarks/training_step.py [--hparams NAME] [--longest 16] [--quick]

From the waveforms to the optimiser's update, as the recipe LibriSpeech/ASR/transformer
does it: features with pitch tracked on the fly, normalisation, SpecAugment, front end,
encoder, decoder, CTC and attention loss. Models without pitch are the same recipe
with SpeechBrain's classes in it. All take turns in one run, on the same batch, and each
figure is the median of several turns over RoPEMHA's median. Prints a table in Markdown,
with machine, versions and date.
"""

import argparse
import re
import sys
import tempfile
from pathlib import Path

import torch
from hyperpyyaml import load_hyperpyyaml

sys.path.insert(0, str(Path(__file__).resolve().parent))
from machine import describe
from timing import median_seconds, print_table

from speechbrain_pitchrope.names import ASR_SUBSTITUTES

HPARAMS = Path(__file__).parents[1] / "recipes/LibriSpeech/ASR/transformer/hparams"
LENGTHS = (1.0, 0.875, 0.75, 0.625)  # of the utterances, the longest being 1
TOKENS_PER_SECOND = 4
BASELINE = "RoPEMHA"
UPSTREAM = (BASELINE, "RelPosMHAXL")
VARIANTS = (
    *("rope", "theta", "similarity", "radius", "all", "phase_gaussian"),
    *("all_input", "multistream"),
)


def load(name, attention_type=None, variant="all", **overrides):
    """The hyperparameters of a recipe; SpeechBrain's own classes for an attention type.

    Arguments
    ---------
    name : str
        Of a file of the recipe.
    attention_type : str, optional
        As in ``TransformerASR``; ours if not given.
    variant : str
        What ours does.
    **overrides : dict
        Other values for keys of the file.

    Returns
    -------
    dict
    """
    text = (HPARAMS / f"{name}.yaml").read_text(encoding="utf-8")
    if attention_type:
        for row in ASR_SUBSTITUTES:
            text = text.replace(f"!new:{row.ours}", f"!new:{row.upstream}")
        ours = r"\n    (streams|n_features|pitch_tracker|pitch_level): .*"
        text = re.sub(ours, "", text)
        setting = f"\n    attention_type: {attention_type}"
        text, found = re.subn(r"\n    pitch_attention: .*", setting, text)
        if found != 1:
            raise ValueError(
                f"{name}.yaml gives pitch_attention {found} times, not once"
            )
    with tempfile.TemporaryDirectory() as folder:
        own = {"data_folder": folder, "output_folder": folder, "variant": variant}
        return load_hyperpyyaml(text, own | overrides)


def make_batch(n_tokens, longest, lengths=LENGTHS):
    """Waveforms of up to ``longest`` s, their relative lengths, tokens of the same."""
    generator = torch.Generator().manual_seed(0)
    lengths = torch.tensor(lengths)
    n_samples = (16000 * longest * lengths).long()
    wavs = 0.1 * torch.randn(len(lengths), max(n_samples), generator=generator)
    wavs[torch.arange(wavs.shape[1]) >= n_samples[:, None]] = 0
    shape = len(lengths), int(TOKENS_PER_SECOND * longest)
    tokens = torch.randint(3, n_tokens, shape, generator=generator)
    return wavs, lengths, tokens


def make_step(
    hparams,
    longest,
    lengths=LENGTHS,
    device="cpu",
    dtype=torch.float32,
    compiled=lambda transformer: transformer,
):
    """A function that trains one step, as train.py of the recipe does.

    Arguments
    ---------
    hparams : dict
        What ``load`` gave.
    longest : float
        Length of the longest utterance in s.
    lengths : sequence of float
        Of each utterance, relative.
    device : str
        Where to train.
    dtype : torch.dtype
        float32, or bfloat16 for what ``--precision bf16`` does.
    compiled : callable
        What is done to the transformer first.

    Returns
    -------
    callable
    """
    modules = {name: each.to(device) for name, each in hparams["modules"].items()}
    modules["Transformer"] = compiled(modules["Transformer"])
    modules = torch.nn.ModuleDict(modules).train()
    optimizer = hparams["Adam"](modules.parameters())
    bos, eos = hparams["bos_index"], hparams["eos_index"]
    batch = make_batch(hparams["output_neurons"], longest, lengths)
    wavs, lengths, tokens = (x.to(device) for x in batch)
    tokens_bos = torch.nn.functional.pad(tokens, (1, 0), value=bos)
    tokens_eos = torch.nn.functional.pad(tokens, (0, 1), value=eos)

    def find_loss():
        feats = hparams["compute_features"](wavs)
        feats = modules["normalize"](feats, lengths, epoch=1)
        feats, wav_lens = hparams["fea_augment"](feats, lengths)
        enc_out, dec_out = modules["Transformer"](
            modules["CNN"](feats), tokens_bos, wav_lens, pad_idx=hparams["pad_index"]
        )
        p_ctc = hparams["log_softmax"](modules["ctc_lin"](enc_out))
        p_seq = hparams["log_softmax"](modules["seq_lin"](dec_out))
        loss_ctc = hparams["ctc_cost"](p_ctc, tokens, wav_lens, lengths).sum()
        loss_seq = hparams["seq_cost"](p_seq, tokens_eos, length=lengths).sum()
        weight = hparams["ctc_weight"]
        return weight * loss_ctc + (1 - weight) * loss_seq

    def step():
        with torch.autocast(device, dtype, enabled=dtype == torch.bfloat16):
            loss = find_loss()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(modules.parameters(), hparams["max_grad_norm"])
        optimizer.step()
        optimizer.zero_grad()

    return step


def main():
    """Run the benchmark that the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    sizes = ("conformer_small", "conformer_large")  # mini has no decoder
    parser.add_argument("--hparams", default=sizes[0], choices=sizes)
    parser.add_argument(
        "--longest",
        type=float,
        default=12,
        help="s of the longest utterance (%(default)s)",
    )
    parser.add_argument("--quick", action="store_true", help="three turns, not nine")
    args = parser.parse_args()
    torch.set_num_threads(1)
    steps = {}
    for attention_type in UPSTREAM:
        hparams = load(args.hparams, attention_type)
        steps[attention_type] = make_step(hparams, args.longest)
    for variant in VARIANTS:
        hparams = load(args.hparams, variant=variant)
        steps[f"ours, {variant}"] = make_step(hparams, args.longest)
    print(f"{describe(('torch', 'speechbrain'))}, one thread")
    seconds = median_seconds(steps, 3 if args.quick else 9)
    size = f"{len(LENGTHS)} utterances of up to {args.longest:g} s"
    print(f"\na training step of {args.hparams}, {size}\n")
    head = ["attention", "seconds", *(f"over {name}'s" for name in UPSTREAM)]
    print_table(
        head,
        [[name, x, *(x / seconds[y] for y in UPSTREAM)] for name, x in seconds.items()],
    )


if __name__ == "__main__":
    main()
