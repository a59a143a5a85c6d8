"""Installation of speechbrain_pitchrope; the settings of the tools: pyproject.toml."""

from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).parent
VERSION = (
    (ROOT / "speechbrain_pitchrope" / "__init__.py")
    .read_text(encoding="utf-8")
    .split('__version__ = "')[1]
    .split('"')[0]
)


class BuildWithVariants(build_py):
    """Puts the variants of the top-level folder hparams into the package."""

    def run(self):
        """Build the modules, then copy the variants beside them."""
        super().run()
        if not self.editable_mode:
            target = Path(self.build_lib) / "speechbrain_pitchrope" / "hparams"
            self.mkpath(str(target))
            for variant in sorted((ROOT / "hparams").glob("*.yaml")):
                self.copy_file(str(variant), str(target / variant.name))


PLOTS = ["matplotlib>=3.8"]
DEMO = ["espeakng-loader>=0.2.4", *PLOTS]
BENCH = [
    "kaldi-native-fbank>=1.23",
    "pesto-pitch>=2.0",
    "praat-parselmouth>=0.4.5",
    "pyreaper>=0.0.10",
    "swift-f0>=0.3",
    "torchcrepe>=0.0.22",
]
WORLD = ["pyworld-prebuilt>=0.3.5"]
DEV = ["pytest>=8", "ruff>=0.6", "yamllint>=1.35", "tensorboard>=2.14"]

setup(
    name="speechbrain_pitchrope",
    version=VERSION,
    description="Pitch-aware rotary attention for SpeechBrain",
    long_description=(ROOT / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    python_requires=">=3.10",
    packages=find_packages(include=["speechbrain_pitchrope*"]),
    package_data={
        "speechbrain_pitchrope": ["*/*.j2", "processing/*.json", "swapping/*.yaml"]
    },
    cmdclass={"build_py": BuildWithVariants},
    install_requires=[
        "speechbrain>=1.1.0,<1.2",
        # torchaudio 2.11, the newest, refuses to load beside torch 2.15, which is
        # built for another CUDA.
        "torch>=2.7.1,<2.15",
        "torchaudio>=2.7.1",
        "hyperpyyaml>=1.2",
        "ruamel.yaml>=0.17.28",
        "sentencepiece>=0.2",
        "numpy>=1.24",
        "scipy>=1.10",
        "soundfile>=0.12",
        "tqdm>=4.60",
        "jinja2>=3.0",
    ],
    extras_require={
        "demo": DEMO,
        "plots": PLOTS,
        "world": WORLD,
        "bench": [*BENCH, *WORLD],
        "dev": [*DEV, *DEMO, *WORLD],
    },
    entry_points={"console_scripts": ["pitchrope = speechbrain_pitchrope.cli:main"]},
    classifiers=[
        "Programming Language :: Python :: 3",
        "Topic :: Multimedia :: Sound/Audio :: Speech",
    ],
)
