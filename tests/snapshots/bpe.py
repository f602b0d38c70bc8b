"""Two tokenizers written out by hand from the metadata of a GGUF file.

They share nothing with transformers and tokenizers: no merges rebuilt from a vocabulary, no
pre-tokenizer of theirs. Slow, and meant for sentences.
"""

from __future__ import annotations

import re
from itertools import pairwise

import regex

NORMAL, USER_DEFINED, BYTE = 1, 4, 6  # of tokenizer.ggml.token_type
SPACE = "\u2581"


class SentencePiece:
    """BPE of SentencePiece, as Gemma uses it: spaces are symbols, unknown characters are bytes."""

    def __init__(self, metadata):
        tokens = metadata["tokenizer.ggml.tokens"]
        kinds = metadata["tokenizer.ggml.token_type"]
        scores = metadata["tokenizer.ggml.scores"]
        of_kind = {
            kind: {token: i for i, token in enumerate(tokens) if kinds[i] == kind}
            for kind in (NORMAL, USER_DEFINED, BYTE)
        }
        self.ids = of_kind[NORMAL]
        self.bytes = of_kind[BYTE]
        self.scores = {token: scores[i] for token, i in self.ids.items()}
        # found in the text before anything is merged, the longest first
        self.whole = {t.replace(" ", SPACE): i for t, i in of_kind[USER_DEFINED].items()}
        longest_first = sorted(self.whole, key=len, reverse=True)
        self.split = re.compile("(" + "|".join(map(re.escape, longest_first)) + ")")
        bos = metadata["tokenizer.ggml.bos_token_id"]
        self.prefix = [bos] if metadata["tokenizer.ggml.add_bos_token"] else []

    def encode(self, text):
        ids = list(self.prefix)
        for piece in self.split.split(text.replace(" ", SPACE)):
            if piece in self.whole:
                ids.append(self.whole[piece])
                continue
            for symbol in self._merge(list(piece)):
                ids.extend(self._ids_of(symbol))
        return ids

    def _merge(self, symbols):
        """Merge the neighbours whose token has the best score, the first such pair in a tie."""
        while True:
            pairs = ["".join(pair) for pair in pairwise(symbols)]
            ranked = [(-self.scores[pair], i) for i, pair in enumerate(pairs) if pair in self.ids]
            if not ranked:
                return symbols
            i = min(ranked)[1]
            symbols[i : i + 2] = [pairs[i]]

    def _ids_of(self, symbol):
        if symbol in self.ids:
            return [self.ids[symbol]]
        return [self.bytes[f"<0x{byte:02X}>"] for byte in symbol.encode("utf-8")]


class ByteLevel:
    """BPE of GPT-2 over the bytes of words, as SmolLM2 uses it: every digit is a word."""

    DIGIT = regex.compile(r"(\p{N})")
    WORD = regex.compile(
        r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
    )

    def __init__(self, metadata):
        # the rule that this name stands for in llama.cpp: \p{N} first, then the words of GPT-2
        assert metadata["tokenizer.ggml.pre"] == "smollm"
        assert not metadata["tokenizer.ggml.add_bos_token"]
        self.ids = {token: i for i, token in enumerate(metadata["tokenizer.ggml.tokens"])}
        merges = metadata["tokenizer.ggml.merges"]
        self.ranks = {tuple(merge.split(" ")): rank for rank, merge in enumerate(merges)}
        self.letters = byte_letters()

    def encode(self, text):
        ids = []
        for part in self.DIGIT.split(text):
            for word in self.WORD.findall(part):
                letters = [self.letters[byte] for byte in word.encode("utf-8")]
                ids.extend(self.ids[symbol] for symbol in self._merge(letters))
        return ids

    def _merge(self, symbols):
        """Merge the neighbours that were merged first in training, the first pair in a tie."""
        while True:
            pairs = list(pairwise(symbols))
            ranked = [(self.ranks[pair], i) for i, pair in enumerate(pairs) if pair in self.ranks]
            if not ranked:
                return symbols
            i = min(ranked)[1]
            symbols[i : i + 2] = ["".join(pairs[i])]


def byte_letters():
    """GPT-2's letter for every byte: itself where it prints, else the next letter from U+0100."""
    prints = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    others = iter(range(0x100, 0x200))
    return [chr(byte) if byte in prints else chr(next(others)) for byte in range(256)]
