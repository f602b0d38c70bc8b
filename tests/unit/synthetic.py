"""Plausible scores of made-up models, for tests of statistics, figures and tables."""

from __future__ import annotations

import numpy as np
import pandas as pd

from neuronxa.languages import Language

PIVOT = "eng_Latn"
N = 100
# Real codes, families and classes, so that tests see real lengths and names.
SHEET = (
    ("eng_Latn", "English", "Indo-European", "head", "Latn"),
    ("fra_Latn", "French", "Indo-European", "head", "Latn"),
    ("deu_Latn", "German", "Indo-European", "head", "Latn"),
    ("zho_Hans", "Chinese (Simplified)", "Sino-Tibetan", "head", "Hans"),
    ("swh_Latn", "Swahili", "Atlantic-Congo", "head", "Latn"),
    ("fao_Latn", "Faroese", "Indo-European", "long-tail", "Latn"),
    ("zho_Hant", "Chinese (Traditional)", "Sino-Tibetan", "head", "Hant"),
    ("yor_Latn", "Yoruba", "Atlantic-Congo", "long-tail", "Latn"),
    ("fin_Latn", "Finnish", "Uralic", "head", "Latn"),
    ("hun_Latn", "Hungarian", "Uralic", "head", "Latn"),
    ("tur_Latn", "Turkish", "Turkic", "head", "Latn"),
    ("kaz_Cyrl", "Kazakh", "Turkic", "head", "Cyrl"),
    ("arb_Arab", "Modern Standard Arabic", "Afro-Asiatic", "head", "Arab"),
    ("amh_Ethi", "Amharic", "Afro-Asiatic", "head", "Ethi"),
    ("hin_Deva", "Hindi", "Indo-European", "head", "Deva"),
    ("ben_Beng", "Bengali", "Indo-European", "head", "Beng"),
    ("guj_Gujr", "Gujarati", "Indo-European", "head", "Gujr"),
    ("tam_Taml", "Tamil", "Dravidian", "head", "Taml"),
    ("tel_Telu", "Telugu", "Dravidian", "head", "Telu"),
    ("jpn_Jpan", "Japanese", "Japonic", "head", "Jpan"),
    ("kor_Hang", "Korean", "Koreanic", "head", "Hang"),
    ("vie_Latn", "Vietnamese", "Austroasiatic", "head", "Latn"),
    ("bjn_Latn", "Banjar", "Austronesian", "long-tail", "Latn"),
    ("mri_Latn", "Maori", "Austronesian", "long-tail", "Latn"),
)
FAMILIES = (
    *dict.fromkeys(row[2] for row in SHEET),
    "Tai-Kadai", "Nilo-Saharan", "Mande", "Kartvelian", "Mongolic-Khitan", "Quechuan",
    "Tupian", "Aymaran", "Basque", "Saharan", "Nilotic", "Constructed", "unknown",
)  # fmt: skip


def make_languages(count: int) -> dict[str, Language]:
    """Return ``count`` languages: the real ones first, then made-up codes."""
    known = [_language(*row) for row in SHEET[:count]]
    rng = np.random.default_rng(count)
    letters = "abcdefghijklmnopqrstuvwxyz"
    for index in range(count - len(known)):
        # Every tenth shares its ISO code with the one before, as a second script does.
        again = index % 10 == 9
        letter = index - again
        code = f"q{letters[letter // 26]}{letters[letter % 26]}_{'Arab' if again else 'Latn'}"
        share = np.array([1 / (rank + 1) for rank in range(len(FAMILIES))])
        family = str(rng.choice(FAMILIES, p=share / share.sum()))
        resource_class = "head" if index % 3 else "long-tail"
        known.append(_language(code, f"Language {index}", family, resource_class, code[-4:]))
    return {language.code: language for language in known}


def _language(code: str, name: str, family: str, resource_class: str, script: str) -> Language:
    return Language(
        code=code,
        iso639_3=code.partition("_")[0],
        script=script,
        bcp47=code.replace("_", "-"),
        name=name,
        family=family,
        resource_class="head" if resource_class == "head" else "long-tail",
    )


def make_scores(
    languages: dict[str, Language],
    *,
    model: str = "gemma_270m",
    layers: int = 18,
    seed: int = 0,
) -> pd.DataFrame:
    """Return alignment scores with humped layer curves, in the columns of ``scores.parquet``."""
    rng = np.random.default_rng(seed)
    codes = list(languages)
    quality = {code: 0.95 * (1 - rank / len(codes)) + 0.04 for rank, code in enumerate(codes)}
    rows: list[tuple[object, ...]] = []
    for name, boost, count in (
        ("nas_gate", 1.0, layers),
        ("nav_gate", 0.92, layers),
        ("hidden", 0.7, layers + 1),
        ("hidden_last", 0.55, layers + 1),
    ):
        hump = np.sin(np.linspace(0.15, np.pi - 0.25, count)) ** 1.5
        for one, first in enumerate(codes):
            for second in codes[one:]:
                base = boost * np.sqrt(quality[first] * quality[second])
                if languages[first].family == languages[second].family:
                    base = min(1.0, base * 1.15)
                curve = np.clip(base * hump + rng.normal(0, 0.015, count), 0, 1)
                if first == second:
                    curve = np.ones(count)
                mu = np.round(curve * N) / N
                for measure, forth, back in (
                    ("mu", mu, mu),
                    (
                        "top1",
                        np.minimum(1, mu + 0.05),
                        np.minimum(1, mu + 0.1 * (1 - boost) + 0.02),
                    ),
                ):
                    orders = ((first, second, forth), (second, first, back))
                    for source, target, values in orders[: 1 if first == second else 2]:
                        key = (model, "flores_200", "default", name, measure)
                        if PIVOT in (source, target):
                            rows.extend(
                                (*key, "layer", layer, source, target, value, N)
                                for layer, value in enumerate(values)
                            )
                        rows.append((*key, "mean", None, source, target, values.mean(), N))
                        rows.append((*key, "max", None, source, target, values.max(), N))
    columns = ["model", "corpus", "extraction", "representation", "measure", "reduction", "layer",
               "source", "target", "value", "n"]  # fmt: skip
    frame = pd.DataFrame(rows, columns=columns).astype({"layer": "Int64"})
    half = 0.02 * (frame["reduction"] != "layer")
    return frame.assign(
        low=frame["value"] - half, high=frame["value"] + half, chance=1 / (2 * frame["n"] - 1)
    )


def make_pairs(scores: pd.DataFrame) -> pd.DataFrame:
    """Return scores of all pairs with a column per measure, as ``pairs.parquet`` has them."""
    keys = ["model", "corpus", "extraction", "representation", "reduction", "source", "target", "n"]
    rows = scores.loc[scores["reduction"] != "layer"]
    wide = rows.pivot_table(index=keys, columns="measure", values="value", dropna=False)
    return wide.dropna(how="all").reset_index().rename_axis(columns=None)


def make_downstream(
    languages: dict[str, Language], *, model: str = "gemma_270m", seed: int = 1
) -> pd.DataFrame:
    """Return two tasks whose scores fall with the rank of the language."""
    rng = np.random.default_rng(seed)
    rows = []
    for task, metric, chance in (("continent", "accuracy", 0.2), ("continent", "rankc", 0.158)):
        for rank, code in enumerate(languages):
            value = float(np.clip(0.75 - 0.5 * rank / len(languages) + rng.normal(0, 0.06), 0, 1))
            if metric == "rankc" and code == PIVOT:
                value = 1.0
            rows.append(
                (model, task, code, metric, value, value - 0.05, value + 0.05, 180, chance, "probe")
            )
    columns = [
        "model",
        "task",
        "language",
        "metric",
        "value",
        "low",
        "high",
        "n",
        "chance",
        "source",
    ]
    return pd.DataFrame(rows, columns=columns)
