"""String packs, and the interface text of an installed package."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from neuronxa.config.rows import CorpusRow
from neuronxa.corpora import Reader, open_reader
from neuronxa.corpora.interface import PACKAGE, common_sentences, is_plain_sentence, tidy
from neuronxa.corpora.pak import read_pak
from neuronxa.errors import CorpusError
from neuronxa.languages import Languages

LANGUAGES = Languages.read(Path(__file__).parents[2] / "config" / "languages.tsv")


def pack(
    texts: dict[int, bytes],
    *,
    version: int = 5,
    encoding: int = 1,
    aliases: dict[int, int] | None = None,
) -> bytes:
    """Bytes of a string pack, built field by field from the description of the format."""
    aliases = aliases or {}
    if version == 4:
        head = struct.pack("<IIB", 4, len(texts), encoding)
    else:
        head = struct.pack("<IBxxxHH", 5, encoding, len(texts), len(aliases))
    offset = len(head) + 6 * (len(texts) + 1) + 4 * len(aliases)
    table = b""
    for message, data in texts.items():
        table += struct.pack("<HI", message, offset)
        offset += len(data)
    table += struct.pack("<HI", 0, offset)
    table += b"".join(struct.pack("<HH", message, place) for message, place in aliases.items())
    return head + table + b"".join(texts.values())


def write(path: Path, data: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("version", [4, 5])
@pytest.mark.parametrize(("encoding", "codec"), [(1, "utf-8"), (2, "utf-16-le")])
def test_both_versions_and_encodings(
    tmp_path: Path, version: int, encoding: int, codec: str
) -> None:
    texts = {7: "Grüße", 9: "", 300: "日本語"}
    data = pack({m: t.encode(codec) for m, t in texts.items()}, version=version, encoding=encoding)
    pak = read_pak(write(tmp_path / "x.pak", data))
    assert pak.messages == (7, 9, 300)
    assert {m: pak.text(m) for m in pak.messages} == texts
    assert pak.text(8) is None


def test_aliases_and_compressed_entries(tmp_path: Path) -> None:
    texts = {1: b"one", 2: gzip.compress(b"two"), 3: b"\x1e\x9b\0\0\0\0\0\0brotli"}
    pak = read_pak(write(tmp_path / "x.pak", pack(texts, aliases={10: 0, 11: 1})))
    assert [pak.text(m) for m in (1, 2, 3, 10, 11)] == ["one", None, None, "one", None]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "cut short"),
        (b"\x05\0\0\0\x01", "cut short"),
        (struct.pack("<I", 3) + bytes(20), "version 3"),
        (pack({1: b"a"}, encoding=0), "encoding 0"),
        (pack({1: b"abc"})[:-1], "outside the file"),
        (pack({1: b"abc"})[:14], "cut short"),
        (pack({1: b"abc"}, aliases={2: 1}), "alias"),
        (struct.pack("<IIB", 4, 2**31, 1) + bytes(60), "cut short"),
        (pack({1: b"a", 2: b"b"}).replace(struct.pack("<HI", 2, 31), bytes(6)), "outside"),
    ],
)
def test_damaged_packs(tmp_path: Path, data: bytes, message: str) -> None:
    path = write(tmp_path / "x.pak", data)
    with pytest.raises(CorpusError, match=message) as caught:
        read_pak(path)
    assert "x.pak" in str(caught.value)


def test_missing_pack_and_bytes_that_are_no_text(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="No such file"):
        read_pak(tmp_path / "none.pak")
    pak = read_pak(write(tmp_path / "x.pak", pack({4: b"\xff\xfe"})))
    with pytest.raises(CorpusError, match="message 4 is not utf-8"):
        pak.text(4)


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300, deadline=None
)
@given(
    version=st.sampled_from([4, 5]),
    cut=st.integers(0, 80),
    changes=st.lists(st.tuples(st.integers(0, 79), st.integers(0, 255)), max_size=4),
)
def test_changed_bytes_never_escape_as_other_errors(
    tmp_path: Path, version: int, cut: int, changes: list[tuple[int, int]]
) -> None:
    aliases = {9: 1} if version == 5 else None
    data = bytearray(
        pack({1: b"One.", 2: b"Two.", 5: b"\x1f\x8b"}, version=version, aliases=aliases)
    )
    for place, value in changes:
        data[place % len(data)] = value
    path = write(tmp_path / "x.pak", bytes(data[: cut or None]))
    try:
        pak = read_pak(path)
        texts = [pak.text(message) for message in pak.messages]
    except CorpusError as error:
        assert "not a usable string pack" in str(error)
    else:
        assert all(text is None or isinstance(text, str) for text in texts)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("Please try again in a few minutes.", True),
        ("Do you want to leave this page?", True),
        ("The server should upgrade to TLS 1.2 or later.", True),
        ("Please try again now.", False),
        ("please try again in a few minutes.", False),
        ("Please try again in a few minutes", False),
        ("Please try again. It takes a few minutes.", False),
        ("Please try again in a few minutes...", False),
        ("Please try again in $1 few minutes.", False),
        ("Please try again in {COUNT} few minutes.", False),
        ("Please try <b>again</b> in a few minutes.", False),
        ("Please try again in a&nbsp;few minutes now.", False),
        ("Please try again in %d or so minutes.", False),
        ("Please see https://example.org in a few minutes.", False),
        ("Please try again in\na few minutes.", False),
        ("Please try Google again in a few minutes.", False),
        ("Please turn DnsOverHttps off for a few minutes.", False),
        ("Please " + "try " * 25 + "again.", False),
    ],
)
def test_which_english_messages_are_kept(text: str, kept: bool) -> None:
    assert is_plain_sentence(text) is kept


def test_tidy() -> None:
    assert tidy("\u200f\u202bمرحبا\u202c بك\u2069 ") == "مرحبا بك"
    assert tidy("開く(&O)") == "開く"
    assert tidy("&Open the file") == "Open the file"
    assert tidy("a &amp; b &#39;") == "a &amp; b &#39;"
    assert tidy(None) == ""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """An installed package with four locales, one of them without a row in the sheet."""
    english = [
        "This sentence is in every locale.",
        "This sentence is missing in one locale.",
        "This sentence was never translated at all.",
        "This sentence keeps $1 in one locale.",
        "This sentence is in every locale.",
        "This one is said like the first.",
        "This sentence closes the small corpus.",
    ]
    translations = {
        "en-US": english,
        "en-GB": english,
        "de": ["Eins.", "Zwei.", "Drei.", "Vier $1.", "Fünf.", "Eins.", "Sechs."],
        "sw": ["Moja.", "", english[2], "Nne.", "Tano.", "Sita.", "\u200fSaba."],
        "xx": ["A.", "B.", "C.", "D.", "E.", "F.", "G."],
    }
    site = tmp_path / "site"
    names = []
    for locale, texts in translations.items():
        name = f"Thing/{'qtwebengine_locales'}/{locale}.pak"
        write(site / name, pack({10 + i: t.encode() for i, t in enumerate(texts)}))
        names.append(name)
    info = site / "thing_locales-1.2.dist-info"
    write(info / "METADATA", b"Metadata-Version: 2.1\nName: thing-locales\nVersion: 1.2\n")
    write(info / "RECORD", "".join(f"{name},,\n" for name in names).encode())
    monkeypatch.syspath_prepend(str(site))
    return "thing-locales"


def interface(location: str = "") -> Reader:
    given = {"corpus": "interface", "label": "I", "reader": "interface", "location": location}
    return open_reader(CorpusRow.model_validate(given), LANGUAGES, "eng_Latn")


def test_only_what_every_locale_says_in_its_own_words(package: str) -> None:
    corpus = interface(package)
    assert corpus.available() == ("deu_Latn", "eng_Latn", "swh_Latn")
    assert corpus.source == "thing-locales 1.2"
    assert corpus.size() == 2
    assert corpus.read("deu_Latn") == ["Eins.", "Sechs."]
    assert corpus.read("swh_Latn") == ["Moja.", "Saba."]
    assert corpus.read_pivot("swh_Latn") == [
        "This sentence is in every locale.",
        "This sentence closes the small corpus.",
    ]
    with pytest.raises(CorpusError, match=r"no locale for 'zul_Latn'[\s\S]*deu_Latn, eng_Latn"):
        corpus.read("zul_Latn")


def test_package_that_is_missing_or_holds_no_packs() -> None:
    with pytest.raises(CorpusError, match=r"'no-such-package' is not installed[\s\S]*pip install"):
        interface("no-such-package").available()
    with pytest.raises(CorpusError, match=f"holds no string packs[\\s\\S]*{PACKAGE}"):
        interface("pytest").available()


def test_installed_package_is_parallel_and_clean() -> None:
    corpus = interface()
    codes = corpus.available()
    assert codes is not None
    assert len(codes) == 52
    assert {"eng_Latn", "spa_Latn", "spa_Latn_419", "por_Latn", "por_Latn_PT"} <= set(codes)
    assert {"tgl_Latn", "nob_Latn", "srp_Cyrl", "zho_Hans", "zho_Hant", "swh_Latn"} <= set(codes)
    size = corpus.size()
    assert size is not None and 250 <= size <= 450
    english = corpus.read("eng_Latn")
    for code in codes:
        texts = corpus.read(code)
        assert len(texts) == len(set(texts)) == size
        assert all(text and "$" not in text and "\u200f" not in text for text in texts)
        if code != "eng_Latn":
            assert not set(texts) & set(english)
    assert all(is_plain_sentence(text) for text in english)


def test_packs_are_parsed_once(package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    first = common_sentences(package)
    monkeypatch.setattr("neuronxa.corpora.interface.read_pak", None)
    assert common_sentences(package) is first
