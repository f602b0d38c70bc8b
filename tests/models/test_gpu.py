"""What only a GPU can show: the numbers of the CPU, in its precisions and through its kernels."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from neuronxa.activations import kernels
from neuronxa.activations.batches import plan_batches
from neuronxa.activations.packing import Segments, attend_grid, attend_varlen
from neuronxa.alignment.products import ON_CPU, products_on
from neuronxa.alignment.reduction import reduce_alignment
from neuronxa.downstream.nli.classifier import tokenise_pairs
from neuronxa.downstream.nli.evaluation import class_log_probabilities
from neuronxa.downstream.nli.training import load_fine_tuned
from neuronxa.downstream.ranking import rank_candidates
from neuronxa.stores.alignment import Alignment

from ..unit.stores import filled_store
from ..unit.test_alignment import reduction_of
from .extracting import extract, rows, snapshot_of, text
from .test_batches import BOUNDS, RULES, check_pooling, plain_attention, pooled, sentences, states
from .test_nli import toy_pairs, tuning, world  # noqa: F401 (a fixture)
from .test_ranking import asked, byte_tokenizer, tiny
from .tiny import tiny_tokenizer

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")

FAMILIES = ("llama", "mistral", "gemma2", "gemma3_text", "qwen3", "gpt2", "bloom", "mixtral")
SENTENCES = tuple(
    "The cat sat on the mat and looked at the moon. "[: 9 + 5 * n] + "x" * n for n in range(12)
)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize(
    ("attend", "dtype", "allowed"),
    [
        (attend_grid, torch.float32, 1e-4),
        (attend_grid, torch.bfloat16, 5e-2),
        (attend_varlen, torch.bfloat16, 5e-2),
        (attend_varlen, torch.float16, 1e-2),
    ],
)
def test_every_kernel_attends_sentence_by_sentence(attend, dtype, allowed, rule):
    if attend is attend_varlen and rule.softcap is not None:
        pytest.skip("capped scores go through the grid")
    query, key, value = (one.to("cuda", dtype) for one in states())
    segments = Segments(BOUNDS)
    found = attend(query, key, value, segments, rule).float().cpu()
    for start, end in BOUNDS:
        one = [t[0, :, start:end].double().cpu().numpy() for t in (query, key, value)]
        expected = plain_attention(*one, rule)
        difference = np.abs(found[0, :, start:end].numpy() - expected)
        assert difference.max() <= allowed * np.abs(expected).max()


@pytest.mark.parametrize("batching", ["packed", "padded"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("units", [5, 256, 700])
def test_the_kernels_pool_as_a_plain_loop(units, dtype, batching):
    assert kernels.fits(torch.zeros(2, units, device="cuda"))
    check_pooling(batching, "cuda", dtype, units)


def test_a_sentence_is_pooled_to_the_same_bits_in_any_company():
    values = torch.randn(64, 700, device="cuda")
    (full,) = plan_batches(sentences(5, 20, 39), token_budget=1000, batching="packed")
    (own,) = plan_batches(sentences(39), token_budget=1000, batching="packed")
    together, alone = pooled(full, values), pooled(own, values[25:])
    for number in (0, 2, 3, 4):  # all but the counts, which are of the whole batch
        assert np.array_equal(together[number][2], alone[number][0])


@pytest.mark.parametrize("kind", FAMILIES)
def test_float32_gives_the_numbers_of_the_cpu(kind, tmp_path):
    _, folder, card = snapshot_of(kind, tmp_path)
    texts = [text("eng_Latn", SENTENCES)]
    cpu, gpu = (
        extract(folder, card, tmp_path / device, texts, device=device)[0]
        for device in ("cpu", "cuda")
    )
    for name in cpu.representations:
        expected, found = rows(cpu, name), rows(gpu, name)
        if name.startswith("nas_"):
            assert (expected != found).mean() < 1e-3
        else:
            scale = np.abs(expected).max()
            np.testing.assert_allclose(found, expected, atol=1e-4 * scale)
    assert gpu.manifest["facts"]["device"] == "cuda"


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
@pytest.mark.parametrize("kind", ["llama", "gemma3_text", "mixtral"])
def test_a_sentence_alone_and_in_company_and_a_second_run(kind, dtype, tmp_path):
    """No state differs by more than rounding can explain; a second run gives the same bytes."""
    _, folder, card = snapshot_of(kind, tmp_path)
    first, again = (
        extract(
            folder,
            card,
            tmp_path / run,
            [text("eng_Latn", SENTENCES)],
            device="cuda",
            dtype=dtype,
            block_sentences=12,
            token_budget=512,
        )[0]
        for run in ("first", "again")
    )
    assert first.manifest["parts"] == again.manifest["parts"]
    measured = first.manifest["facts"]["invariance"]
    assert measured["nas_gate"]["beyond"] == 0
    assert measured["hidden"] <= {"float32": 1e-5, "float16": 5e-3, "bfloat16": 4e-2}[dtype]


def test_ranks_are_those_of_the_cpu_hit_for_hit(tmp_path):
    codes = ["eng_Latn", "deu_Latn", "swh_Latn", "hin_Deva", "rus_Cyrl"]
    for seed, code in enumerate(codes):
        filled_store(tmp_path / code, language=code, seed=seed)
    reduction = reduction_of({code: tmp_path / code for code in codes})
    stored = []
    for name, products in (("cpu", ON_CPU), ("gpu", products_on("cuda"))):
        reduce_alignment(reduction, tmp_path / name, memory_gb=1.0, workers=2, products=products)
        stored.append(Alignment(tmp_path / name))
    cpu = stored[0]
    for representation, layers in cpu.layers.items():
        for layer in range(layers):
            for name in ("rank", "ties"):
                one, other = (found.layer(name, representation, layer) for found in stored)
                np.testing.assert_array_equal(one, other)
        for measure in cpu.measures(representation):
            one, other = (found.scores(measure, representation) for found in stored)
            np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)


def test_candidates_get_the_probabilities_of_the_cpu():
    model, tokenizer, questions = tiny("gemma3_window"), byte_tokenizer(), asked()
    expected = rank_candidates(model, tokenizer, questions)
    found = rank_candidates(model.to("cuda"), tokenizer, questions)
    np.testing.assert_allclose(found["log_probability"], expected["log_probability"], rtol=1e-4)


def test_fine_tuning_gives_the_losses_of_the_cpu(world, tmp_path):  # noqa: F811
    curves = {}
    for device in ("cpu", "cuda"):
        replace(tuning(world, tmp_path / device), device=device).publish()
        curves[device] = pd.read_parquet(tmp_path / device / "curve.parquet")["loss"]
    np.testing.assert_allclose(curves["cuda"], curves["cpu"], rtol=1e-2)
    ids = tokenise_pairs(tiny_tokenizer(), toy_pairs(20))
    found = [
        class_log_probabilities(
            load_fine_tuned(world / "snapshot", tmp_path / "cuda", device=device),
            [3, 4, 5],
            ids,
            token_budget=64,
        )
        for device in ("cpu", "cuda")
    ]
    np.testing.assert_allclose(*found, atol=1e-4)
