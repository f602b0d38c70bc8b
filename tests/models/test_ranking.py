"""Ranking: packed trees give what one full prompt at a time gives, on tiny random models."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
import transformers
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

from neuronxa.config.rows import TaskRow
from neuronxa.downstream.bmlama import Cloze, Clozes
from neuronxa.downstream.facts import Question, Questions, build_questions
from neuronxa.downstream.prompts import tokenize
from neuronxa.downstream.ranking import rank_candidates
from neuronxa.downstream.trees import pack, runs_trees
from neuronxa.errors import ModelError

SIZES = {"hidden_size": 32, "num_hidden_layers": 3, "num_attention_heads": 4, "vocab_size": 300}
LLAMA = {
    **SIZES,
    "intermediate_size": 48,
    "num_key_value_heads": 2,
    "max_position_embeddings": 2048,
}
MIXED = ["sliding_attention", "full_attention", "sliding_attention"]
GPT2 = {"n_embd": 32, "n_layer": 2, "n_head": 4, "vocab_size": 300, "n_positions": 2048}

# name: class prefix, config, whether trees are used. Windows are shorter than every prompt.
TINY: dict[str, tuple[str, dict[str, Any], bool]] = {
    "llama": ("Llama", LLAMA, True),
    "llama_eager": ("Llama", {**LLAMA, "attn_implementation": "eager"}, True),
    "mistral_window": ("Mistral", {**LLAMA, "sliding_window": 40}, True),
    "mistral_no_window": ("Mistral", {**LLAMA, "sliding_window": None}, True),
    "gemma3_window": (
        "Gemma3",
        {**LLAMA, "head_dim": 8, "sliding_window": 40, "layer_types": MIXED},
        True,
    ),
    "gemma3_long_window": (
        "Gemma3",
        {**LLAMA, "head_dim": 8, "sliding_window": 1024, "layer_types": MIXED},
        True,
    ),
    "gemma2_softcap": (
        "Gemma2",
        {**LLAMA, "head_dim": 8, "sliding_window": 40, "final_logit_softcapping": 2.0},
        True,
    ),
    "qwen2": ("Qwen2", LLAMA, True),
    "olmo2": ("Olmo2", LLAMA, True),
    "gpt2": ("GPT2", GPT2, True),
    "bloom": ("Bloom", {"hidden_size": 32, "n_layer": 2, "n_head": 4, "vocab_size": 300}, False),
}


def tiny(name: str) -> Any:
    prefix, settings, _ = TINY[name]
    settings = dict(settings)
    attention = settings.pop("attn_implementation", None)
    kind = "Gemma3TextConfig" if prefix == "Gemma3" else f"{prefix}Config"
    config = getattr(transformers, kind)(
        **settings, bos_token_id=1, eos_token_id=2, pad_token_id=0, initializer_range=0.4
    )
    torch.manual_seed(0)
    extra = {"attn_implementation": attention} if attention else {}
    model = transformers.AutoModelForCausalLM.from_config(config, dtype=torch.float32, **extra)
    return model.eval()


def byte_tokenizer(*, bos: bool = True, eos: bool = False) -> PreTrainedTokenizerFast:
    """One token per byte, so that candidates are long and share beginnings."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {"<pad>": 0, "<bos>": 1, "<eos>": 2}
    vocabulary |= {letter: number + 3 for number, letter in enumerate(alphabet)}
    raw = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    raw.decoder = decoders.ByteLevel()
    template = f"{'<bos> ' if bos else ''}$A{' <eos>' if eos else ''}"
    raw.post_processor = processors.TemplateProcessing(
        single=template, special_tokens=[("<bos>", 1), ("<eos>", 2)]
    )
    return PreTrainedTokenizerFast(tokenizer_object=raw, bos_token="<bos>", eos_token="<eos>")


def asked(relation: str = "continent", bcp47: str = "es", **settings: int) -> Questions:
    settings = {"items": 7, "shots": 3, **settings}
    row = {"task": "t", "label": "T", "kind": "facts", "relation": relation, **settings}
    return build_questions(TaskRow.model_validate(row), bcp47)


def one_at_a_time(model: Any, tokenizer: Any, questions: Questions) -> list[float]:
    """Full prompt and candidate through the causal model, float64 softmax in NumPy."""
    values = []
    for question in questions.questions:
        context = tokenizer(questions.prefix + question.prompt)["input_ids"]
        for candidate in question.candidates:
            text = questions.prefix + question.prompt + candidate
            ids = tokenizer(text)["input_ids"]
            assert ids[: len(context)] == context
            with torch.no_grad():
                logits = model(torch.tensor([ids])).logits[0].numpy().astype(np.float64)
            total = 0.0
            for place in range(len(context), len(ids)):
                row = logits[place - 1]
                total += row[ids[place]] - row.max() - np.log(np.exp(row - row.max()).sum())
            values.append(total)
    return values


@pytest.mark.parametrize("name", TINY)
def test_equals_one_prompt_at_a_time(name: str) -> None:
    model, tokenizer, questions = tiny(name), byte_tokenizer(), asked()
    assert runs_trees(model) is TINY[name][2]
    # Small chunks: several trees, some of several questions.
    frame = rank_candidates(model, tokenizer, questions, chunk_tokens=120)
    expected = one_at_a_time(model, tokenizer, questions)
    np.testing.assert_allclose(frame["log_probability"], expected, rtol=2e-6, atol=2e-4)
    assert np.ptp(expected) > 1  # the candidates differ, or any mask would do


@pytest.mark.parametrize("name", ["llama", "gemma3_window", "gpt2", "bloom"])
@pytest.mark.parametrize("bos", [True, False])
def test_without_worked_examples(name: str, bos: bool) -> None:
    model, tokenizer, questions = tiny(name), byte_tokenizer(bos=bos), asked(shots=0)
    assert questions.prefix == ""
    frame = rank_candidates(model, tokenizer, questions)
    expected = one_at_a_time(model, tokenizer, questions)
    np.testing.assert_allclose(frame["log_probability"], expected, rtol=2e-6, atol=2e-4)


@pytest.mark.parametrize("chunk", [1, 64, 10_000])
def test_chunks_do_not_matter(chunk: int) -> None:
    model, tokenizer, questions = tiny("gemma3_window"), byte_tokenizer(), asked("language", "sw")
    frame = rank_candidates(model, tokenizer, questions, chunk_tokens=chunk)
    other = rank_candidates(model, tokenizer, questions, chunk_tokens=200)
    np.testing.assert_allclose(frame.log_probability, other.log_probability, atol=2e-4)


def test_candidate_that_begins_another() -> None:
    question = Question("t/X", "x :", (" ab", " abc", " b"), 1, "abc", False)
    questions = Questions("t", "en", "en", "y : b\n", (question,), (), 1)
    model, tokenizer = tiny("llama"), byte_tokenizer()
    frame = rank_candidates(model, tokenizer, questions)
    np.testing.assert_allclose(
        frame.log_probability, one_at_a_time(model, tokenizer, questions), atol=2e-4
    )
    assert frame.tokens.tolist() == [3, 4, 2]


def test_table() -> None:
    questions = asked("language", "fr", items=12)
    frame = rank_candidates(tiny("llama"), byte_tokenizer(), questions)
    assert frame.dtypes.astype(str).to_dict() == {
        "item": "str",
        "candidate": "int64",
        "answer": "str",
        "log_probability": "float64",
        "tokens": "int64",
        "gold": "bool",
        "given_away": "bool",
    }
    assert frame["item"].unique().tolist() == [q.item_id for q in questions.questions]
    assert (frame.log_probability < 0).all()
    for question, (_, rows) in zip(
        questions.questions, frame.groupby("item", sort=False), strict=True
    ):
        assert rows.candidate.tolist() == list(range(len(question.candidates)))
        assert rows.loc[rows.gold, "candidate"].tolist() == [question.gold]
        assert set(rows.answer) == {question.answer}
        assert rows.tokens.tolist() == [len(text.encode()) for text in question.candidates]


def test_language_without_questions_gives_an_empty_table() -> None:
    frame = rank_candidates(tiny("llama"), byte_tokenizer(), asked(bcp47="ace-Arab"))
    assert len(frame) == 0 and "log_probability" in frame.columns


@pytest.mark.parametrize("eos", [True, False])
def test_parts_join_to_the_whole_text(eos: bool) -> None:
    tokenizer, questions = byte_tokenizer(eos=eos), asked(bcp47="hi")
    prefix, tokens = tokenize(questions, tokenizer)
    plain = byte_tokenizer()
    for ids, question in zip(tokens, questions.questions, strict=True):
        for part, text in zip(ids.tokens, question.candidates, strict=True):
            whole = plain(questions.prefix + question.prompt + text)["input_ids"]
            assert prefix + part == whole
            assert len(part) - ids.given == len(text.encode())


def test_parts_carry_no_word_boundary_of_their_own() -> None:
    """SentencePiece-like tokenizers put a space before every text; only the prefix may have it."""
    raw = Tokenizer(models.BPE(vocab=_letters(), merges=[], unk_token="?"))
    raw.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always", split=False)
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=raw)
    question = Question("t/X", "b :", (" aa", " ab"), 0, "a", False)
    questions = Questions("t", "en", "en", "a : b\n", (question,), (), 1)
    prefix, (sequences,) = tokenize(questions, tokenizer)
    whole = tokenizer("a : b\nb : ab", add_special_tokens=False)["input_ids"]
    assert prefix + sequences.tokens[1] == whole


def _letters() -> dict[str, int]:
    return {letter: number for number, letter in enumerate("?▁ab:\n")}


def test_prompt_longer_than_the_context() -> None:
    settings = {**LLAMA, "max_position_embeddings": 50}
    model = transformers.LlamaForCausalLM(transformers.LlamaConfig(**settings))
    with pytest.raises(ModelError, match=r"tokens, the model takes 50[\s\S]*lower 'shots'"):
        rank_candidates(model, byte_tokenizer(), asked())


CLOZES = Clozes(
    (
        Cloze("1", "Rome is in <mask>.", ("Italy", "Iceland", "It", "France"), 0, "Italy", False),
        Cloze("2", "<mask> lies in Asia", ("India", "Ida"), None, "Iran", False),
        Cloze("5", "Romance is <mask> here", ("spoken",), 0, "spoken", False),
    )
)


def mean_losses(model: Any, tokenizer: Any, clozes: Clozes) -> list[float]:
    """The loss of transformers for every filled sentence, one at a time."""
    losses = []
    for cloze in clozes.questions:
        for text in cloze.filled:
            ids = tokenizer(text, return_tensors="pt")["input_ids"]
            with torch.no_grad():
                losses.append(float(model(ids, labels=ids).loss))
    return losses


@pytest.mark.parametrize("name", ["llama", "gemma3_window", "gemma2_softcap", "gpt2", "bloom"])
@pytest.mark.parametrize("bos", [True, False])
def test_filled_sentences_have_the_loss_of_transformers(name: str, bos: bool) -> None:
    model, tokenizer = tiny(name), byte_tokenizer(bos=bos)
    frame = rank_candidates(model, tokenizer, CLOZES, chunk_tokens=40)
    expected = mean_losses(model, tokenizer, CLOZES)
    np.testing.assert_allclose(-frame.log_probability / frame.tokens, expected, rtol=1e-5)
    assert np.ptp(expected) > 0.05
    # the first token is scored only behind one that the tokenizer adds
    texts = [text for cloze in CLOZES.questions for text in cloze.filled]
    assert frame.tokens.tolist() == [len(text.encode()) - (not bos) for text in texts]


def test_filled_sentences_keep_their_places() -> None:
    frame = rank_candidates(tiny("llama"), byte_tokenizer(), CLOZES)
    assert frame["item"].tolist() == ["1"] * 4 + ["2"] * 2 + ["5"]
    assert frame.candidate.tolist() == [0, 1, 2, 3, 0, 1, 0]
    assert frame.gold.tolist() == [True, False, False, False, False, False, True]


def test_a_trie_feeds_a_common_beginning_once() -> None:
    _, asked = tokenize(CLOZES, byte_tokenizer())
    (trie,) = pack(asked, 10_000)
    begun = {
        tuple(tokens[:length])
        for one in asked
        for tokens in one.tokens
        for length in range(1, len(tokens))
    }
    assert len(trie.tokens) == len(begun)
    assert len(list(pack(asked, 1))) == 3


def test_chunks_do_not_matter_to_filled_sentences() -> None:
    model, tokenizer = tiny("gemma3_window"), byte_tokenizer()
    frames = [rank_candidates(model, tokenizer, CLOZES, chunk_tokens=n) for n in (1, 10_000)]
    np.testing.assert_allclose(frames[0].log_probability, frames[1].log_probability, rtol=1e-5)
