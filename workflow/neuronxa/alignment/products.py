"""Where matrix products run: NumPy's linear algebra, or a GPU through torch where there is one.

Only the products run on the device. Ranks are decided in memory, in the same compiled loops, so
that the result is the same hit for hit wherever the products were made.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from neuronxa.errors import ConfigError

#: The product of two operands, back in memory: float32 ``(rows, rows)``.
Multiply = Callable[[Any, Any], np.ndarray]


@dataclass(frozen=True)
class Products:
    """How inner products of many vectors are computed.

    Attributes
    ----------
    device
        ``cpu`` or a CUDA device.
    upload
        Gives the operand for an array ``(rows, units)``.
    multiply
        Inner products of the rows of two operands, float32 ``(rows, rows)`` in memory.
    """

    device: str
    upload: Callable[[np.ndarray], Any]
    multiply: Multiply


def _numpy(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    return np.asarray(first @ second.T)


ON_CPU = Products("cpu", lambda array: array, _numpy)


def products_on(device: str) -> Products:
    """Choose where products run.

    Parameters
    ----------
    device
        ``auto`` (a GPU where there is one), ``cpu``, ``cuda`` or ``cuda:<index>``.

    Raises
    ------
    ConfigError
        A GPU is asked for and there is none.
    """
    if device == "cpu" or (device == "auto" and not _has_gpu()):
        return ON_CPU
    if importlib.util.find_spec("torch") is not None:
        import torch

        if torch.cuda.is_available():
            return through_torch("cuda" if device == "auto" else device)
    if device == "auto":
        return ON_CPU
    raise ConfigError(
        f"'{device}' is asked for and torch finds no GPU",
        where="alignment.device",
        allowed=("auto", "cpu"),
        remedy="set 'alignment.device' to auto, or run where there is a GPU",
    )


def through_torch(device: str) -> Products:
    """Products of torch on a device, in full float32: TF32 would be too coarse for ranks."""
    import torch

    torch.backends.cuda.matmul.allow_tf32 = False

    def upload(array: np.ndarray) -> Any:
        return torch.from_numpy(array).to(device)

    def multiply(first: Any, second: Any) -> np.ndarray:
        return np.asarray((first @ second.T).cpu().numpy())

    return Products(device, upload, multiply)


def _has_gpu() -> bool:
    """Whether an NVIDIA driver is there: told without importing torch, which takes seconds."""
    return Path("/proc/driver/nvidia/version").exists() or Path("/dev/dxg").exists()
