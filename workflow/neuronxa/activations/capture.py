"""Hooks that pool the FFN sites and the hidden states while the model runs.

Nothing of size token x unit outlives its layer: each hook reduces what it sees to sentences and
writes that into one array for the batch.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch

from neuronxa.activations.batches import Batch
from neuronxa.activations.experts import REPORT, Routed
from neuronxa.activations.packing import forward
from neuronxa.activations.pooling import Pooler
from neuronxa.config import ExtractionRow
from neuronxa.errors import ModelError
from neuronxa.models.architectures import Architecture, neurons_per_layer

Pooled = dict[str, torch.Tensor]

#: A state this close to zero, relative to the largest of its layer, may be turned by rounding.
DOUBT = {"float32": 1e-5, "float16": 5e-3, "bfloat16": 4e-2}

_HIDDEN = ("hidden", "hidden_last")


class Capture:
    """Runs a base model on batches and returns what its hooks pooled.

    Parameters
    ----------
    model
        Base model without LM head, in eval mode.
    architecture
        Where its sites are.
    extraction
        Which sites are pooled.
    device
        Device of the model, or of its embeddings where it is spread over several.
    """

    def __init__(
        self, model: Any, architecture: Architecture, extraction: ExtractionRow, *, device: str
    ) -> None:
        self.model = model
        self.architecture = architecture
        self.sites = extraction.sites
        self.device = device
        self.layers = model.get_submodule(architecture.layers)
        self.neurons = neurons_per_layer(model.config, architecture)
        self._epsilon = DOUBT[extraction.dtype]
        self._floats = getattr(torch, extraction.stored)
        self._batch: Batch
        self._poolers: dict[torch.device, Pooler] = {}
        self._scratch: dict[torch.device, dict[torch.dtype, torch.Tensor]] = {}
        self._pooled: Pooled = {}
        self._doubt = False
        self._fired: Counter[tuple[str, int, int]] = Counter()

    @torch.inference_mode()
    def run(self, batch: Batch, *, doubt: bool = False) -> Pooled:
        """One forward pass.

        Parameters
        ----------
        batch
            Sentences.
        doubt
            Add ``doubt_<site>``: the weight of the tokens whose state rounding may turn.

        Returns
        -------
        dict
            Representation -> ``(layer, sentence, unit)`` on the device of the model: sums of
            weights as int32, means in the precision of the store. ``active_<site>`` are numbers of
            tokens, int32 ``(layer, unit)``.

        Raises
        ------
        ModelError
            A site did not fire exactly once in each layer.
        """
        self._batch = batch
        self._poolers.clear()
        self._pooled, self._doubt = {}, doubt
        self._fired.clear()
        packed = self.architecture.batching == "packed"
        output = forward(self.model, batch, device=self.device, packed=packed)
        self._keep_hidden(len(self.layers), output.last_hidden_state)
        self._check_fired()
        pooled, self._pooled = self._pooled, {}
        return pooled

    @contextmanager
    def hooked(self) -> Iterator[Capture]:
        """Install the hooks; they are removed whatever happens."""
        experts = self.architecture.experts
        routed = [layer.get_submodule(experts.module) for layer in self.layers] if experts else []
        handles = []
        try:
            for index, layer in enumerate(self.layers):
                handles += self._hook_ffn(layer, index)
                # the input of a layer is the hidden state before it: 0 is the embeddings
                hook = self._on_hidden(index)
                handles.append(layer.register_forward_pre_hook(hook, with_kwargs=True))
            for index, module in enumerate(routed):
                setattr(module, REPORT, self._on_experts(index))
            yield self
        finally:
            for handle in handles:
                handle.remove()
            for module in routed:
                if hasattr(module, REPORT):
                    delattr(module, REPORT)

    def _hook_ffn(self, layer: Any, index: int) -> list[Any]:
        """Hooks on the dense part: the whole network, or the shared expert of a mixture."""
        handles = []
        if self.architecture.activation and "gate" in self.sites:
            module = layer.get_submodule(self.architecture.activation)
            handles.append(module.register_forward_hook(self._on_gate(index)))
        if self.architecture.down and "product" in self.sites:
            module = layer.get_submodule(self.architecture.down)
            handles.append(module.register_forward_pre_hook(self._on_product(index)))
        return handles

    def _on_gate(self, layer: int) -> Callable[..., None]:
        def hook(_module: Any, _inputs: Any, output: torch.Tensor) -> None:
            self._keep_site("gate", layer, output)

        return hook

    def _on_product(self, layer: int) -> Callable[..., None]:
        def hook(_module: Any, inputs: tuple[torch.Tensor, ...]) -> None:
            self._keep_site("product", layer, inputs[0])

        return hook

    def _on_hidden(self, layer: int) -> Callable[..., None]:
        def hook(_module: Any, inputs: tuple[torch.Tensor, ...], named: dict[str, Any]) -> None:
            self._keep_hidden(layer, inputs[0] if inputs else named["hidden_states"])

        return hook

    def _on_experts(self, layer: int) -> Callable[[Routed], None]:
        def report(routed: Routed) -> None:
            for site in self.sites:
                self._fired[site, layer, 0] += 1
            for number, token, gate, product in routed.experts():
                for site in self.sites:
                    values = gate if site == "gate" else product
                    self._pool_site(site, layer, values, number * values.shape[-1], token)

        return report

    def _keep_site(self, site: str, layer: int, states: torch.Tensor) -> None:
        values = states.reshape(-1, states.shape[-1])  # (token, unit)
        # a shared expert comes after the routed ones
        first = self.neurons - values.shape[-1]
        self._fired[site, layer, first] += 1
        self._pool_site(site, layer, values, first)

    def _pool_site(
        self,
        site: str,
        layer: int,
        values: torch.Tensor,
        first: int,
        at: torch.Tensor | None = None,
    ) -> None:
        """Pool neurons `first` and following, of all tokens or of those `at` which they are."""
        units = slice(first, first + values.shape[-1])
        pooler = self._pooler(values.device)
        with self._beside(
            values.device,
            sums=self._array(f"nas_{site}")[layer, :, units],
            mean=self._array(f"nav_{site}")[layer, :, units],
            active=self._array(f"active_{site}")[layer, units],
        ) as arrays:
            pooler.site(values, at, **arrays)
        if self._doubt:
            epsilon = self._epsilon * values.abs().max()
            doubt = pooler.doubtful(values, epsilon, at)
            self._array(f"doubt_{site}")[layer, :, units] = doubt

    def _keep_hidden(self, layer: int, states: torch.Tensor) -> None:
        values = states.reshape(-1, states.shape[-1])  # (token, hidden_unit)
        self._fired["hidden", layer, 0] += 1
        mean, at_last = (self._array(name)[layer] for name in _HIDDEN)
        with self._beside(values.device, mean=mean, at_last=at_last) as arrays:
            self._pooler(values.device).hidden(values, **arrays)

    def _pooler(self, device: torch.device) -> Pooler:
        """The pooler of the batch where a layer is: a model may be spread over devices."""
        if device not in self._poolers:
            scratch = self._scratch.setdefault(device, {})
            self._poolers[device] = Pooler.of(self._batch, str(device), scratch)
        return self._poolers[device]

    @contextmanager
    def _beside(
        self, device: torch.device, **arrays: torch.Tensor
    ) -> Iterator[dict[str, torch.Tensor]]:
        """The arrays themselves, or where a layer is elsewhere, others there that are copied."""
        if all(array.device == device for array in arrays.values()):
            yield arrays
            return
        there = {name: torch.zeros_like(array, device=device) for name, array in arrays.items()}
        yield there
        for name, array in arrays.items():
            array.copy_(there[name])

    def _array(self, name: str) -> torch.Tensor:
        """The array of the batch; what no token is routed to stays zero."""
        if name not in self._pooled:
            sentences, hidden = len(self._batch.tokens), name in _HIDDEN
            units = self.model.config.hidden_size if hidden else self.neurons
            shape: tuple[int, ...] = (len(self.layers) + hidden, sentences, units)
            if name.startswith("active_"):
                shape = (len(self.layers), units)
            dtype = torch.int32 if name.startswith(("nas_", "active_")) else self._floats
            self._pooled[name] = torch.zeros(shape, dtype=dtype, device=self.device)
        return self._pooled[name]

    def _check_fired(self) -> None:
        """Every part of every site must have fired once in every layer."""
        expected: Counter[tuple[str, int, int]] = Counter()
        for layer in range(len(self.layers)):
            expected.update((site, layer, part) for site in self.sites for part in self._parts())
        expected.update(("hidden", layer, 0) for layer in range(len(self.layers) + 1))
        if self._fired != expected:
            key = next(iter((self._fired - expected) or (expected - self._fired)))
            raise ModelError(
                f"'{key[0]}' fired {self._fired[key]} times in layer {key[1]}, not once",
                where=f"model type '{self.model.config.model_type}'",
                remedy="the row of this family in neuronxa/models/architectures.py is wrong, or "
                "modules were replaced by fused kernels",
            )

    def _parts(self) -> list[int]:
        """First neuron of what fires in a layer: the network; or the experts and a shared one."""
        experts = self.architecture.experts
        if experts is None or not experts.shared_width:
            return [0]
        return [0, self.neurons - int(getattr(self.model.config, experts.shared_width))]
