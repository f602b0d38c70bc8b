"""The question that a reduction answers: which stores are compared, and by which measures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from neuronxa.alignment import ALIGNMENT_VERSION
from neuronxa.alignment.budget import Budget
from neuronxa.alignment.measures import MEASURES
from neuronxa.stores.activations import Activations
from neuronxa.stores.alignment import AlignmentLayout
from neuronxa.stores.journal import fingerprint_of
from neuronxa.stores.registry import ALIGNMENT_ARRAYS


@dataclass(frozen=True)
class Reduction:
    """What is to be reduced.

    Attributes
    ----------
    stores
        Language -> published activation store. In a ``pairs`` corpus the pivot has none.
    pivot
        Code of the pivot.
    layout
        ``parallel`` or ``pairs``.
    representations
        Which representations are compared.
    keep_similarities
        Whether the matrices of pairs with the pivot are stored.
    measures
        Names of measures; each is computed where it is defined.
    """

    stores: Mapping[str, Activations]
    pivot: str
    layout: str
    representations: tuple[str, ...]
    keep_similarities: bool
    measures: tuple[str, ...] = field(default_factory=lambda: tuple(MEASURES))

    @property
    def languages(self) -> tuple[str, ...]:
        """Languages of the result, the pivot first where it has no store of its own."""
        codes = tuple(self.stores)
        return codes if self.pivot in codes else (self.pivot, *codes)

    @property
    def sentences(self) -> int:
        """Largest number of sentences of a language."""
        return max(int((store.array("side") == 0).sum()) for store in self.stores.values())

    @cached_property
    def fingerprints(self) -> dict[str, str]:
        """Fingerprint of the content of each activation store."""
        return {code: fingerprint_of(s.manifest["parts"]) for code, s in self.stores.items()}

    def measures_of(self, representation: str) -> tuple[str, ...]:
        """The measures that are defined for a representation, in the order of the registry."""
        return tuple(
            name
            for name, measure in MEASURES.items()
            if name in self.measures and measure.measures(representation)
        )

    def needs(self, what: str) -> bool:
        """Whether a measure needs vectors in some form."""
        return any(what in MEASURES[name].needs for name in self.measures)

    def identity(self) -> dict[str, Any]:
        """What the result depends on."""
        first = next(iter(self.stores.values())).identity
        return {
            "alignment_version": ALIGNMENT_VERSION,
            "model": first["model"],
            "corpus": first["corpus"],
            "extraction": first["extraction"]["extraction"],
            "pivot": self.pivot,
            "corpus_layout": self.layout,
            "representations": list(self.representations),
            "measures": list(self.measures),
            "keep_similarities": self.keep_similarities,
            # what is stored, not what it was made from: another device may round otherwise
            "stores": self.fingerprints,
        }

    def budget(self) -> Budget:
        """Sizes that memory is projected from."""
        widest = max(
            store.layout.neurons if name.startswith("n") else store.layout.hidden_size
            for store in self.stores.values()
            for name in self.representations
        )
        return Budget(
            languages=len(self.languages),
            sentences=self.sentences,
            units=widest,
            measures=len(self.measures),
            copies=1 + self.needs("centred") + self.needs("standardised"),
            kept=self.keep_similarities,
        )

    def store_layout(self) -> AlignmentLayout:
        """Sizes of the alignment store."""
        first = next(iter(self.stores.values()))
        return AlignmentLayout(
            languages=self.languages,
            sentences=self.sentences,
            layers={name: first.layers(name) for name in self.representations},
            arrays=tuple(
                name for name in ALIGNMENT_ARRAYS if name != "similarity" or self.keep_similarities
            ),
            measures={name: self.measures_of(name) for name in self.representations},
        )
