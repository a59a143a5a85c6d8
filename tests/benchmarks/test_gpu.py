"""The GPU benchmark's frame: wheels, sections, devices, names of kernels."""

import os
import sys
import time
import zipfile
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
import gpu
import gpu_speed


def test_wheels_are_unpacked_and_found_by_processes_that_start(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setenv("PYTHONPATH", "before")
    with pytest.raises(FileNotFoundError, match="holds no wheels"):
        gpu.use_wheels(tmp_path, tmp_path)
    with zipfile.ZipFile(tmp_path / "made_up-1-py3-none-any.whl", "w") as wheel:
        wheel.writestr("made_up_module.py", "answer = 42")
    gpu.use_wheels(tmp_path, tmp_path / "unpacked")
    assert __import__("made_up_module").answer == 42
    assert os.environ["PYTHONPATH"].split(os.pathsep) == [sys.path[0], "before"]


def test_a_section_that_fails_is_named_and_the_others_share_the_time(capsys):
    seen, job = [], SimpleNamespace()

    def section(job):
        seen.append(job.deadline - time.monotonic())
        raise ZeroDivisionError("of three")

    sections = {"attention": section, "features": section}
    assert not gpu.run_sections(sections, job, 7)
    assert (
        "**attention failed: ZeroDivisionError: of three**" in capsys.readouterr().out
    )
    assert seen == pytest.approx([360, 420], abs=5)
    assert gpu.run_sections({"features": lambda job: None}, job, 1)
    assert not gpu.run_sections({"features": lambda job: False}, job, 1)


def test_what_is_out_of_time_or_memory_is_named_in_its_place():
    def greedy():
        raise torch.OutOfMemoryError

    job = gpu_speed.Job("cpu", True, None, None)
    found = gpu_speed.costs(job, {"greedy": greedy, "modest": lambda: None})
    assert found["greedy"] == "out of memory" and found["modest"][0] < 1
    assert gpu_speed.ratio(found, "greedy", "modest") is None
    job.deadline = time.monotonic()
    assert gpu_speed.costs(job, {"late": greedy}) == {"late": "not measured"}


def test_no_gpu_is_an_error_that_says_what_to_do(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setenv("PYTHONPATH", "")
    assert "found no CUDA device: run this on" in gpu.main([])


@pytest.mark.parametrize(
    "kernel, name",
    [
        ("flash", "void pytorch_flash::flash_fwd_kernel<Flash_fwd_kernel_traits>"),
        (
            "efficient",
            "fmha_cutlassF_bf16_aligned_64x64_rf_sm80(PyTorchMemEffAttention)",
        ),
        ("cudnn", "cudnn_generated_fort_native_sdpa_sm90_flash_fprop_wgmma_f16"),
        ("math", "void softmax_warp_forward<float, float, float, 8, false, false>"),
        ("unknown", "ampere_sgemm_32x128_tn"),
    ],
)
def test_kernels_are_told_by_their_names(kernel, name):
    assert gpu_speed.classify(["aten::mm", name]) == kernel
