"""The library without Snakemake: what the document shows is run, and the numbers are plain."""

import re

import matplotlib as mpl
import numpy as np
import pytest
from scipy.spatial.distance import cdist

from neuronxa.activations.extraction import Extractor
from neuronxa.errors import ConfigError, CorpusError, ModelError, StatisticsError
from neuronxa.library import align, measure

from .tiny import save_tiny

ENGLISH = [
    f"The {noun} is {place}." for noun in ("cat", "dog") for place in ("here", "away", "old")
]
GERMAN = [
    f"Die {noun} ist {place}." for noun in ("Katze", "Maus") for place in ("da", "fort", "alt")
]
SWAHILI = [
    f"{noun} ni {place}." for noun in ("Paka", "Mbwa") for place in ("hapa", "mbali", "mzee")
]


@pytest.fixture
def model(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    mpl.use("agg")
    save_tiny("llama", tmp_path / "tiny")
    return tmp_path / "tiny"


def plain_mu(x, y):
    similar = 1 - cdist(np.asarray(x, float), np.asarray(y, float), "cosine")
    own = np.diag(similar)
    rivals = similar - np.diag(np.full(len(own), np.inf))
    return np.mean((own > rivals.max(1)) & (own > rivals.max(0)))


def test_every_block_of_the_document_runs(model, repository, tmp_path):
    text = (repository / "docs/library.md").read_text("utf-8")
    names = {"MODEL": model, "ENGLISH": ENGLISH, "GERMAN": GERMAN, "SWAHILI": SWAHILI}
    blocks = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    assert len(blocks) == 4
    for block in blocks:
        exec(block, names)
    assert (tmp_path / "layers.pdf").stat().st_size > 1000
    scores = names["aligned"].scores
    assert set(scores.language) == {"de", "sw"}
    assert set(scores.method) == {"NASCA", "NAVCA", "MEXA", "MEXA-last"}
    # the score is the mean over layers of mu, by SciPy from the stored states
    states = names["aligned"].states
    for language in ("de", "sw"):
        layers = [
            plain_mu(*(states[code].layer("nas_gate", n).values for code in ("en", language)))
            for n in range(states["en"].layers("nas_gate"))
        ]
        of = (scores.method == "NASCA") & (scores.reduction == "mean")
        found = scores[of & (scores.language == language)].value.item()
        assert found == pytest.approx(np.mean(layers))
    assert names["mu"] == plain_mu(names["english"], names["german"])


def test_what_is_there_is_not_extracted_again(model, tmp_path, monkeypatch):
    first = align(model, {"en": ENGLISH, "de": GERMAN}, folder=tmp_path / "own")
    asked = []
    run = Extractor.run

    def watched(self, stores, tokens, **options):
        asked.extend(store.folder.name for store in stores if not store.complete)
        run(self, stores, tokens, **options)

    monkeypatch.setattr(Extractor, "run", watched)
    align(model, {"en": ENGLISH, "de": GERMAN}, folder=tmp_path / "own")
    assert asked == []
    more = align(model, {"en": ENGLISH, "de": GERMAN, "sw": SWAHILI}, folder=tmp_path / "own")
    assert asked == ["sw"]
    kept = more.scores[more.scores.language == "de"].reset_index(drop=True)
    assert kept.equals(first.scores.reset_index(drop=True))


def test_what_cannot_be_extracted_is_refused_before_the_model_is_loaded(
    model, tmp_path, monkeypatch
):
    long = [" ".join(sentence for _ in range(900)) for sentence in ENGLISH]
    monkeypatch.setattr("neuronxa.activations.extraction.load_for_capture", None)
    with pytest.raises(
        CorpusError, match=r"2 of 3 languages cannot be extracted: de, line 1(.|\n)*sw"
    ):
        align(model, {"en": ENGLISH, "de": long, "sw": long}, folder=tmp_path / "own")
    monkeypatch.setattr("neuronxa.activations.memory.free_memory", lambda *_: 10)
    with pytest.raises(ModelError, match="GB are free"):
        align(model, {"en": ENGLISH, "de": GERMAN}, folder=tmp_path / "own")


def test_impossible_settings_are_refused_in_words(model, tmp_path):
    with pytest.raises(ConfigError, match=r"'token_budget' = 32(.|\n)*greater than or equal to 64"):
        align(model, {"en": ENGLISH, "de": GERMAN}, folder=tmp_path / "own", token_budget=32)
    with pytest.raises(ConfigError, match=r"'device' = 'gpu'"):
        align(model, {"en": ENGLISH, "de": GERMAN}, folder=tmp_path / "own", device="gpu")


def test_another_model_of_the_same_name_is_not_taken_for_the_first(model, tmp_path):
    align(model, {"en": ENGLISH, "de": GERMAN}, folder=tmp_path / "own")
    save_tiny("gemma3_text", tmp_path / "other" / "tiny")
    with pytest.raises(ModelError, match=r"this is '.*/tiny', not '.*/other/tiny'"):
        align(tmp_path / "other/tiny", {"en": ENGLISH, "de": GERMAN}, folder=tmp_path / "own")


@pytest.mark.parametrize("name", ["mu", "top1", "cka", "mrr"])
def test_a_measure_of_two_arrays(name):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(30, 8))
    assert measure(x, x, name) == pytest.approx((1.0, 1.0))
    y = x + rng.normal(size=x.shape)
    forward, backward = measure(x, y, name)
    assert measure(y, x, name) == pytest.approx((backward, forward))
    assert 0 < forward < 1
    if name == "mu":
        assert forward == plain_mu(x, y)


@pytest.mark.parametrize(
    ("sentences", "told"),
    [
        ({}, "there are no languages"),
        ({"en": ["a"]}, "at least two languages"),
        ({"en": ["a", "b"], "de": ["a"]}, r"\{'en': 2, 'de': 1\} sentences"),
        ({"en": ["a"], "../de": ["a"]}, "cannot be the name of a folder"),
    ],
)
def test_sentences_that_are_not_parallel_are_refused(sentences, told, tmp_path):
    with pytest.raises(CorpusError, match=told):
        align("nowhere", sentences, folder=tmp_path)
    assert not list(tmp_path.iterdir())


def test_arrays_that_do_not_match_are_refused():
    with pytest.raises(StatisticsError, match=r"shapes \(3, 2\) and \(4, 2\)"):
        measure(np.ones((3, 2)), np.ones((4, 2)))
    with pytest.raises(StatisticsError, match=r"no measure 'jaccard'(.|\n)*Allowed: mu"):
        measure(np.ones((3, 2)), np.ones((3, 2)), "jaccard")
    with pytest.raises(CorpusError, match="the pivot 'fr' has no sentences"):
        align("nowhere", {"en": ["a"], "de": ["b"]}, folder="x", pivot="fr")
