"""Readers of folders: one file per language, and Tatoeba's pairs."""

from __future__ import annotations

from pathlib import Path

import pytest

from neuronxa.config.rows import CorpusRow
from neuronxa.corpora import Reader, open_reader
from neuronxa.errors import CorpusError
from neuronxa.languages import Languages

LANGUAGES = Languages.read(Path(__file__).parents[2] / "config" / "languages.tsv")


def reader(folder: Path, kind: str = "folder", pivot: str = "eng_Latn", **more: object) -> Reader:
    settings = {"corpus": "mine", "label": "Mine", "reader": kind, "location": str(folder)} | more
    return open_reader(CorpusRow.model_validate(settings), LANGUAGES, pivot)


def write(folder: Path, **files: str) -> None:
    for name, text in files.items():
        path = folder / name.replace("__", "/").replace("DOT", ".").replace("DASH", "-")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="")


def test_flores_layout(tmp_path: Path) -> None:
    write(
        tmp_path,
        swh_LatnDOTdevtest="moja\nmbili\n",
        eng_LatnDOTdevtest="one\r\ntwo",
        nqo_NkooDOTdevtest="x\ny\n",
        LICENSE="text",
    )
    corpus = reader(tmp_path, pattern="{language}.devtest")
    assert corpus.available() == ("eng_Latn", "swh_Latn")
    assert corpus.size() == 2
    assert corpus.read("swh_Latn") == ["moja", "mbili"]
    assert corpus.read_pivot("swh_Latn") == corpus.read("eng_Latn") == ["one", "two"]
    assert str(tmp_path) not in corpus.source


def test_other_codes_and_subfolders(tmp_path: Path) -> None:
    write(
        tmp_path, texts__zhDASHTWDOTtxt="一\n", texts__ptDASHPTDOTtxt="um\n", texts__enDOTtxt="1\n"
    )
    corpus = reader(tmp_path, pattern="texts/{language}.txt", codes="bcp47")
    assert corpus.available() == ("eng_Latn", "zho_Hant", "por_Latn_PT")
    assert corpus.read("zho_Hant") == ["一"]


def test_pattern_characters_are_taken_as_they_are(tmp_path: Path) -> None:
    write(tmp_path, aDOTengDOTtxt="1\n", abengDOTtxt="2\n")
    (tmp_path / "a[1].eng.txt").write_text("3\n")
    assert reader(tmp_path, pattern="a.{language}.txt", codes="iso639_3").read("eng_Latn") == ["1"]
    assert reader(tmp_path, pattern="a[1].{language}.txt", codes="iso639_3").size() == 1


def test_unequal_files_are_refused(tmp_path: Path) -> None:
    write(tmp_path, eng_LatnDOTtxt="one\ntwo\nthree\n", swh_LatnDOTtxt="moja\nmbili\n")
    with pytest.raises(
        CorpusError, match=r"swh_Latn.txt has 2 lines, eng_Latn.txt has 3[\s\S]*empty line"
    ):
        reader(tmp_path).read("swh_Latn")


def test_missing_language_names_what_is_there(tmp_path: Path) -> None:
    write(tmp_path, eng_LatnDOTtxt="one\n", README="", klingonDOTtxt="x\n")
    with pytest.raises(CorpusError, match=r"no file for 'swh_Latn', as in swh_Latn.txt") as caught:
        reader(tmp_path).read("swh_Latn")
    assert "Allowed: eng_Latn" in str(caught.value)
    assert "1 files have codes that it does not know: klingon" in str(caught.value)


def test_two_files_of_one_language(tmp_path: Path) -> None:
    write(tmp_path, cmnDOTtxt="x\n", zhoDOTtxt="y\n")
    with pytest.raises(CorpusError, match=r"cmn.txt and zho.txt are both 'zho_Hans'"):
        reader(tmp_path, codes="iso639_3").available()


def test_folder_that_is_not_there(tmp_path: Path) -> None:
    for kind in ("folder", "tatoeba"):
        with pytest.raises(CorpusError, match="does not exist"):
            reader(tmp_path / "none", kind).available()


def test_pattern_without_place(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"'pattern' is 'all.txt'"):
        reader(tmp_path, pattern="all.txt").available()


def pairs(folder: Path) -> None:
    write(
        folder,
        tatoebaDOTcmnDASHengDOTcmn="好。\n再见。\n",
        tatoebaDOTcmnDASHengDOTeng="Good.\nBye.\n",
        tatoebaDOTswhDASHengDOTswh="Sawa.\n",
        tatoebaDOTswhDASHengDOTeng="All right.\n",
        tatoebaDOTdeuDASHfraDOTdeu="Ja.\n",
        tatoebaDOTdeuDASHfraDOTfra="Oui.\n",
        tatoebaDOTqqqDASHengDOTqqq="?\n",
        tatoebaDOTqqqDASHengDOTeng="?\n",
        README="not a pair",
    )


def test_tatoeba_pairs(tmp_path: Path) -> None:
    pairs(tmp_path)
    corpus = reader(tmp_path, "tatoeba")
    assert corpus.available() == ("swh_Latn", "zho_Hans")
    assert corpus.size() is None
    assert corpus.read("zho_Hans") == ["好。", "再见。"]
    assert corpus.read_pivot("zho_Hans") == ["Good.", "Bye."]
    assert corpus.read_pivot("swh_Latn") == ["All right."]


def test_tatoeba_with_another_pivot(tmp_path: Path) -> None:
    pairs(tmp_path)
    french = reader(tmp_path, "tatoeba", pivot="fra_Latn")
    assert french.available() == ("deu_Latn",)
    german = reader(tmp_path, "tatoeba", pivot="deu_Latn")
    assert german.available() == ("fra_Latn",)
    assert german.read_pivot("fra_Latn") == ["Ja."]


def test_tatoeba_faults(tmp_path: Path) -> None:
    pairs(tmp_path)
    with pytest.raises(CorpusError, match="brings its own pivot side"):
        reader(tmp_path, "tatoeba").read("eng_Latn")
    with pytest.raises(CorpusError, match=r"no pairs of 'deu_Latn' and 'eng_Latn'[\s\S]*swh_Latn"):
        reader(tmp_path, "tatoeba").read("deu_Latn")
    (tmp_path / "tatoeba.swh-eng.eng").write_text("All right.\nMore.\n")
    with pytest.raises(CorpusError, match=r"\.swh has 1 lines, tatoeba.swh-eng.eng has 2"):
        reader(tmp_path, "tatoeba").read("swh_Latn")
    (tmp_path / "tatoeba.swh-eng.eng").unlink()
    with pytest.raises(CorpusError, match=r"tatoeba.swh-eng.eng: cannot be read"):
        reader(tmp_path, "tatoeba").read("swh_Latn")
    write(tmp_path, tatoebaDOTzhoDASHengDOTzho="好\n", tatoebaDOTzhoDASHengDOTeng="Good\n")
    with pytest.raises(CorpusError, match="are both 'zho_Hans'"):
        reader(tmp_path, "tatoeba").available()
