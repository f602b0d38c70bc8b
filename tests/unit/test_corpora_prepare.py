"""Checks of text, prepared files and the description of a corpus."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from neuronxa.config.rows import CorpusRow
from neuronxa.corpora.checks import Checks, check, checks_frame
from neuronxa.corpora.prepare import prepare_language, record_path, select, summarise
from neuronxa.errors import CorpusError
from neuronxa.languages import Languages

LANGUAGES = Languages.read(Path(__file__).parents[2] / "config" / "languages.tsv")
ENGLISH, SWAHILI = LANGUAGES["eng_Latn"], LANGUAGES["swh_Latn"]


def test_counts() -> None:
    texts = ["Moja.", "Mbili.", "Moja.", "", "Tatu \u200eна\u00ad.", "Same here.", "ну да x"]
    pivot = ["One.", "Two.", "Won.", "None.", "Three.", "Same here.", "well x"]
    result = check(texts, SWAHILI, pivot)
    latin, cyrillic = 4 + 5 + 4 + 4 + 8 + 1, 2 + 4
    assert result == Checks(
        language="swh_Latn",
        lines=7,
        empty=1,
        duplicates=2,
        other_script=cyrillic / (latin + cyrillic),
        other_script_lines=1,
        main_other_script="Cyrl",
        invisible=2,
        copies=1,
        length_outliers=0,
    )


def test_length_outliers_are_measured_against_the_language() -> None:
    pivot = ["ten chars.", "ten chars!", "ten chars?", "ten chars;", "ten chars,"]
    texts = [letter * 20 for letter in "abcd"] + ["e" * 61]
    assert check(texts, SWAHILI, pivot).length_outliers == 1
    assert check([*texts[:4], "e" * 59], SWAHILI, pivot).length_outliers == 0
    assert check([*texts[:4], "e" * 6], SWAHILI, pivot).length_outliers == 1


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("jpn_Jpan", "漢字とカタカナー。"),
        ("zho_Hans", "汉字。"),
        ("zho_Hant", "漢字。"),
        ("kor_Hang", "한국어 漢字."),
        ("arb_Arab", "العربية، ١٢٣"),
        ("hin_Deva", "हिन्दी।"),
        ("eng_Latn", "naïve façade ﬁ — 12"),
        ("taq_Tfng", "ⵜⴰⵎⴰⵛⴰⵇ"),
    ],
)
def test_scripts_that_stand_for_several(code: str, text: str) -> None:
    result = check([text], LANGUAGES[code])
    assert (result.other_script, result.other_script_lines) == (0, 0)
    assert (result.copies, result.length_outliers) == (None, None)


def test_joiners_and_word_separators_are_spelling() -> None:
    assert check(["می\u200cخواهم"], LANGUAGES["pes_Arab"]).invisible == 0
    assert check(["ខ្ញុំ\u200bទៅ"], LANGUAGES["khm_Khmr"]).invisible == 0
    assert check(["a\u200bb\ufeff\u2028\x07"], ENGLISH).invisible == 4


@pytest.mark.parametrize(
    ("texts", "pivot", "message"),
    [
        (["a\0b"], None, "sentence 1 holds a NUL"),
        (["", ""], None, "every chosen sentence is empty"),
        (["мир мир", "x"], None, "86% of the letters are not Latn, most are Cyrl"),
        (["a", "b", "c"], ["a", "b", "x"], "2 of 3 sentences are the pivot's own"),
        (["a"], ["a", "b"], "1 sentences, the pivot has 2"),
    ],
)
def test_what_stops_a_run(texts: list[str], pivot: list[str] | None, message: str) -> None:
    with pytest.raises(CorpusError, match=message) as caught:
        check(texts, SWAHILI, pivot)
    assert caught.value.where == "swh_Latn"
    assert caught.value.remedy


def test_half_is_still_counted() -> None:
    assert check(["мир", "abc"], SWAHILI).other_script == 0.5
    assert check(["a", "b"], SWAHILI, ["a", "x"]).copies == 1


def test_frame() -> None:
    frame = checks_frame([check(["a"], ENGLISH), check(["b"], SWAHILI, ["a"])])
    assert list(frame["language"]) == ["eng_Latn", "swh_Latn"]
    assert frame["copies"].isna().tolist() == [True, False]
    assert str(frame["copies"].dtype) == "Int64"
    assert list(checks_frame([]).columns) == list(frame.columns)


def folder_row(folder: Path, **settings: object) -> CorpusRow:
    given = {"corpus": "mine", "label": "Mine", "reader": "folder", "location": str(folder)}
    return CorpusRow.model_validate(given | {"licence": "CC0", "note": "A test"} | settings)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "corpus"
    path.mkdir()
    numbers = ["one", "two", "three", "four", "five", "six"]
    (path / "eng_Latn.txt").write_text("\n".join(f"Number {n}." for n in numbers))
    swahili = ["Moja.", " Mbili. ", "Ta\rtu.", "", "Ta\u2028no.", "Sita."]
    (path / "swh_Latn.txt").write_bytes("\r\n".join(swahili).encode())
    return path


def test_prepared_text(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out" / "swh_Latn.txt"
    row = folder_row(folder, sentences=5)
    prepare_language(row, "swh_Latn", languages=LANGUAGES, pivot="eng_Latn", out_path=out)
    assert out.read_bytes() == "Moja.\nMbili.\nTa tu.\n\nTa\u2028no.\n".encode()
    assert json.loads(record_path(out).read_text()) == {
        "corpus": "mine",
        "language": "swh_Latn",
        "source": "files {language}.txt",
        "total_lines": 6,
        "joined_lines": 1,
        "indices": [0, 1, 2, 3, 4],
        "pivot_file": None,
    }
    assert sorted(path.name for path in out.parent.iterdir()) == ["swh_Latn.json", "swh_Latn.txt"]


def prepare_both(row: CorpusRow, out: Path) -> dict[str, Path]:
    files = {code: out / f"{code}.txt" for code in ("eng_Latn", "swh_Latn")}
    for code, path in files.items():
        prepare_language(row, code, languages=LANGUAGES, pivot="eng_Latn", out_path=path)
    return files


def test_summary_of_a_parallel_corpus(folder: Path, tmp_path: Path) -> None:
    row = folder_row(folder, sentences=4, selection="random", seed=3)
    files = prepare_both(row, tmp_path / "out")
    summary = summarise(row, files, languages=LANGUAGES, pivot="eng_Latn")
    json.dumps(summary)
    indices = summary["indices"]
    assert len(indices) == 4 and indices == sorted(indices)
    english = (folder / "eng_Latn.txt").read_text().split("\n")
    assert files["eng_Latn"].read_text() == "".join(f"{english[i]}\n" for i in indices)
    assert {key: summary[key] for key in ("corpus", "licence", "note", "layout", "pivot")} == {
        "corpus": "mine",
        "licence": "CC0",
        "note": "A test",
        "layout": "parallel",
        "pivot": "eng_Latn",
    }
    swahili = summary["languages"]["swh_Latn"]
    assert swahili["sha256"] == hashlib.sha256(files["swh_Latn"].read_bytes()).hexdigest()
    assert (swahili["file"], swahili["lines"], swahili["total_lines"]) == ("swh_Latn.txt", 4, 6)
    assert swahili["checks"]["copies"] == 0
    assert summary["languages"]["eng_Latn"]["checks"]["copies"] is None


def test_texts_of_different_choices_do_not_mix(folder: Path, tmp_path: Path) -> None:
    files = prepare_both(folder_row(folder, sentences=4), tmp_path / "out")
    row = folder_row(folder, sentences=4, selection="random", seed=3)
    prepare_language(
        row, "swh_Latn", languages=LANGUAGES, pivot="eng_Latn", out_path=files["swh_Latn"]
    )
    with pytest.raises(CorpusError, match=r"swh_Latn.txt and eng_Latn.txt hold different lines"):
        summarise(row, files, languages=LANGUAGES, pivot="eng_Latn")


def test_prepared_files_that_were_touched(folder: Path, tmp_path: Path) -> None:
    row = folder_row(folder, sentences=4)
    files = prepare_both(row, tmp_path / "out")
    with files["swh_Latn"].open("a") as stream:
        stream.write("more\n")
    with pytest.raises(CorpusError, match="has 5 lines, its record names 4"):
        summarise(row, files, languages=LANGUAGES, pivot="eng_Latn")
    record_path(files["swh_Latn"]).write_text("{")
    with pytest.raises(CorpusError, match="missing or damaged"):
        summarise(row, files, languages=LANGUAGES, pivot="eng_Latn")


def test_refused_text_is_not_written(folder: Path, tmp_path: Path) -> None:
    (folder / "rus_Cyrl.txt").write_text("latin\n" * 6)
    out = tmp_path / "out" / "rus_Cyrl.txt"
    with pytest.raises(CorpusError, match="corpus 'mine', rus_Cyrl: 100% of the letters"):
        prepare_language(
            folder_row(folder, sentences=4),
            "rus_Cyrl",
            languages=LANGUAGES,
            pivot="eng_Latn",
            out_path=out,
        )
    assert not out.parent.exists()


def test_copies_of_the_pivot_are_refused(folder: Path, tmp_path: Path) -> None:
    (folder / "swh_Latn.txt").write_bytes((folder / "eng_Latn.txt").read_bytes())
    row = folder_row(folder, sentences=4)
    files = prepare_both(row, tmp_path / "out")
    with pytest.raises(
        CorpusError, match="corpus 'mine', swh_Latn: 4 of 4 sentences are the pivot"
    ):
        summarise(row, files, languages=LANGUAGES, pivot="eng_Latn")


def test_pairs(tmp_path: Path) -> None:
    source = tmp_path / "tatoeba"
    source.mkdir()
    own = {"swh": ["Moja.", "Mbili.", "Tatu."], "cmn": ["一。", "二。"]}
    english = {"swh": ["One.", "Two.", "Three."], "cmn": ["The first.", "The second."]}
    for code, texts in own.items():
        (source / f"tatoeba.{code}-eng.{code}").write_text("\n".join(texts))
        (source / f"tatoeba.{code}-eng.eng").write_text("\n".join(english[code]))
    row = folder_row(source, reader="tatoeba", sentences=3)
    out = tmp_path / "out"
    files = {code: out / f"{code}.txt" for code in ("swh_Latn", "zho_Hans")}
    for code, path in files.items():
        prepare_language(
            row,
            code,
            languages=LANGUAGES,
            pivot="eng_Latn",
            out_path=path,
            pivot_out_path=out / f"{code}.eng_Latn.txt",
        )
    assert (out / "zho_Hans.eng_Latn.txt").read_text() == "The first.\nThe second.\n"
    summary = summarise(row, files, languages=LANGUAGES, pivot="eng_Latn")
    assert summary["indices"] is None
    chinese = summary["languages"]["zho_Hans"]
    assert (chinese["lines"], chinese["indices"]) == (2, [0, 1])
    assert chinese["pivot_file"] == "zho_Hans.eng_Latn.txt"
    assert len(chinese["pivot_sha256"]) == 64
    assert summary["languages"]["swh_Latn"]["indices"] == [0, 1, 2]
    assert chinese["checks"]["copies"] == 0


def test_pivot_side_goes_with_pairs_only(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="has the layout 'parallel'"):
        prepare_language(
            folder_row(folder),
            "swh_Latn",
            languages=LANGUAGES,
            pivot="eng_Latn",
            out_path=tmp_path / "a.txt",
            pivot_out_path=tmp_path / "b.txt",
        )


def test_selected_sentences_know_their_places(folder: Path) -> None:
    from neuronxa.corpora import open_reader

    row = folder_row(folder, sentences=2, selection="random", seed=1)
    chosen = select(open_reader(row, LANGUAGES, "eng_Latn"), row, "eng_Latn")
    assert chosen.total == 6
    lines = (folder / "eng_Latn.txt").read_text().split("\n")
    assert chosen.texts == tuple(lines[i] for i in chosen.indices)
