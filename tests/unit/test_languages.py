"""The language sheet, and the codes that others write."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from neuronxa.errors import ConfigError, LanguageError
from neuronxa.languages import CODE, Language, Languages

SHEET = Path(__file__).parents[2] / "config" / "languages.tsv"
HEADER = "language\tiso639_3\tscript\tbcp47\tname\tfamily\tclass\n"
SWAHILI = "swh_Latn\tswh\tLatn\tsw\tSwahili\tAtlantic-Congo\thead\n"


@pytest.fixture(scope="module")
def languages() -> Languages:
    return Languages.read(SHEET)


def read(tmp_path: Path, text: str) -> Languages:
    path = tmp_path / "languages.tsv"
    path.write_text(text, encoding="utf-8")
    return Languages.read(path)


def test_shipped_sheet_is_whole(languages: Languages) -> None:
    rows = list(languages.values())
    flores, tail = rows[:204], rows[204:]
    assert [row.code for row in flores] == sorted(row.code for row in flores)
    assert "nqo_Nkoo" not in languages
    assert {"kzj_Latn", "cbk_Latn", "spa_Latn_419", "por_Latn_PT"} <= {row.code for row in tail}
    assert all(CODE.fullmatch(row.code) for row in rows)
    assert all(row.code.startswith(f"{row.iso639_3}_{row.script}") for row in rows)
    assert max(Counter(row.name for row in rows).values()) == 1
    assert "unknown" not in {row.family for row in rows}


def test_classes_follow_the_languages_of_xlmr(languages: Languages) -> None:
    def head(code: str) -> bool:
        return languages[code].resource_class == "head"

    # 93 codes of XLM-R; Chinese twice; two regional variants of head languages.
    assert sum(row.resource_class == "head" for row in languages.values()) == 96
    assert all(map(head, ("eng_Latn", "arb_Arab", "nob_Latn", "zho_Hans", "zho_Hant", "lat_Latn")))
    assert not any(
        map(head, ("arb_Latn", "nno_Latn", "azb_Arab", "prs_Arab", "yue_Hant", "yor_Latn"))
    )


def test_families_are_top_level(languages: Languages) -> None:
    expected = {
        "swh_Latn": "Atlantic-Congo",
        "hin_Deva": "Indo-European",
        "tgl_Latn": "Austronesian",
        "zho_Hans": "Sino-Tibetan",
        "eus_Latn": "Basque",
        "est_Latn": "Uralic",
    }
    assert {code: languages[code].family for code in expected} == expected


def test_every_row_comes_back_through_its_tag_and_code(languages: Languages) -> None:
    for row in languages.values():
        assert languages.resolve(row.bcp47, "bcp47") is row
        assert languages.resolve(row.code, "flores") is row
        assert languages.in_scheme(row, "bcp47") == row.bcp47
        assert languages.in_scheme(row, "iso639_3") == row.iso639_3


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("swh", "swh_Latn"),
        ("cmn", "zho_Hans"),
        ("zho", "zho_Hans"),
        ("ara", "arb_Arab"),
        ("aze", "azj_Latn"),
        ("est", "est_Latn"),
        ("ekk", "est_Latn"),
        ("mon", "khk_Cyrl"),
        ("nob", "nob_Latn"),
        ("nor", "nob_Latn"),
        ("kur", "kmr_Latn"),
        ("lav", "lvs_Latn"),
        ("pes", "pes_Arab"),
        ("fas", "pes_Arab"),
        ("msa", "zsm_Latn"),
        ("sqi", "als_Latn"),
        ("yid", "ydd_Hebr"),
        ("orm", "gaz_Latn"),
        ("uzb", "uzn_Latn"),
        ("pus", "pbt_Arab"),
        ("kzj", "kzj_Latn"),
        ("tzm", "tzm_Tfng"),
        ("spa", "spa_Latn"),
    ],
)
def test_iso_codes(languages: Languages, code: str, expected: str) -> None:
    assert languages.resolve(code, "iso639_3").code == expected


@pytest.mark.parametrize(
    ("tag", "expected"),
    [
        ("en-US", "eng_Latn"),
        ("es", "spa_Latn"),
        ("es-419", "spa_Latn_419"),
        ("pt-BR", "por_Latn"),
        ("pt_PT", "por_Latn_PT"),
        ("zh-CN", "zho_Hans"),
        ("zh-TW", "zho_Hant"),
        ("zh-hant", "zho_Hant"),
        ("fil", "tgl_Latn"),
        ("tl", "tgl_Latn"),
        ("nb", "nob_Latn"),
        ("no", "nob_Latn"),
        ("sr", "srp_Cyrl"),
        ("iw", "heb_Hebr"),
        ("ko-KR", "kor_Hang"),
        ("fa", "pes_Arab"),
        ("fa-IR", "pes_Arab"),
        ("fa-AF", "prs_Arab"),
        ("tw", "twi_Latn"),
        ("ak", "aka_Latn"),
    ],
)
def test_bcp47_tags(languages: Languages, tag: str, expected: str) -> None:
    assert languages.resolve(tag, "bcp47").code == expected


@pytest.mark.parametrize("tag", ["en-GB", "es-MX", "sr-Latn", "qq", "", "not a tag!"])
def test_tags_without_a_row_are_refused(languages: Languages, tag: str) -> None:
    with pytest.raises(LanguageError, match="unknown language code"):
        languages.resolve(tag, "bcp47")


def test_flores_form_of_other_iso_codes(languages: Languages) -> None:
    assert languages.resolve("cmn_Hant").code == "zho_Hant"
    assert languages.resolve("fil_Latn").code == "tgl_Latn"
    with pytest.raises(LanguageError):
        languages.resolve("swh_Arab")


def test_unknown_codes_are_met_with_near_ones(languages: Languages) -> None:
    with pytest.raises(LanguageError, match="did you mean swh_Latn"):
        languages.resolve("swh")
    with pytest.raises(LanguageError, match="did you mean swh_Latn"):
        languages.resolve("Swahili")
    with pytest.raises(LanguageError, match=r"es-419 \(spa_Latn_419\)"):
        languages.resolve("es-MX", "bcp47")
    with pytest.raises(LanguageError, match=r"Allowed: flores, iso639_3, bcp47"):
        languages.resolve("swh", "iso")  # type: ignore[arg-type]


def test_ambiguous_code_lists_the_rows() -> None:
    def row(script: str) -> Language:
        return Language(
            f"xyz_{script}", "xyz", script, f"xyz-{script}", "X", "unknown", "long-tail"
        )

    both = Languages([row("Latn"), row("Arab")])
    with pytest.raises(LanguageError, match="Allowed: xyz_Latn, xyz_Arab"):
        both.resolve("xyz", "iso639_3")


def test_region_is_part_of_the_code(languages: Languages) -> None:
    assert languages["spa_Latn_419"].region == "419"
    assert languages["spa_Latn"].region == ""


def test_mapping_keeps_the_order_of_the_file(tmp_path: Path) -> None:
    zulu = "zul_Latn\tzul\tLatn\tzu\tZulu\t\thead\n"
    languages = read(tmp_path, f"\ufeff# comment\n{HEADER}{zulu}# more\n{SWAHILI}")
    assert list(languages) == ["zul_Latn", "swh_Latn"]
    assert languages["zul_Latn"].family == "unknown"
    assert languages.get("xho_Latn") is None
    assert languages["swh_Latn"] == Language(
        "swh_Latn", "swh", "Latn", "sw", "Swahili", "Atlantic-Congo", "head"
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (HEADER + SWAHILI.replace("head", "big"), r"line 2.*'class' = 'big'[\s\S]*head.*long-tail"),
        (HEADER + SWAHILI.replace("swh_Latn", "swa-Latn"), r"line 2.*'language'.*as in swh_Latn"),
        (HEADER + SWAHILI.replace("\tLatn", "\tArab"), "does not agree.*swh_Arab"),
        (HEADER + SWAHILI.replace("\tsw\t", "\ts!\t"), "line 2.*'bcp47'.*not a BCP 47 tag"),
        (HEADER + SWAHILI + SWAHILI, "line 3.*'swh_Latn' is already used"),
        (HEADER + SWAHILI + SWAHILI.replace("swh", "swc"), "share the bcp47 tag 'sw'"),
        (HEADER.replace("family", "genus") + SWAHILI, "unknown column 'genus'"),
        (HEADER.replace("\tclass", "") + SWAHILI.replace("\thead", ""), "'class' is missing"),
        ("", "the sheet is empty"),
    ],
)
def test_faults_of_the_sheet(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        read(tmp_path, text)
    assert "languages.tsv" in str(caught.value)


def test_missing_sheet(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="does not exist"):
        Languages.read(tmp_path / "none.tsv")
