"""A dataset on the Hugging Face hub with one configuration, or one column, per language."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterator
from pathlib import Path
from typing import Any

from neuronxa.config.rows import CorpusRow
from neuronxa.errors import CorpusError
from neuronxa.languages import Languages

PLACE = "{language}"
BY_POSITION = "row"  # marks keys of a dataset that has no `id` of its own
FLORES_PLUS = "openlanguagedata/flores_plus"
#: FLORES+ gave these languages of FLORES-200 other codes.
FLORES_PLUS_CODES = {
    "aka_Latn": "twi_Latn_asan1239",
    "ajp_Arab": "apc_Arab_sout3123",
    "apc_Arab": "apc_Arab_nort3139",
    "est_Latn": "ekk_Latn",
    "grn_Latn": "gug_Latn",
    "kon_Latn": "ktu_Latn",
    "tgl_Latn": "fil_Latn",
    "twi_Latn": "twi_Latn_akua1239",
    "tzm_Tfng": "zgh_Tfng",
    "zho_Hans": "cmn_Hans",
    "zho_Hant": "cmn_Hant",
}


class HubReader:
    """Reader of FLORES+ and datasets that are laid out like it, through ``datasets``.

    Parameters
    ----------
    row
        ``location`` is the dataset (by default FLORES+), ``pattern`` the configuration, ``split``
        and ``column`` where the sentences are; one of pattern and column holds ``{language}``.
    languages
        The language sheet.
    pivot
        Its rows are the corpus. A dataset with a column ``id`` is joined by it, so that a sentence
        that a language lacks becomes an empty line; any other must have equally many rows.

    Notes
    -----
    What is already in the local cache is read without the network. A token is taken from the
    place where ``hf auth login`` puts it, or from the environment; it is not handled here.
    """

    def __init__(self, row: CorpusRow, languages: Languages, pivot: str) -> None:
        self._row = row
        self._languages = languages
        self._pivot = pivot
        self._dataset = row.location or FLORES_PLUS
        # The sheet's default pattern names text files, which a hub dataset does not have.
        self._pattern = PLACE if row.pattern in ("", f"{PLACE}.txt") else row.pattern
        self._tables: dict[str, dict[Hashable, str]] = {}

    @property
    def source(self) -> str:
        """Where the text comes from, without local paths."""
        revision = f"@{self._row.revision}" if self._row.revision else ""
        return f"{self._dataset}{revision}, split {self._row.split}"

    def available(self) -> None:
        """Return None: configurations cannot be listed offline."""

    def size(self) -> None:
        """Return None: the rows cannot be counted offline."""

    def files(self, language: str) -> list[Path]:
        """Return nothing: the text is on the hub."""
        return []

    def read(self, language: str) -> list[str]:
        """Return all lines of a language; raises CorpusError where they cannot be had."""
        pivot = self._table(self._pivot)
        own = self._table(language)
        by_position = (BY_POSITION, 0) in own
        if own.keys() - pivot.keys() or (by_position and len(own) != len(pivot)):
            raise CorpusError(
                f"the corpus is not parallel: '{language}' has {len(own)} rows, "
                f"'{self._pivot}' has {len(pivot)}",
                where=self.source,
                remedy="name another revision or split, or leave the language out",
            )
        return [own.get(key, "") for key in pivot]

    def read_pivot(self, language: str) -> list[str]:
        """Return the pivot's lines that belong to the language's."""
        return self.read(self._pivot)

    def _code(self, language: str) -> str:
        if self._dataset == FLORES_PLUS and language in FLORES_PLUS_CODES:
            return FLORES_PLUS_CODES[language]
        return Languages.in_scheme(self._languages[language], self._row.codes)

    def _table(self, language: str) -> dict[Hashable, str]:
        """Sentences by ``id``, or by position where there is no such column."""
        if language not in self._tables:
            code = self._code(language)
            data = self._load(self._pattern.replace(PLACE, code))
            column = self._row.column.replace(PLACE, code)
            if column not in data.column_names:
                raise CorpusError(
                    f"there is no column '{column}'",
                    where=self.source,
                    allowed=data.column_names,
                    remedy="correct 'column' in the corpora sheet",
                )
            texts = ["" if text is None else str(text) for text in data[column]]
            keys: list[Hashable] = list(data["id"]) if "id" in data.column_names else []
            if len(set(keys)) != len(texts):
                keys = [(BY_POSITION, position) for position in range(len(texts))]
            self._tables[language] = dict(zip(keys, texts, strict=True))
        return self._tables[language]

    def _load(self, configuration: str) -> Any:
        if PLACE not in self._pattern + self._row.column:
            raise CorpusError(
                f"neither 'pattern' nor 'column' of corpus '{self._row.corpus}' holds {PLACE}",
                where=self.source,
                remedy=f"write {PLACE} where the code of the language stands",
            )
        try:
            import datasets
        except ImportError:
            raise CorpusError(
                "the package 'datasets' is not installed",
                where=self.source,
                remedy="install it, or use a local folder (reader 'folder')",
            ) from None
        try:
            return datasets.load_dataset(
                self._dataset,
                configuration,
                split=self._row.split,
                revision=self._row.revision or None,
            )
        except Exception as error:
            raise explain(error, self._dataset, configuration) from error


def explain(  # noqa: PLR0911 - one return per cause
    error: Exception, dataset: str, configuration: str
) -> CorpusError:
    """Turn what ``datasets`` or ``huggingface_hub`` raised into one message with a way out.

    Both wrap each other's errors, and not always with the cause kept, so the class of every error
    in the chain counts, and then the wording.
    """
    page = f"https://huggingface.co/datasets/{dataset}"
    chain = list(_chain(error))
    names = {cls.__name__ for one in chain for cls in type(one).__mro__}
    statuses = {getattr(getattr(one, "response", None), "status_code", None) for one in chain}
    text = " ".join(str(one) for one in chain)

    def fault(what: str, remedy: str, allowed: tuple[str, ...] = ()) -> CorpusError:
        return CorpusError(
            what, where=f"{dataset} ({configuration})", allowed=allowed, remedy=remedy
        )

    if "GatedRepoError" in names or "gated dataset" in text:
        if 401 in statuses or "must be authenticated" in text:
            return fault(
                "the dataset is gated and there is no token (401)",
                f"accept the terms on {page}, then run `hf auth login` or set HF_TOKEN",
            )
        return fault(
            "the dataset is gated and your account has not accepted its terms (403)",
            f"open {page} with the account of your token and accept the terms",
        )
    if "RevisionNotFoundError" in names or re.search(r"Revision '.*' doesn't exist", text):
        return fault("there is no such revision (404)", f"see {page}/tree/main for revisions")
    if "BuilderConfig" in text and "not found" in text:
        listed = re.findall(r"'([^']+)'", text.partition("Available:")[2])
        return fault(
            f"the dataset has no configuration '{configuration}'",
            "leave the language out, or correct 'pattern' or 'codes' in the corpora sheet",
            tuple(listed),
        )
    if "Unknown split" in text:
        listed = re.findall(r"'([^']+)'", text.partition("one of")[2])
        return fault(
            "the dataset has no such split", "correct 'split' in the corpora sheet", tuple(listed)
        )
    if 401 in statuses:
        return fault(
            "the hub refuses the request (401)",
            f"run `hf auth login` with a valid token, and check that {page} exists",
        )
    if 403 in statuses:
        return fault("your token may not read the dataset (403)", f"ask for access on {page}")
    if names & {"RepositoryNotFoundError", "DatasetNotFoundError"} or 404 in statuses:
        return fault(
            "there is no such dataset, or your token may not see it (404)",
            f"check 'location' in the corpora sheet, and that {page} opens for you",
        )
    offline = {"OfflineModeIsEnabled", "ConnectionError", "ConnectError", "TimeoutException"}
    if names & (offline | {"LocalEntryNotFoundError"}):
        return fault(
            "the hub cannot be reached and the dataset is not in the local cache",
            "load it once where there is network (HF_HUB_OFFLINE unset), or save it as text files "
            "and use the reader 'folder'",
        )
    known = sorted(status for status in statuses if isinstance(status, int))
    status = f" (HTTP {known[0]})" if known else ""
    return fault(
        f"the dataset cannot be loaded{status}: {type(error).__name__}: {error}",
        "try again later; if it stays, save the text as files and use the reader 'folder'",
    )


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__
