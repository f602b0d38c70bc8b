"""The texts of a corpus as the controls read them: each language beside its pivot side."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from neuronxa.activations.texts import Text
from neuronxa.errors import CorpusError

_PIVOT_ENDING = ".pivot"


def read_texts(paths: Iterable[Path]) -> dict[str, Text]:
    """Read prepared texts by language.

    Parameters
    ----------
    paths
        ``<language>.txt``, and in a corpus of pairs ``<language>.pivot.txt`` beside each.
    """
    stems = {path.stem: path for path in paths}
    return {
        code: Text.read(code, path, stems.get(f"{code}{_PIVOT_ENDING}"))
        for code, path in stems.items()
        if not code.endswith(_PIVOT_ENDING)
    }


def beside_pivot(
    texts: Mapping[str, Text], pivot: str
) -> dict[str, tuple[Sequence[str], Sequence[str]]]:
    """Put each language's sentences beside those of the pivot.

    Parameters
    ----------
    texts
        Texts by language.
    pivot
        Code of the pivot; in a corpus of pairs it has no text of its own.

    Returns
    -------
    dict
        Language -> sentences of the pivot and of the language, line by line; without the pivot.

    Raises
    ------
    CorpusError
        The pivot has no text, or a language has another number of sentences.
    """
    pairs: dict[str, tuple[Sequence[str], Sequence[str]]] = {}
    for code, text in texts.items():
        if code == pivot:
            continue
        own, other = (side_of(text, side) for side in (0, 1))
        if not other:
            if pivot not in texts:
                raise CorpusError(f"the pivot '{pivot}' has no text", where=code, allowed=texts)
            other = side_of(texts[pivot], 0)
        if len(own) != len(other):
            raise CorpusError(
                f"{len(own)} sentences, the pivot has {len(other)}",
                where=code,
                remedy="prepare the corpus again",
            )
        pairs[code] = (other, own)
    return pairs


def side_of(text: Text, side: int) -> tuple[str, ...]:
    """The sentences of one side of a text: 0 = the language, 1 = its own pivot side."""
    return tuple(s for s, at in zip(text.sentences, text.sides, strict=True) if at == side)
