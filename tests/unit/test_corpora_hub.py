"""Datasets on the hub, with a loader that stands in for the network."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import datasets
import huggingface_hub.errors as hub_errors
import pytest
from datasets.exceptions import DatasetNotFoundError

from neuronxa.config.rows import CorpusRow
from neuronxa.corpora import Reader, open_reader
from neuronxa.errors import CorpusError
from neuronxa.languages import Languages

LANGUAGES = Languages.read(Path(__file__).parents[2] / "config" / "languages.tsv")
PAGE = "https://huggingface.co/datasets/openlanguagedata/flores_plus"


class Table:
    """The part of a dataset that the reader uses."""

    def __init__(self, **columns: list[Any]) -> None:
        self._columns = columns
        self.column_names = list(columns)

    def __getitem__(self, name: str) -> list[Any]:
        return self._columns[name]


def corpus(**settings: object) -> Reader:
    given = {"corpus": "hub", "label": "Hub", "reader": "hub"} | settings
    return open_reader(CorpusRow.model_validate(given), LANGUAGES, "eng_Latn")


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[tuple[Any, ...]]]:
    """Make `load_dataset` give tables by configuration, or raise; returns the list of calls."""

    def start(**answers: Any) -> list[tuple[Any, ...]]:
        calls: list[tuple[Any, ...]] = []

        def load(path: str, name: str, *, split: str, revision: str | None) -> Table:
            calls.append((path, name, split, revision))
            answer = answers.get(name, answers.get("other"))
            if isinstance(answer, Exception):
                raise answer
            assert isinstance(answer, Table)
            return answer

        monkeypatch.setattr(datasets, "load_dataset", load)
        return calls

    return start


def test_nothing_is_known_offline() -> None:
    assert corpus().available() is None
    assert corpus().size() is None


def test_flores_plus_by_default(serve: Callable[..., list[tuple[Any, ...]]]) -> None:
    calls = serve(
        eng_Latn=Table(id=[1, 2, 3], text=["one", "two", "three"]),
        swh_Latn=Table(id=[3, 1], text=["tatu", "moja"]),
        cmn_Hans=Table(id=[1, 2, 3], text=["一", None, "三"]),
    )
    flores = corpus(revision="abc")
    assert flores.read("swh_Latn") == ["moja", "", "tatu"]
    assert flores.read("zho_Hans") == ["一", "", "三"]
    assert flores.read_pivot("swh_Latn") == ["one", "two", "three"]
    assert flores.source == "openlanguagedata/flores_plus@abc, split devtest"
    assert calls == [
        ("openlanguagedata/flores_plus", code, "devtest", "abc")
        for code in ("eng_Latn", "swh_Latn", "cmn_Hans")
    ]


def test_another_layout(serve: Callable[..., list[tuple[Any, ...]]]) -> None:
    calls = serve(all=Table(sentence_en=["one", "two"], sentence_sw=["moja", "mbili"]))
    other = corpus(
        location="me/mine", pattern="all", column="sentence_{language}", codes="bcp47", split="test"
    )
    assert other.read("swh_Latn") == ["moja", "mbili"]
    assert calls[0] == ("me/mine", "all", "test", None)


def test_tables_that_do_not_fit(serve: Callable[..., list[tuple[Any, ...]]]) -> None:
    serve(eng_Latn=Table(text=["one", "two"]), swh_Latn=Table(text=["moja"]))
    with pytest.raises(CorpusError, match="'swh_Latn' has 1 rows, 'eng_Latn' has 2"):
        corpus().read("swh_Latn")
    serve(eng_Latn=Table(id=[1], text=["one"]), swh_Latn=Table(id=[2], text=["mbili"]))
    with pytest.raises(CorpusError, match="not parallel"):
        corpus().read("swh_Latn")
    with pytest.raises(CorpusError, match=r"no column 'sentence'[\s\S]*Allowed: id, text"):
        corpus(column="sentence").read("swh_Latn")
    with pytest.raises(CorpusError, match=r"neither 'pattern' nor 'column'"):
        corpus(pattern="all").read("swh_Latn")


def http(kind: type[hub_errors.HfHubHTTPError], status: int) -> hub_errors.HfHubHTTPError:
    response = SimpleNamespace(status_code=status, headers={}, request=None)
    return kind(f"{status} Client Error", response=response)  # type: ignore[arg-type]


def wrapped(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "what", "remedy"),
    [
        (http(hub_errors.GatedRepoError, 401), r"no token \(401\)", "hf auth login"),
        (http(hub_errors.GatedRepoError, 403), r"not accepted its terms \(403\)", f"open {PAGE}"),
        (
            DatasetNotFoundError(
                "Dataset 'x' is a gated dataset on the Hub. You must be authenticated to access it."
            ),
            r"no token \(401\)",
            "hf auth login",
        ),
        (
            DatasetNotFoundError(
                "Dataset 'x' is a gated dataset on the Hub. Visit the page to ask for access."
            ),
            r"not accepted its terms \(403\)",
            f"open {PAGE}",
        ),
        (
            wrapped(
                DatasetNotFoundError("Dataset 'x' doesn't exist on the Hub or cannot be accessed."),
                http(hub_errors.RepositoryNotFoundError, 401),
            ),
            r"refuses the request \(401\)",
            "hf auth login",
        ),
        (http(hub_errors.RepositoryNotFoundError, 404), r"no such dataset.*\(404\)", "'location'"),
        (
            DatasetNotFoundError("Dataset 'x' doesn't exist on the Hub or cannot be accessed."),
            r"no such dataset.*\(404\)",
            "'location'",
        ),
        (http(hub_errors.HfHubHTTPError, 403), r"may not read the dataset \(403\)", PAGE),
        (http(hub_errors.HfHubHTTPError, 503), r"HTTP 503", "try again later"),
        (
            DatasetNotFoundError("Revision 'abc' doesn't exist for dataset 'x' on the Hub."),
            "no such revision",
            "/tree/main",
        ),
        (hub_errors.OfflineModeIsEnabled("offline"), "cannot be reached", "HF_HUB_OFFLINE"),
        (ConnectionError("Couldn't reach 'x' on the Hub"), "cannot be reached", "reader 'folder'"),
        (
            ValueError("BuilderConfig 'swh_Latn' not found. Available: ['swc_Latn', 'eng_Latn']"),
            r"no configuration 'eng_Latn'\n  Allowed: swc_Latn, eng_Latn",
            "'pattern'",
        ),
        (
            ValueError("Unknown split \"devtest\". Should be one of ['dev']."),
            r"no such split\n  Allowed: dev",
            "'split'",
        ),
        (RuntimeError("surprise"), "RuntimeError: surprise", "reader 'folder'"),
    ],
)
def test_errors_come_with_advice(
    serve: Callable[..., list[tuple[Any, ...]]], error: Exception, what: str, remedy: str
) -> None:
    serve(other=error)
    with pytest.raises(CorpusError, match=what) as caught:
        corpus().read("swh_Latn")
    assert remedy in caught.value.remedy
    assert "openlanguagedata/flores_plus (eng_Latn)" in caught.value.where


def test_real_library_offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(CorpusError, match="cannot be reached and the dataset is not in the local"):
        corpus().read("swh_Latn")
