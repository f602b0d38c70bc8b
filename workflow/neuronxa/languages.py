"""Languages, one row each in ``config/languages.tsv``, and the codes that others write for them."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import langcodes
from langcodes.tag_parser import LanguageTagError
from pydantic import AfterValidator, Field, create_model

from neuronxa.errors import ConfigError, LanguageError
from neuronxa.sheets import Row, read_sheet

CodeScheme = Literal["flores", "iso639_3", "bcp47"]
ResourceClass = Literal["head", "long-tail"]

CODE = re.compile(r"[a-z]{3}_[A-Z][a-z]{3}(_[A-Z0-9]+)?")

#: ISO 639-3 codes, left, that stand for a code of the sheet, right, where CLDR's own aliases do not
#: say so: macrolanguages that CLDR keeps apart from their usual member.
ALIASES = {
    "ful": "fuv",
    "nor": "nob",
    "pus": "pbt",
    "que": "quy",
    "zlm": "zsm",
}


@dataclass(frozen=True)
class Language:
    """One row of the language sheet.

    Attributes
    ----------
    code
        ISO 639-3, script and, where two variants would collide, a region: ``swh_Latn``.
    iso639_3, script, bcp47
        Its parts, and the shortest tag that CLDR uses for it.
    name, family
        English name; top-level family or ``unknown``.
    resource_class
        ``head`` or ``long-tail``.
    """

    code: str
    iso639_3: str
    script: str
    bcp47: str
    name: str
    family: str
    resource_class: ResourceClass

    @property
    def region(self) -> str:
        """Region of the code; empty for most languages."""
        return self.code.removeprefix(f"{self.iso639_3}_{self.script}").removeprefix("_")


class Languages(Mapping[str, Language]):
    """The languages that the workflow knows, by code, in the order of the sheet.

    Parameters
    ----------
    rows
        The languages; codes and BCP 47 tags must differ.
    source
        Where the rows come from; named in messages.
    """

    def __init__(self, rows: Iterable[Language], source: str = "the language sheet") -> None:
        self.source = source
        self._rows: dict[str, Language] = {}
        self._tags: dict[str, Language] = {}
        for row in rows:
            if row.code in self._rows:
                raise ConfigError(f"language '{row.code}' appears twice", where=source)
            tag = row.bcp47.casefold()
            if tag in self._tags:
                raise ConfigError(
                    f"'{row.code}' and '{self._tags[tag].code}' share the bcp47 tag '{row.bcp47}'",
                    where=source,
                    remedy="give each row a tag of its own, with its script or region",
                )
            self._rows[row.code] = row
            self._tags[tag] = row

    @classmethod
    def read(cls, path: Path | str) -> Languages:
        """Read the language sheet.

        Raises
        ------
        ConfigError
            Missing file, unknown or missing column, wrong value, or a code or tag used twice.
        """
        sheet = read_sheet(Path(path), LanguageRow, key="language")
        return cls((_language(row, code, Path(path)) for code, row in sheet.items()), str(path))

    def __getitem__(self, code: str) -> Language:
        return self._rows[code]

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)

    def resolve(self, code: str, scheme: CodeScheme = "flores") -> Language:
        """Find the one row that a code stands for.

        Parameters
        ----------
        code
            As written elsewhere: in a file name, a locale, a user's table.
        scheme
            ``flores`` (``zho_Hans``; ``cmn_Hans`` is understood), ``iso639_3`` (``zho``, ``cmn``,
            and macrolanguages such as ``ara``) or ``bcp47`` (``zh``, ``zh-CN``, ``pt-PT``).

        Notes
        -----
        Where several rows share an ISO code, the code alone means the row whose BCP 47 tag names
        neither script nor region. A region that is the usual one of its language is dropped
        (``pt-BR`` is ``por_Latn``); any other must have a row of its own, so that two variants
        never fall together unseen.

        Raises
        ------
        LanguageError
            No row, or more than one, fits; the message lists near matches.
        """
        if scheme == "flores":
            found = self._by_flores(code)
        elif scheme == "iso639_3":
            found = self._by_iso(code)
        elif scheme == "bcp47":
            found = self._by_tag(code)
        else:
            raise LanguageError(
                f"unknown code scheme '{scheme}'", allowed=("flores", "iso639_3", "bcp47")
            )
        if found is None:
            raise self._unknown(code, scheme)
        return found

    def recognise(self, code: str) -> str:
        """The project's code for a code in any scheme, tried in the order of `CodeScheme`.

        Raises
        ------
        LanguageError
            No scheme knows the code.
        """
        for scheme in get_args(CodeScheme):
            try:
                return self.resolve(code, scheme).code
            except LanguageError:
                continue
        return self.resolve(code, "bcp47").code

    @staticmethod
    def in_scheme(language: Language, scheme: CodeScheme) -> str:
        """Write a language's code in a scheme: the way back from `resolve`."""
        return {
            "flores": language.code,
            "iso639_3": language.iso639_3,
            "bcp47": language.bcp47,
        }[scheme]

    def _by_flores(self, code: str) -> Language | None:
        if code in self._rows:
            return self._rows[code]
        if not CODE.fullmatch(code):
            return None
        iso, rest = code.split("_", 1)
        relative = self._by_iso(iso)
        return self._rows.get(f"{relative.iso639_3}_{rest}") if relative else None

    def _by_iso(self, code: str) -> Language | None:
        rows = [row for row in self._rows.values() if row.iso639_3 == code]
        if not rows and code in ALIASES:
            rows = [row for row in self._rows.values() if row.iso639_3 == ALIASES[code]]
        if not rows:
            return self._by_tag(code) if re.fullmatch(r"[a-z]{3}", code) else None
        return self._default(rows, code)

    def _by_tag(self, code: str) -> Language | None:
        written = code.replace("_", "-")
        if written.casefold() in self._tags:
            return self._tags[written.casefold()]
        try:
            for tag in (langcodes.standardize_tag(written, macro=m) for m in (False, True)):
                if tag.casefold() in self._tags:
                    return self._tags[tag.casefold()]
            wanted = langcodes.get(langcodes.standardize_tag(written, macro=True))
        except LanguageTagError:
            return None
        if wanted.language == "no":  # CLDR's tag of Norwegian as a whole, which is Bokmål
            wanted = wanted.update_dict({"language": "nb"})
        member = _usual_member(wanted)
        rows = [
            row
            for row in self._rows.values()
            if _tag_language(row) == wanted.language or row.iso639_3 == member
        ]
        if wanted.script or wanted.territory:
            full = wanted.maximize()
            script = "Hang" if full.script == "Kore" else full.script
            rows = [row for row in rows if row.script == script]
            usual = full.update_dict({"territory": None}).maximize().territory
            region = wanted.territory if wanted.territory != usual else None
            rows = [row for row in rows if row.region == (region or "")]
        return self._default(rows, code) if rows else None

    def _default(self, rows: list[Language], code: str) -> Language:
        """Return the only row, or the one whose tag names neither script nor region."""
        plain = [row for row in rows if "-" not in row.bcp47]
        if len(rows) == 1:
            return rows[0]
        if len(plain) == 1:
            return plain[0]
        raise LanguageError(
            f"language code '{code}' fits more than one row",
            where=self.source,
            allowed=[row.code for row in rows],
            remedy="write one of these codes with its script",
        )

    def _unknown(self, code: str, scheme: CodeScheme) -> LanguageError:
        start = re.split("[-_]", code)[0].casefold()
        near = [r for r in self._rows.values() if start in (r.iso639_3, r.bcp47.split("-")[0])]
        known = {self.in_scheme(row, scheme): row for row in self._rows.values()}
        known |= {row.name: row for row in self._rows.values()}
        for text in difflib.get_close_matches(code, list(known), n=5):
            if known[text] not in near:
                near.append(known[text])
        tags = [(self.in_scheme(row, scheme), row.code) for row in near[:5]]
        shown = [tag if tag == row else f"{tag} ({row})" for tag, row in tags]
        hint = f"did you mean {', '.join(shown)}? " if shown else ""
        return LanguageError(
            f"unknown language code '{code}'",
            where=self.source,
            remedy=f"{hint}Any other language needs a row of its own in the sheet",
        )


def _checked_code(value: str) -> str:
    if not CODE.fullmatch(value):
        raise ValueError("must be ISO 639-3, script and at most a region, as in swh_Latn")
    return value


def _checked_tag(value: str) -> str:
    try:
        langcodes.standardize_tag(value)
    except LanguageTagError:
        raise ValueError("is not a BCP 47 tag, as in sw or zh-Hant") from None
    return value


# `class` is a word of Python, so the row cannot be written as a class statement.
_COLUMNS: dict[str, Any] = {
    "language": (
        Annotated[str, AfterValidator(_checked_code)],
        Field(
            description="ISO 639-3 code, underscore, ISO 15924 script, as in FLORES-200 "
            "(`swh_Latn`); with a region where two variants would collide (`spa_Latn_419`)"
        ),
    ),
    "iso639_3": (str, Field(description="ISO 639-3 code: `swh`")),
    "script": (str, Field(description="ISO 15924 code of the script: `Latn`")),
    "bcp47": (
        Annotated[str, AfterValidator(_checked_tag)],
        Field(description="shortest BCP 47 tag, as CLDR uses it: `sw`, `zh-Hant`"),
    ),
    "name": (str, Field(min_length=1, description="English name")),
    "family": (str, Field("unknown", description="top-level family (Glottolog)")),
    "class": (
        ResourceClass,
        Field(
            description="`head`: among the languages that XLM-R was trained on, else `long-tail`; "
            "that the paper splits so is a guess"
        ),
    ),
}

#: A row of the sheet; `Language` is what becomes of it.
LanguageRow = create_model("LanguageRow", __base__=Row, **_COLUMNS)


def _language(row: Row, code: str, path: Path) -> Language:
    cells = row.model_dump()
    stem = f"{cells['iso639_3']}_{cells['script']}"
    if code.split("_")[:2] != stem.split("_"):
        raise ConfigError(
            f"language '{code}' does not agree with iso639_3 and script, which give '{stem}'",
            where=str(path),
            remedy="correct the code or the columns iso639_3 and script",
        )
    return Language(
        code=code,
        iso639_3=cells["iso639_3"],
        script=cells["script"],
        bcp47=cells["bcp47"],
        name=cells["name"],
        family=cells["family"],
        resource_class=cells["class"],
    )


def _usual_member(tag: langcodes.Language) -> str | None:
    """ISO 639-3 code of a macrolanguage's usual member, where CLDR does not say so: qu is quy."""
    try:
        return ALIASES.get(tag.to_alpha3())
    except LookupError:
        return None


def _tag_language(row: Language) -> str | None:
    language: str | None = langcodes.get(row.bcp47, normalize=False).language
    return language
