"""Faults of parallel text."""

from __future__ import annotations

from pathlib import Path

from .case import Case, both, cell, removed, replaced, setting, written

DEU = "resources/corpora/toy/deu_Latn.txt"
SENTENCES = 12


def lines(text: str) -> str:
    """A file of the right number of lines."""
    return f"{text}\n" * SENTENCES


def copied(folder: Path) -> None:
    """German is English."""
    english = (folder / "texts/eng_Latn.txt").read_bytes()
    (folder / "texts/deu_Latn.txt").write_bytes(english)


def tatoeba(folder: Path) -> None:
    """A corpus of pairs whose sides differ."""
    (folder / "texts/tatoeba.deu-eng.deu").write_text(lines("Die Katze schläft."), "utf-8")
    (folder / "texts/tatoeba.deu-eng.eng").write_text("The cat sleeps.\n", "utf-8")


CASES = [
    Case("A folder that does not exist", cell("corpora", "location", "text")),
    Case("No text in the pivot", removed("texts/eng_Latn.txt")),
    Case("A language without a text", removed("texts/deu_Latn.txt")),
    Case("More sentences than there are", cell("corpora", "sentences", "1000")),
    Case("Texts of no language that is asked for", setting(languages=["eng_Latn", "jpn_Jpan"])),
    Case(
        "Two files of one language",
        both(
            cell("corpora", "codes", "iso639_3"),
            *[written(f"texts/{code}.txt", lines("Eine Katze.")) for code in ("eng", "deu", "ger")],
        ),
    ),
    Case("A line that is missing", written("texts/deu_Latn.txt", "Ein Haus.\n" * 11), DEU),
    Case("A text in another script", written("texts/deu_Latn.txt", lines("кошка дом вода")), DEU),
    Case(
        "A text that was not translated",
        copied,
        "resources/corpora/toy/corpus.json",
        remade="corpora/toy",
    ),
    Case("A text without a sentence", written("texts/deu_Latn.txt", lines("")), DEU),
    Case(
        "A text that is not UTF-8",
        written("texts/deu_Latn.txt", lines("für").encode("latin-1")),
        DEU,
    ),
    Case(
        "A text in UTF-16", written("texts/deu_Latn.txt", lines("Ein Haus.").encode("utf-16")), DEU
    ),
    Case("A text with NUL characters", written("texts/deu_Latn.txt", lines("Ein\0 Haus.")), DEU),
    Case(
        "Pairs whose sides differ",
        both(
            tatoeba,
            cell("corpora", "reader", "tatoeba"),
            setting(languages=["eng_Latn", "deu_Latn"]),
        ),
        DEU,
    ),
    Case(
        "A sentence that is too long",
        written("texts/deu_Latn.txt", "Donaudampfschiff" * 300 + "\n" + "Ein Haus.\n" * 11),
        "results/alignment/tiny-llama/toy/default/manifest.json",
        remade="corpora/toy",
    ),
    Case(
        "A package without text",
        both(
            cell("corpora", "reader", "interface"), cell("corpora", "location", "no-such-package")
        ),
    ),
    Case(
        "All languages of a corpus on a hub",
        both(cell("corpora", "reader", "hub"), setting(languages="all")),
    ),
    Case(
        "A pattern with the language twice",
        replaced(
            "corpora.tsv",
            "sentences\ntoy\tToy\tfolder\ttexts\t10",
            "pattern\ntoy\tToy\tfolder\ttexts\t{language}/{language}.txt",
        ),
    ),
]
