"""Output folders as train.py leaves them after a test, made without training."""

import csv

import soundfile

from tests.made_runs import make_run
from tests.scoring.files import write_wer
from tests.signals import utterance

LOG = (
    "epoch: 1, lr: 2.0e-03, steps: 220, beam: 1, pitch rate: 1.2e-02, pitch slope: 0.1"
    " - train loss: 91.75 - valid loss: 39.90, valid WER: 81.40, valid CER: 29.07\n"
    "epoch: 2, lr: 1.0e-03, steps: 440, beam: 1, pitch rate: 2.5e-02, pitch slope: 0.2"
    " - train loss: 24.79 - valid loss: 12.00, valid WER: 44.94, valid CER: 10.89\n"
)

SPLITS = {
    "test-a": {
        "1-1-0": ("THE LAZY FOX", "THE LAZY FOX"),
        "1-1-1": ("A QUICK FOX", "A QUICK BROWN BOX"),
        "2-1-0": ("JUMPS OVER A DOG", "JUMPS OVER DOG"),
    },
    "test-b": {
        "3-1-0": ("BACK", ""),
        "3-1-1": ("A <eps> & <script>", "A <i> & <script>"),
    },
}
"""Split to {utterance: (said, recognised)}."""


def make_tested_run(folder, corpus, **settings):
    """A run that was tested on ``SPLITS``, with its recordings in ``corpus``."""
    settings = {
        "data_folder": str(corpus),
        "train_splits": ["train-a"],
        "dev_splits": ["dev-a"],
        "test_splits": list(SPLITS),
        **settings,
    }
    make_run(folder, **settings)
    (folder / "train_log.txt").write_text(LOG)
    (folder / "manifests").mkdir()
    for split, utterances in SPLITS.items():
        write_wer(folder / f"wer_{split}.txt", utterances)
        write_wer(folder / f"cer_{split}.txt", utterances, split_tokens=True)
        (corpus / split).mkdir(parents=True, exist_ok=True)
        with open(folder / f"manifests/{split}.csv", "w", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(["ID", "duration", "wav", "spk_id", "wrd"])
            for number, (name, (said, _)) in enumerate(utterances.items()):
                wav = utterance(120.0 + 40 * number, seconds=1.2, seed=number)
                soundfile.write(corpus / split / f"{name}.wav", wav.numpy(), 16000)
                path = f"$data_root/{split}/{name}.wav"
                rows.writerow([name, len(wav) / 16000, path, name[0], said])
