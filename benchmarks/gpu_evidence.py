"""Two trainings of the recipe on a corpus, and their comparison; for gpu.py."""

import json
import re
import subprocess
import sys
from pathlib import Path

import soundfile
import training_step as steps
from gpu_job import NOT_MEASURED, release
from gpu_speed import make_step
from timing import median_seconds

RECIPE = steps.HPARAMS.parent
NEEDED_SECONDS = 240
START_SECONDS = 30  # until a training has begun


def evidence(job):
    """The recipe's training with `rope` and with `all`, and the comparison."""
    if job.corpus is None or (job.left() < NEEDED_SECONDS and not job.quick):
        why = f"{job.left() / 60:.1f} minutes are left, and more than 4 are needed"
        print(f"\n{NOT_MEASURED}: {why if job.corpus else 'no --corpus is given'}")
        return
    corpus = Path(job.corpus)
    splits = {x: sorted(corpus.glob(f"{x}-*/")) for x in ("train", "dev", "test")}
    if missing := [f"{x}-*" for x, found in splits.items() if not found]:
        raise FileNotFoundError(f"{corpus} has no folder {', '.join(missing)}")
    settings, updates = plan(job, splits["train"])
    print(f"\n{updates} updates each: {settings['number_of_epochs']} epochs, bf16\n")
    results = [train(job, variant, splits, settings) for variant in ("rope", "all")]
    texts = "\n".join(transcripts(splits["test"]))
    for split in splits["test"]:
        compare(results, f"wer_{split.name}.txt")
        if re.search(r"\b[A-Z]+[1-6]\b", texts):
            compare(results, f"hyp_{split.name}.txt", "--tones")


def transcripts(splits):
    """What is said in each utterance."""
    for split in splits:
        for path in split.rglob("*.trans.txt"):
            for line in path.read_text(encoding="utf-8").splitlines():
                yield line.partition(" ")[2]


def plan(job, splits):
    """Settings for the time that is left, and their number of updates."""
    letters = set(" ".join(transcripts(splits)))
    files = [path for split in splits for path in split.rglob("*.flac")]
    durations = [soundfile.info(path).duration for path in files]
    per_batch = job.sizes.evidence_seconds
    small = {**job.sizes.overrides, "output_neurons": len(letters) + 3}
    step = make_step(
        *(job, steps.load("conformer_small", **small)),
        *(sum(durations) / len(durations), per_batch),
    )
    seconds = median_seconds({"": step}, 3, job.device)[""]
    del step
    release()  # for the processes that train
    per_epoch = max(1, round(1.1 * sum(durations) / per_batch))
    train_seconds = 0.6 * (job.left() / 2 - START_SECONDS)  # the rest decodes
    epochs = 1 if job.quick else max(1, int(train_seconds / seconds / per_epoch))
    print(f"\n{seconds:.3f} s a step of {per_batch:g} s, {job.left():.0f} s are left")
    return small | {
        "number_of_epochs": epochs,
        "max_batch_length_train": per_batch,
        "warmup": max(1, epochs * per_epoch // 4),
        "token_type": "char",
        "num_bucket": 20,
        "num_workers": 0 if job.quick else 4,
        "avg_checkpoints": min(3, epochs),
        "valid_search_interval": 1000,  # greedy search until the test
        "test_beam_size": 2 if job.quick else 10,
        "max_decode_ratio": 0.1 if job.quick else 1.0,
        "ckpt_interval_minutes": 0,
        "check_audio": "header",
        "manifest_folder": str(job.folder / "manifests"),
    }, epochs * per_epoch


def train(job, variant, splits, settings):
    """The output folder of a run."""
    out = job.folder / variant
    lists = {
        f"{key}_splits": json.dumps([path.name for path in paths])
        for key, paths in splits.items()
    }
    folders = {"data_folder": job.corpus, "output_folder": out, "variant": variant}
    given = (settings | lists | folders).items()
    command = [
        *(RECIPE / "train.py", RECIPE / "hparams/conformer_small.yaml"),
        *(f"--device={job.device}", "--precision=bf16", "--noprogressbar"),
        *(f"--{key}={value}" for key, value in given),
    ]
    run_python(map(str, command), job.left() / 2 if variant == "rope" else job.left())
    return out


def compare(results, name, *options):
    """Print the paired comparison of two runs."""
    files = [str(folder / name) for folder in results]
    command = ["-m", "speechbrain_pitchrope", "compare", *options, *files]
    print(f"```\n{run_python(command)}```")


def run_python(command, timeout=None):
    """What a Python process prints; its complaint is the error if it fails."""
    done = subprocess.run(
        [sys.executable, *command],
        check=False,
        capture_output=True,
        text=True,
        timeout=timeout,
    )
    if done.returncode:
        raise RuntimeError(f"{done.args} ended with {done.returncode}: {done.stderr}")
    return done.stdout
