"""Which sentences go together, and the attention that keeps them apart."""

import numpy as np
import pytest
import torch

from neuronxa.activations import packing
from neuronxa.activations.batches import MIN_PACK_TOKENS, plan_batches
from neuronxa.activations.packing import Rule, Segments, attend_each, attend_grid
from neuronxa.activations.pooling import Pooler
from neuronxa.activations.tokens import Tokens


def sentences(*lengths):
    return [(row, Tokens.whole(np.arange(1, n + 1))) for row, n in enumerate(lengths)]


def test_packs_are_even_and_within_the_budget():
    batches = plan_batches(sentences(*[10] * 12), token_budget=100, batching="packed")
    assert [batch.size for batch in batches] == [60, 60]  # not 100 and 20
    assert [row for batch in batches for row in batch.rows] == list(range(12))
    rng = np.random.default_rng(0)
    many = sentences(*rng.integers(1, 60, 200))
    batches = plan_batches(many, token_budget=256, batching="packed")
    assert max(batch.size for batch in batches) <= 256
    assert [row for batch in batches for row in batch.rows] == list(range(200))


def test_a_long_sentence_goes_alone_and_a_short_pack_is_filled():
    batches = plan_batches(sentences(5, 500, 5), token_budget=100, batching="packed")
    assert [batch.rows for batch in batches] == [(0,), (1,), (2,)]
    assert [batch.size for batch in batches] == [MIN_PACK_TOKENS, 500, MIN_PACK_TOKENS]
    assert batches[0].attended == ((0, 5), (5, MIN_PACK_TOKENS))
    ids, positions = (tensor[0].tolist() for tensor in batches[0].inputs("cpu").values())
    assert ids == [1, 2, 3, 4, 5] + [0] * 27
    assert positions == [0, 1, 2, 3, 4, *range(27)]


def test_padded_batches_hold_sentences_of_like_length():
    lengths = (3, 30, 4, 29, 3, 31)
    batches = plan_batches(sentences(*lengths), token_budget=93, batching="padded")
    assert [batch.rows for batch in batches] == [(5, 1, 3), (2, 0, 4)]
    first = batches[0]
    assert first.shape == (3, 31)
    assert first.segments == ((0, 31), (31, 61), (62, 91))
    assert first.inputs("cpu")["input_ids"][2].tolist() == [*range(1, 30), 0, 0]


def pooled(batch, values, at=None):
    """What the pooler makes of states, as plain arrays, in part of wider ones."""
    pooler = Pooler.of(batch, str(values.device))
    count, units = len(batch.tokens), values.shape[1]
    sums = torch.zeros(count, units + 3, dtype=torch.int32, device=values.device)
    floats = torch.zeros(3, count, units + 3, device=values.device)
    active = torch.zeros(units, dtype=torch.int32, device=values.device)
    own = slice(2, 2 + units)
    pooler.site(values, at, sums=sums[:, own], mean=floats[0, :, own], active=active)
    if at is None:
        pooler.hidden(values, mean=floats[1, :, own], at_last=floats[2, :, own])
    assert not sums[:, :2].any() and not floats[:, :, units + 2 :].any()
    arrays = (sums[:, own], active, *floats[:, :, own])
    return [array.cpu().numpy() for array in arrays]


def check_pooling(batching, device, dtype, units):
    """All that is pooled equals a plain loop in float64."""
    found = sentences(3, 9, 1, 41)
    (batch,) = plan_batches(found, token_budget=1000, batching=batching)
    values = torch.randn(batch.size, units, generator=torch.Generator().manual_seed(0))
    values = values.to(device, dtype)
    sums, active, magnitudes, means, last = pooled(batch, values)
    counted = 0
    for number, ((start, end), tokens) in enumerate(zip(batch.segments, batch.tokens, strict=True)):
        inside = values[start:end].double().cpu().numpy()
        weight = np.arange(1, end - start + 1)[:, None]
        assert np.array_equal(sums[number], (weight * (inside > 0)).sum(0))
        for found, expected in ((magnitudes, abs(inside)), (means, inside)):
            np.testing.assert_allclose(
                found[number], (weight * expected).sum(0) / weight.sum(), rtol=1e-5, atol=1e-6
            )
        assert np.array_equal(last[number], inside[-1])
        counted = counted + (inside > 0).sum(0)
        assert len(tokens.ids) == end - start
    assert np.array_equal(active, counted)


@pytest.mark.parametrize("batching", ["packed", "padded"])
def test_pooling_equals_a_plain_loop(batching):
    check_pooling(batching, "cpu", torch.float32, units=5)


def test_states_of_chosen_tokens_are_pooled_as_if_the_others_were_zero():
    (batch,) = plan_batches(sentences(3, 9, 1, 6), token_budget=1000, batching="packed")
    values = torch.randn(batch.size, 5, generator=torch.Generator().manual_seed(0))
    chosen = torch.tensor([0, 2, batch.segments[1][0]])
    alone = torch.zeros_like(values)
    alone[chosen] = values[chosen]
    some, of_all = pooled(batch, values[chosen], chosen), pooled(batch, alone)
    for found, expected in zip(some[:3], of_all[:3], strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_tokens_in_doubt_are_those_close_to_zero():
    (batch,) = plan_batches(sentences(3, 9), token_budget=1000, batching="packed")
    values = torch.randn(batch.size, 5, generator=torch.Generator().manual_seed(0))
    doubt = Pooler.of(batch, "cpu").doubtful(values, torch.tensor(0.1))
    for number, (start, end) in enumerate(batch.segments):
        weight = np.arange(1, end - start + 1)[:, None]
        inside = values[start:end].numpy()
        assert np.array_equal(doubt[number], (weight * (abs(inside) <= 0.1)).sum(0))


BOUNDS = ((0, 7), (7, 8), (8, 25), (25, 32))
RULES = [
    Rule(None, None, None),
    Rule(0.3, None, None),
    Rule(None, None, 4),
    Rule(0.3, 2.0, None),
    Rule(0.3, 2.0, 4),
]


def plain_attention(query, key, value, rule):
    """One sentence, head by head and token by token, in float64."""
    heads, length, dim = query.shape
    output = np.zeros((heads, length, dim))
    for head, t in np.ndindex(heads, length):
        start = 0 if rule.window is None else max(0, t - rule.window + 1)
        shared = head // (heads // len(key))
        scores = key[shared, start : t + 1] @ query[head, t] * (rule.scaling or dim**-0.5)
        if rule.softcap is not None:
            scores = rule.softcap * np.tanh(scores / rule.softcap)
        share = np.exp(scores - scores.max())
        output[head, t] = share @ value[shared, start : t + 1] / share.sum()
    return output


def states():
    generator = torch.Generator().manual_seed(0)
    return [2 * torch.randn(1, heads, 32, 8, generator=generator) for heads in (4, 2, 2)]


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("attend", [attend_each, attend_grid])
def test_every_kernel_attends_sentence_by_sentence(attend, rule):
    query, key, value = states()
    segments = Segments(BOUNDS)
    found = attend(query, key, value, segments, rule)
    for start, end in BOUNDS:
        one = [t[0, :, start:end].double().numpy() for t in (query, key, value)]
        np.testing.assert_allclose(
            found[0, :, start:end], plain_attention(*one, rule), rtol=1e-4, atol=1e-5
        )


@pytest.mark.parametrize("rule", RULES[:3])
def test_flash_attention_is_told_the_same(rule, monkeypatch):
    """Its kernel needs a GPU; a plain one with the same interface stands in for it."""
    from torch.nn.attention import varlen

    def stand_in(query, key, value, begin, begin_keys, longest, _, **how):
        assert begin.dtype == torch.int32
        assert torch.equal(begin, begin_keys)
        assert how["num_splits"] == 1
        assert how["enable_gqa"]
        left, right = how["window_size"]
        assert right == 0
        parts = []
        for start, end in zip(begin[:-1].tolist(), begin[1:].tolist(), strict=True):
            assert end - start <= longest
            one = [t[start:end].transpose(0, 1).double().numpy() for t in (query, key, value)]
            window = None if left < 0 else left + 1
            parts.append(plain_attention(*one, Rule(how["scale"], None, window)))
        return torch.from_numpy(np.concatenate(parts, axis=1)).transpose(0, 1).float()

    monkeypatch.setattr(varlen, "varlen_attn", stand_in)
    segments = Segments(BOUNDS)
    found = packing.attend_varlen(*states(), segments, rule)
    torch.testing.assert_close(found, attend_each(*states(), segments, rule), atol=1e-5, rtol=1e-4)


def test_the_kernel_follows_device_and_precision():
    def choose(device, dtype, rule=RULES[0]):
        class Query:
            pass

        query = Query()
        query.device, query.dtype = torch.device(device), dtype
        return packing._way(query, rule)

    assert choose("cpu", torch.float32) is attend_each
    assert choose("cuda", torch.float32) is attend_grid
    assert choose("cuda", torch.bfloat16) is packing.attend_varlen
    assert choose("cuda", torch.bfloat16, RULES[3]) is attend_grid
