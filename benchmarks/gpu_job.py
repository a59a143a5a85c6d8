"""What is asked of the GPU benchmark, and what its sections share; for gpu.py."""

import dataclasses
import gc
import math
import time

import attention as attentions
import torch

NOT_MEASURED, NO_MEMORY = "not measured", "out of memory"
RECIPES = ("conformer_small", "conformer_large")


@dataclasses.dataclass
class Sizes:
    """How much is measured."""

    heads: dict = dataclasses.field(default_factory=lambda: attentions.SIZES)
    n_frames: tuple = (250, 500, 1000, 2000, 4000)
    n_batch: int = 32
    turns: int = 5
    audio_seconds: float = 900
    longest: float = 15
    evidence_seconds: float = 60  # of audio in a batch
    overrides: dict = dataclasses.field(default_factory=dict)
    compiled_recipes: tuple = RECIPES
    backend: str = "inductor"


QUICK = Sizes(
    heads={"16 / 2": (16, 2)},
    n_frames=(12, 24),
    n_batch=2,
    turns=1,
    audio_seconds=4,
    longest=1,
    evidence_seconds=8,
    overrides={
        **{"d_model": 32, "d_ffn": 64, "nhead": 2, "output_neurons": 40},
        **{"num_encoder_layers": 1, "num_decoder_layers": 1},
    },
    compiled_recipes=("conformer_small",),
    backend="eager",  # captures, and compiles nothing
)


class Job:
    """What is asked for, and what sections found so far."""

    def __init__(self, device, quick, corpus, folder):
        self.device, self.quick, self.corpus = device, quick, corpus
        self.folder, self.sizes = folder, QUICK if quick else Sizes()
        self.deadline = math.inf
        self.worst, self.notes = {}, []
        self.fitting = {}  # seconds of audio of a batch that fits, for each recipe
        self.step_seconds = None  # of conformer_small with all, for a second of audio

    def left(self):
        """Seconds of this section's share."""
        return self.deadline - time.monotonic()

    def judge(self, bar, figure, where):
        """Keep the largest figure that a bar is for; None is none."""
        if figure is not None:
            self.worst[bar] = max(self.worst.get(bar, (0, "")), (figure, where))

    def compile(self, function):
        """As ``--compile_module_keys`` does it, for inputs of any length."""
        return torch.compile(function, dynamic=True, backend=self.sizes.backend)

    def attempt(self, what, run):
        """What ``run`` gives, or as a str why it gives nothing."""
        try:
            return run()
        except torch.OutOfMemoryError:
            return NO_MEMORY
        except Exception as error:
            self.notes.append(f"{what}: {type(error).__name__}: {error}"[:400])
            return type(error).__name__

    def print_notes(self):
        """What went wrong in the last table."""
        for note in dict.fromkeys(self.notes):
            print(f"\n{note}")
        self.notes.clear()


def release():
    """Give memory back that nothing refers to."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
