"""Hooks that pool the FFN sites and the hidden states while the model runs.

Nothing of size token x unit outlives its layer: each hook reduces what it sees to sentences and
writes that into one array for the pack.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch

from neuronxa.activations.packing import Pack
from neuronxa.activations.pooling import Pooler
from neuronxa.config import ExtractionRow
from neuronxa.errors import ModelError
from neuronxa.models.architectures import Architecture, architecture_of

Pooled = dict[str, torch.Tensor]

_HIDDEN = ("hidden", "hidden_last")


class Capture:
    """Runs a base model on packs and returns what its hooks pooled.

    Parameters
    ----------
    model
        Base model without LM head, in eval mode, with the packed attention.
    extraction
        Which sites are pooled.
    device
        Device of the model.
    """

    def __init__(self, model: Any, extraction: ExtractionRow, *, device: str) -> None:
        self.model = model
        self.sites = extraction.sites
        self.device = device
        self.architecture: Architecture = architecture_of(model.config)
        self.layers = model.get_submodule(self.architecture.layers)
        self._hidden = len(self.layers) + 1  # the embeddings and the output of every layer
        self._pooler: Pooler
        self._pooled: Pooled = {}
        self._fired: Counter[tuple[str, int]] = Counter()

    @torch.inference_mode()
    def run(self, pack: Pack) -> Pooled:
        """One forward pass.

        Returns
        -------
        dict
            Representation -> float32 ``(layer, sentence, unit)`` on the device of the model;
            ``active_<site>`` are numbers of tokens, ``(layer, sentence, unit)`` too.

        Raises
        ------
        ModelError
            A site did not fire exactly once in each layer.
        """
        self._pooler = Pooler.of(pack, self.device)
        self._pooled = {}
        self._fired.clear()
        self.model(
            **pack.inputs(self.device), use_cache=False, segments=pack.attended, return_dict=True
        )
        self._check_fired()
        pooled, self._pooled = self._pooled, {}
        return pooled

    @contextmanager
    def hooked(self) -> Iterator[Capture]:
        """Install the hooks; they are removed whatever happens."""
        handles = []
        try:
            for index, layer in enumerate(self.layers):
                if "gate" in self.sites:
                    module = layer.get_submodule(self.architecture.activation)
                    handles.append(module.register_forward_hook(self._on_output("gate", index)))
                if "product" in self.sites:
                    module = layer.get_submodule(self.architecture.down)
                    handles.append(module.register_forward_pre_hook(self._on_input(index)))
                # the input of a layer is the hidden state before it: 0 is the embeddings
                handles.append(layer.register_forward_pre_hook(self._on_hidden_input(index)))
            norm = self.model.get_submodule(self.architecture.norm)
            handles.append(norm.register_forward_hook(self._on_norm(len(self.layers))))
            yield self
        finally:
            for handle in handles:
                handle.remove()

    def _on_output(self, site: str, layer: int) -> Callable[..., None]:
        def hook(_module: Any, _inputs: Any, output: torch.Tensor) -> None:
            self._keep_site(site, layer, output)

        return hook

    def _on_input(self, layer: int) -> Callable[..., None]:
        def hook(_module: Any, inputs: tuple[torch.Tensor, ...]) -> None:
            self._keep_site("product", layer, inputs[0])

        return hook

    def _on_hidden_input(self, layer: int) -> Callable[..., None]:
        def hook(_module: Any, inputs: tuple[torch.Tensor, ...]) -> None:
            self._keep_hidden(layer, inputs[0])

        return hook

    def _on_norm(self, layer: int) -> Callable[..., None]:
        def hook(_module: Any, _inputs: Any, output: torch.Tensor) -> None:
            self._keep_hidden(layer, output)

        return hook

    def _keep_site(self, site: str, layer: int, states: torch.Tensor) -> None:
        values = states.reshape(-1, states.shape[-1])  # (token, unit)
        sums, active = self._pooler.states(values)
        self._keep(f"nas_{site}", layer, sums)
        self._keep(f"active_{site}", layer, active)
        self._keep(f"nav_{site}", layer, self._pooler.mean(values.to(torch.float32).abs()))

    def _keep_hidden(self, layer: int, states: torch.Tensor) -> None:
        values = states.reshape(-1, states.shape[-1])  # (token, hidden_unit)
        self._keep("hidden", layer, self._pooler.mean(values.to(torch.float32)))
        self._keep("hidden_last", layer, self._pooler.at_last(values))

    def _keep(self, name: str, layer: int, pooled: torch.Tensor) -> None:
        self._fired[name, layer] += 1
        if name not in self._pooled:
            depth = self._hidden if name in _HIDDEN else len(self.layers)
            self._pooled[name] = pooled.new_empty((depth, *pooled.shape))
        self._pooled[name][layer] = pooled

    def _check_fired(self) -> None:
        sites = [f"{kind}_{site}" for site in self.sites for kind in ("nas", "active", "nav")]
        depth = {**dict.fromkeys(sites, len(self.layers)), **dict.fromkeys(_HIDDEN, self._hidden)}
        expected = Counter((name, layer) for name in depth for layer in range(depth[name]))
        if self._fired != expected:
            name, layer = next(iter((self._fired - expected) or (expected - self._fired)))
            raise ModelError(
                f"'{name}' fired {self._fired[name, layer]} times in layer {layer}, not once",
                where=f"model type '{self.model.config.model_type}'",
                remedy="the row of this family in neuronxa/models/architectures.py is wrong, or "
                "modules were replaced by fused kernels",
            )
