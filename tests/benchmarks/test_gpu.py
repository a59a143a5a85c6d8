"""The frame of the GPU benchmark: wheels, sections, devices, names of kernels."""

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
import gpu_job
import gpu_speed


def test_wheels_are_found_here_and_by_processes_that_start(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setenv("PYTHONPATH", "before")
    with pytest.raises(FileNotFoundError, match="holds no wheels"):
        gpu.use_wheels(tmp_path, tmp_path)
    with zipfile.ZipFile(tmp_path / "made_up-1-py3-none-any.whl", "w") as wheel:
        wheel.writestr("made_up_module.py", "answer = 42")
    gpu.use_wheels(tmp_path, tmp_path / "unpacked")
    assert __import__("made_up_module").answer == 42
    assert os.environ["PYTHONPATH"].split(os.pathsep) == [sys.path[0], "before"]


def test_a_section_that_fails_is_named_and_the_others_run(capsys):
    shares, job = [], SimpleNamespace()

    def section(job):
        shares.append(job.deadline - time.monotonic())
        raise ZeroDivisionError("of three")

    assert not gpu.run_sections({"attention": section, "features": section}, job, 7)
    assert "**features failed: ZeroDivisionError: of three**" in capsys.readouterr().out
    assert shares == pytest.approx([360, 420], abs=5)
    assert gpu.run_sections({"features": lambda job: None}, job, 1)
    assert not gpu.run_sections({"features": lambda job: False}, job, 1)


def test_no_gpu_no_memory_and_no_time_are_named(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(RuntimeError, match="found no CUDA device: run this on"):
        gpu.require_device("cuda")

    def greedy():
        raise torch.OutOfMemoryError

    job = gpu_job.Job("cpu", True, None, None)
    runs = {"greedy": greedy, "modest": lambda: None}
    found = gpu_speed.costs(job, runs)
    assert found["greedy"] == "out of memory" and found["modest"][0] < 1
    job.deadline = time.monotonic()
    assert gpu_speed.costs(job, runs) == dict.fromkeys(runs, "not measured")


def test_kernels_are_told_by_their_names():
    for name, kernel in {
        "void pytorch_flash::flash_fwd_kernel<Flash_fwd_kernel_traits>": "flash",
        "fmha_cutlassF_bf16_aligned_64x64_rf_sm80": "efficient",
        "cudnn_generated_fort_native_sdpa_sm90_flash_fprop_wgmma_f16": "cudnn",
        "void softmax_warp_forward<float, float, float, 8, false>": "math",
        "ampere_sgemm_32x128_tn": "unknown",
    }.items():
        assert gpu_speed.classify(["aten::mm", name]) == kernel
