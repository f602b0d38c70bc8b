"""From the device to the disk without making the model wait."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from types import TracebackType
from typing import Any

import numpy as np
import torch

from neuronxa.stores.chunks import Each

Arrays = dict[str, np.ndarray]

#: Batches that may wait to be written: bounds the memory, and is enough to keep both threads busy.
_WAITING = 4
#: Threads that share the parts of a block while a GPU runs the model.
_HELPERS = 8


def to_host(tensors: Mapping[str, torch.Tensor]) -> Callable[[], Arrays]:
    """Start the copy of tensors to the host; call the result to wait for it.

    On a GPU the copies run while the next batch is launched, into pinned memory.
    """
    if all(tensor.device.type == "cpu" for tensor in tensors.values()):
        arrays = {name: tensor.numpy() for name, tensor in tensors.items()}
        return lambda: arrays
    copies = {
        name: torch.empty(tensor.shape, dtype=tensor.dtype, pin_memory=True).copy_(
            tensor, non_blocking=True
        )
        for name, tensor in tensors.items()
    }
    done: Any = torch.cuda.Event()  # type: ignore[no-untyped-call]
    done.record()

    def wait() -> Arrays:
        done.synchronize()
        return {name: tensor.numpy() for name, tensor in copies.items()}

    return wait


@contextmanager
def helpers(device: str) -> Iterator[Each]:
    """A `map` for the parts of a block: on many threads where a GPU leaves the cores to us."""
    if device == "cpu":
        yield map
        return
    with ThreadPoolExecutor(_HELPERS, thread_name_prefix="neuronxa-helper") as pool:
        yield pool.map


class Background:
    """Runs work in order in one other thread; a failure is raised in the calling one.

    After a failure no more work is done: what waits may be the commit of what was left half-done.
    Use it as a context: its end waits for all work, unless something has failed.
    """

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="neuronxa-writer")
        self._waiting: deque[Future[None]] = deque()
        self._failed = False

    def run(self, work: Callable[[], None]) -> None:
        """Add work; waits where too much is waiting already.

        Raises
        ------
        Exception
            What earlier work has raised.
        """
        self._waiting.append(self._thread.submit(self._do, work))
        while len(self._waiting) > _WAITING or self._waiting[0].done():
            self._waiting.popleft().result()
            if not self._waiting:
                return

    def _do(self, work: Callable[[], None]) -> None:
        if self._failed:
            return
        try:
            work()
        except BaseException:
            self._failed = True
            raise

    def __enter__(self) -> Background:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            while self._waiting and error is None:
                self._waiting.popleft().result()
        finally:
            self._thread.shutdown(wait=True, cancel_futures=True)
