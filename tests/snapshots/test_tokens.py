"""A snapshot cuts text as two tokenizers do that are written by hand from the file."""

from __future__ import annotations

import random

import pytest

from .bpe import NORMAL, SPACE, byte_letters
from .names import GEMMA, MODELS, SMOLLM

pytestmark = [pytest.mark.workflow, pytest.mark.real]

SENTENCES = (
    "The quick brown fox jumps over the lazy dog, doesn't it?",
    "I'm sure they'll say we've seen it; you're not convinced, he'd say. IT'S LOUD.",
    "Größenwahnsinnige Füchse überqueren die Straße – „ganz ohne Eile“.",
    "Près de l'œuvre, l'été dernier, Noël naïf a mangé un gâteau à 3,50 €.",
    "Příliš žluťoučký kůň úpěl ďábelské ódy; zażółć gęślą jaźń.",
    "Tiếng Việt có nhiều dấu: ngày mai trời sẽ mưa rất to.",
    "Habari za asubuhi? Watoto wanakwenda shuleni kwa miguu.",
    "Съешь же ещё этих мягких французских булок, да выпей чаю.",
    "Ξεσκεπάζω την ψυχοφθόρα βδελυγμία.",
    "السلام عليكم، كيف حالك اليوم؟ هذا كتابٌ جديد.",
    "שלום עולם, מה שלומך היום?",
    "यह एक छोटा सा वाक्य है, जिसमें संयुक्ताक्षर भी हैं: क्षत्रिय, ज्ञान।",
    "এটি একটি ছোট বাক্য।",
    "இது ஒரு சிறிய வாக்கியம்.",
    "ฉันกินข้าวที่ร้านอาหารใกล้บ้านทุกวัน",
    "今天天气很好，我们去公园散步吧！《红楼梦》是一部小说。",
    "東京は日本の首都です。カタカナとひらがなの混合テスト。",
    "안녕하세요, 세계! 오늘은 날씨가 좋네요.",
    "ይህ አጭር ዓረፍተ ነገር ነው።",
    "Emoji: 😀👍🏽🇺🇸 👩‍💻 and ❤️, then 🚀🚀.",
    "In 2024, 12345 people paid $1,234.56 (3.14159) at 10:45 on 01/02/2003.",
    "Two  spaces,   three   spaces, and a tab\there.",
    " leading and trailing ",
    "Line one.\nLine two.\n\nA paragraph.\r\nAnother\n",
    "!!! ??? ... --- (a) [b] {c} <d> #e @f %g ^h &i *j _k ~l |m \\n /o `p` 'q' \"r\"",
    "def f(x):\n    return x ** 2  # noqa\n\tpass",
    "e\u0301 and \u00e9, \u00a0no-break, zero\u200bwidth, \ufeff mark",
    "𝕱𝖗𝖆𝖐𝖙𝖚𝖗 𓀀 𐎀 ꙮ",
    "",
    "a",
)
#: Texts that only a vocabulary split at every digit takes apart rightly: \p{N} is more than 0-9.
DIGITS = (
    "in  2024",
    "   1",
    "Two things:\n\n1. bread\n\n2. milk",
    "½ and ½ is more than ¼",
    "سنة ٢٠٢٤",
    "Chapter Ⅳ",
)
#: Ids that others publish, who got them from the original tokenizers; Gemma 4 has the same ones.
PUBLISHED = {
    GEMMA: {
        "Hello world": "2 9259 1902",
        "The capital of France is": "2 818 5279 529 7001 563",
        "def f(x):\n    return x + 1\n": "2 2063 517 236769 236781 1473 107 140 2060 1123 900 "
        "236743 236770 107",
        "日本語のテキストです": "2 94951 236945 95830 3652",
        "Hello world! Café déjà vu — 123 😊": "2 9259 1902 236888 62367 29234 11042 2192 236743 "
        "236770 236778 236800 103453",
    },
    SMOLLM: {
        "Hello world": "19556 905",
        "The capital of France is": "504 3575 282 4649 314",
        "The quick brown fox jumps over the lazy dog.": "504 2365 6354 16438 27003 690 260 23790 "
        "2767 30",
        "12345 123 1 42 999": "33 34 35 36 37 216 33 34 35 216 33 216 36 34 216 41 41 41",
        "  spaced  text\n": "216 23861 216 1694 198",
        "CRLF\r\nline two": "9088 60 54 201 198 1311 827",
        "naïve café déjà vu": "3546 46494 37366 32564 90 16739 386 101",
        "Café — κόσμος 🚀": "51 1939 2756 1841 31953 36180 18751 16674 39346 15107 244 218",
        "你好，世界！": "18645 250 48392 138 12831 7906 240 178 239 230 8083 219",
        "Привет мир": "155 249 46879 16464 32547 41337 7872 9175",
        "<|im_start|>user\nHello, world! 2024\n<|im_end|>": "1 4093 198 19556 28 905 17 216 34 32 "
        "34 36 198 2",
    },
}


def agree(by_hand, tokenizer, texts):
    """All texts have the tokens made by hand, and come back from them."""
    for text in texts:
        ids = tokenizer(text)["input_ids"]
        assert ids == by_hand.encode(text), text
        assert tokenizer.decode(ids, skip_special_tokens=True) == text


@pytest.mark.parametrize("model", MODELS)
def test_the_vocabulary_is_the_one_of_the_file(tokenizers, metadata, model):
    tokens = list(metadata[model]["tokenizer.ggml.tokens"])
    if model == GEMMA:  # llama.cpp writes runs of spaces out, alone of all tokens
        tokens = [SPACE * len(t) if set(t) == {" "} else t for t in tokens]
    tokenizer = tokenizers[model]
    assert len(tokenizer) == len(tokens) == {GEMMA: 262144, SMOLLM: 49152}[model]
    assert tokenizer.convert_ids_to_tokens(range(len(tokens))) == tokens
    for ours, theirs in {"bos": "bos", "eos": "eos", "unk": "unknown", "pad": "padding"}.items():
        expected = metadata[model][f"tokenizer.ggml.{theirs}_token_id"]
        assert getattr(tokenizer, f"{ours}_token_id") == expected, ours


@pytest.mark.parametrize("model", MODELS)
def test_sentences_have_the_tokens_of_a_tokenizer_written_by_hand(by_hand, tokenizers, model):
    agree(by_hand[model], tokenizers[model], SENTENCES)


@pytest.mark.parametrize("model", MODELS)
def test_random_text_has_the_tokens_of_a_tokenizer_written_by_hand(
    by_hand, tokenizers, metadata, model
):
    """Entries of the vocabulary in a row: all scripts, odd borders."""
    fields = metadata[model]
    kinds = zip(fields["tokenizer.ggml.tokens"], fields["tokenizer.ggml.token_type"], strict=True)
    entries = [token for token, kind in kinds if kind == NORMAL]
    draw, texts = random.Random(0), []
    byte_of = {letter: byte for byte, letter in enumerate(byte_letters())}
    while len(texts) < 500:
        entry = "".join(draw.sample(entries, 8))
        if model == GEMMA:
            text = entry.replace(SPACE, " ")
        else:
            text = bytes(byte_of[letter] for letter in entry).decode("utf-8", "ignore")
        texts.append(text)
    agree(by_hand[model], tokenizers[model], texts)


@pytest.mark.parametrize("model", MODELS)
def test_the_shipped_text_has_the_tokens_of_a_tokenizer_written_by_hand(
    repository, by_hand, tokenizers, model
):
    files = sorted((repository / "resources/corpora/interface").glob("*.txt"))
    if not files:
        pytest.skip("no run has prepared the text of the interface corpus")
    for path in files:
        agree(by_hand[model], tokenizers[model], path.read_text("utf-8").split("\n")[:-1])


@pytest.mark.parametrize("model", MODELS)
def test_digits_are_split_before_anything_is_merged(by_hand, tokenizers, model):
    agree(by_hand[model], tokenizers[model], DIGITS)


@pytest.mark.parametrize("model", MODELS)
def test_published_ids_come_out(tokenizers, model):
    for text, ids in PUBLISHED[model].items():
        assert tokenizers[model](text)["input_ids"] == [int(i) for i in ids.split()], text
