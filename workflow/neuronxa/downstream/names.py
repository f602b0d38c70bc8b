"""Names of places, languages and currencies that a locale gives itself, from CLDR.

Missing names are inherited in CLDR, in the end as English spellings or codes. A borrowed spelling
would let a model answer in English, so only names that stand in the locale's own files count.
`babel.localedata.load` cannot tell them apart: it caches by name alone, so whether the parents are
merged depends on who asked first. The files are therefore read here.
"""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from babel import core, localedata

# In CLDR `nb` is an empty file whose names stand in `no`; other parents of another language lend
# names that the language does not have itself (`ht` from `fr`, `nn` from `no`).
SAME_LANGUAGE = {("nb", "no")}


@dataclass(frozen=True)
class Names:
    """Names by identifier, from one locale's own files.

    Attributes
    ----------
    locale
        Most specific CLDR locale that was found, such as ``zh_Hant``.
    territories
        By ISO 3166 code or UN M.49 number.
    languages
        By CLDR language code.
    currencies
        By ISO 4217 code.
    cities
        By time zone identifier, such as ``Europe/Athens``.
    """

    locale: str
    territories: Mapping[str, str]
    languages: Mapping[str, str]
    currencies: Mapping[str, str]
    cities: Mapping[str, str]


@lru_cache(maxsize=512)
def own_names(bcp47: str) -> Names | None:
    """Names that the locale of a language gives itself.

    Parameters
    ----------
    bcp47
        Language tag, such as ``sw``, ``zh-Hant`` or ``es-419``; ISO 639-3 codes that CLDR lists as
        aliases (``swh``, ``arb``) are understood.

    Returns
    -------
    Names or None
        None where CLDR, as `babel` ships it, has no locale for the language in that script.
    """
    chain = _locale_chain(bcp47)
    if not chain:
        return None
    territories: dict[str, str] = {}
    languages: dict[str, str] = {}
    currencies: dict[str, str] = {}
    cities: dict[str, str] = {}
    for name in reversed(chain):
        data = _read(name)
        territories.update(_texts(data.get("territories", {})))
        languages.update(_texts(data.get("languages", {})))
        currencies.update(_texts(data.get("currency_names", {})))
        zones = data.get("time_zones", {})
        cities.update(_texts({zone: entry.get("city") for zone, entry in zones.items()}))
    if chain[-1] == "en":
        # English city names are the zone identifiers themselves wherever en.xml is silent.
        for zone in core.get_global("zone_territories"):
            cities.setdefault(zone, zone.rpartition("/")[2].replace("_", " "))
    return Names(chain[0], territories, languages, currencies, cities)


def _locale_chain(bcp47: str) -> list[str]:
    """Locale files of one language in one script, the most specific first."""
    language, script, region = _subtags(bcp47)
    options = [
        [language, script, region],
        [language, region] if script == _likely_script(language, region) else [],
        [language, script],
        [language] if script == _likely_script(language) else [],
    ]
    names = ["_".join(filter(None, option)) for option in options if option]
    start = next((name for name in names if localedata.exists(name)), None)
    chain: list[str] = []
    while start is not None and start != "root":
        chain.append(start)
        start = _parent(start)
    return chain


def _subtags(bcp47: str) -> tuple[str, str, str]:
    """Language, script and region; the script is the likely one where none is given."""
    first, *rest = bcp47.replace("-", "_").split("_")
    language = first.lower()
    language, *extra = core.get_global("language_aliases").get(language, language).split("_")
    script = region = ""
    for part in [*extra, *rest]:
        if len(part) == 4 and part.isalpha():
            script = part.title()
        elif len(part) in (2, 3):
            region = part.upper()
    return language, script or _likely_script(language, region), region


def _likely_script(language: str, region: str = "") -> str:
    likely = core.get_global("likely_subtags")
    full = likely.get(f"{language}_{region}") or likely.get(language) or ""
    return next((part for part in full.split("_") if len(part) == 4), "")


def _parent(name: str) -> str | None:
    """Parent of a locale, unless it is another language or another script."""
    given = core.get_global("parent_exceptions").get(name)
    parent: str = given or name.rpartition("_")[0]
    if not parent or not localedata.exists(parent):
        return None
    ours, theirs = _subtags(name), _subtags(parent)
    if ours[0] != theirs[0] and (name, parent) not in SAME_LANGUAGE:
        return None
    return parent if ours[1] == theirs[1] else None


def _read(name: str) -> dict[str, Any]:
    path = Path(localedata.resolve_locale_filename(name))
    with path.open("rb") as file:
        data: dict[str, Any] = pickle.load(file)
    return data


def _texts(entries: Mapping[str, object]) -> dict[str, str]:
    """Entries that are names: text, and not the code itself."""
    return {
        key: value.strip()
        for key, value in entries.items()
        if isinstance(value, str) and value.strip() and value != key
    }
