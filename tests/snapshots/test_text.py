"""Plain text is as probable to a snapshot as it is to such a model."""

from __future__ import annotations

import math
import re
from contextlib import contextmanager

import pytest
import torch

from .names import GEMMA, SMOLLM

pytestmark = [pytest.mark.workflow, pytest.mark.real]

TEXTS = {
    "eng_Latn": "The old market in the middle of the town opens at six in the morning. Farmers "
    "bring vegetables, fruit and eggs, and the baker sells warm bread. Most people come on foot, "
    "talk for a while with their neighbours and go home before it gets hot.\n"
    "The Moon is the only natural satellite of the Earth. It circles the Earth in about a month "
    "and always shows it the same side. The tides of the sea come mainly from the pull of the "
    "Moon.",
    "deu_Latn": "Der alte Markt in der Mitte der Stadt öffnet um sechs Uhr morgens. Bauern bringen "
    "Gemüse, Obst und Eier, und der Bäcker verkauft warmes Brot. Die meisten Leute kommen zu Fuß, "
    "reden eine Weile mit ihren Nachbarn und gehen nach Hause, bevor es heiß wird.\n"
    "Der Mond ist der einzige natürliche Satellit der Erde. Er umkreist die Erde in etwa einem "
    "Monat und zeigt ihr immer dieselbe Seite. Die Gezeiten des Meeres entstehen vor allem durch "
    "die Anziehungskraft des Mondes.",
    "spa_Latn": "El viejo mercado en el centro de la ciudad abre a las seis de la mañana. Los "
    "campesinos traen verduras, fruta y huevos, y el panadero vende pan caliente. La mayoría de la "
    "gente viene a pie, habla un rato con sus vecinos y vuelve a casa antes de que haga calor.\n"
    "La Luna es el único satélite natural de la Tierra. Da una vuelta alrededor de la Tierra en "
    "aproximadamente un mes y siempre le muestra la misma cara. Las mareas del mar se deben sobre "
    "todo a la atracción de la Luna.",
    "rus_Cyrl": "Старый рынок в центре города открывается в шесть часов утра. Крестьяне привозят "
    "овощи, фрукты и яйца, а пекарь продаёт тёплый хлеб. Большинство людей приходит пешком, "
    "немного разговаривает с соседями и возвращается домой, пока не стало жарко.\n"
    "Луна — единственный естественный спутник Земли. Она обращается вокруг Земли примерно за "
    "месяц и всегда повёрнута к ней одной и той же стороной. Морские приливы вызваны главным "
    "образом притяжением Луны.",
    "hin_Deva": "शहर के बीच का पुराना बाज़ार सुबह छह बजे खुलता है। किसान सब्ज़ियाँ, फल और अंडे लाते हैं, और "
    "बेकरी वाला गरम रोटी बेचता है। ज़्यादातर लोग पैदल आते हैं, थोड़ी देर अपने पड़ोसियों से बात करते हैं और "
    "गर्मी बढ़ने से पहले घर लौट जाते हैं।\n"
    "चंद्रमा पृथ्वी का एकमात्र प्राकृतिक उपग्रह है। यह लगभग एक महीने में पृथ्वी का एक चक्कर लगाता है और "
    "हमेशा उसकी ओर एक ही भाग रखता है। समुद्र के ज्वार-भाटे मुख्य रूप से चंद्रमा के आकर्षण से आते हैं।",
    "zho_Hans": "城中心的老市场早上六点开门。农民带来蔬菜、水果和鸡蛋，面包师卖热面包。"
    "大多数人走路来，跟邻居聊一会儿，在天气变热之前回家。\n"
    "月球是地球唯一的天然卫星。它大约一个月绕地球一周，并且总是以同一面朝向地球。"
    "海洋的潮汐主要是由月球的引力引起的。",
    "swh_Latn": "Soko la zamani katikati ya mji hufunguliwa saa kumi na mbili asubuhi. Wakulima "
    "huleta mboga, matunda na mayai, na mwokaji huuza mkate wa moto. Watu wengi huja kwa miguu, "
    "huzungumza kidogo na majirani zao na kurudi nyumbani kabla ya jua kuwa kali.\n"
    "Mwezi ni satelaiti asilia pekee ya Dunia. Huizunguka Dunia kwa muda wa takriban mwezi mmoja "
    "na daima huonyesha upande uleule. Maji kupwa na kujaa baharini husababishwa hasa na mvutano "
    "wa Mwezi.",
}
#: What a text begins with in training: <bos>, and <|endoftext|> between two documents.
START = {GEMMA: 2, SMOLLM: 0}
#: Bits per UTF-8 byte that were measured, with float32 on a CPU. Gemma's perplexity per token is
#: 22 in English, 27 in German, 26 in Spanish, 28 in Russian, 42 in Hindi, 97 in Chinese and 98 in
#: Swahili, SmolLM2's in English is 29. Per character it is 1.0 to 1.4 bits, 4.5 in Chinese.
MEASURED = {
    (GEMMA, "eng_Latn"): 0.986,
    (GEMMA, "deu_Latn"): 1.086,
    (GEMMA, "spa_Latn"): 1.061,
    (GEMMA, "rus_Cyrl"): 0.693,
    (GEMMA, "hin_Deva"): 0.556,
    (GEMMA, "zho_Hans"): 1.501,
    (GEMMA, "swh_Latn"): 2.301,
    (SMOLLM, "eng_Latn"): 1.070,
}


@torch.no_grad()
def surprise(causal, tokenizer, model, code):
    """Bits of a text to a model, and the number of tokens that they are about."""
    ids = tokenizer(TEXTS[code], add_special_tokens=False)["input_ids"]
    ids = torch.tensor([[START[model], *ids]])
    tokens = ids.shape[1] - 1
    return float(causal(ids, labels=ids).loss) * tokens / math.log(2), tokens


@pytest.fixture(scope="module")
def plain(causals, tokenizers):
    """What `surprise` gives for the models as they are."""
    wanted = [*MEASURED, (SMOLLM, "hin_Deva")]
    return {(m, c): surprise(causals[m], tokenizers[m], m, c) for m, c in wanted}


def size(code):
    return len(TEXTS[code].encode("utf-8"))


@pytest.mark.parametrize(("model", "code"), MEASURED)
def test_plain_text_is_as_probable_as_it_was_measured(plain, model, code):
    found, expected = plain[model, code][0] / size(code), MEASURED[model, code]
    assert expected / 1.25 < found < expected * 1.25


def test_one_model_knows_many_languages_and_the_other_one_english(plain):
    """Measured: Hindi costs SmolLM2 1.404 bits per byte, 2.5 times what it costs Gemma."""
    bits = {key: bits for key, (bits, _) in plain.items()}
    english, hindi = (bits[SMOLLM, code] / size(code) for code in ("eng_Latn", "hin_Deva"))
    assert hindi > 1.2 * english
    assert bits[SMOLLM, "hin_Deva"] > 2 * bits[GEMMA, "hin_Deva"]
    assert bits[SMOLLM, "eng_Latn"] < 1.3 * bits[GEMMA, "eng_Latn"]


@contextmanager
def changed(causal, part, change):
    """The model with the weights of a part changed, and as it was after."""
    weights = {name: w for name, w in causal.named_parameters() if re.search(part, name)}
    kept = {name: weight.detach().clone() for name, weight in weights.items()}
    try:
        with torch.no_grad():
            for name, weight in weights.items():
                weight.copy_(change(kept[name], causal.config))
        yield
    finally:
        with torch.no_grad():
            for name, weight in weights.items():
                weight.copy_(kept[name])


def as_neighbours(weight, config):
    """Rotary pairs as neighbours: as GGUF keeps Llama's q and k, and does not keep Gemma's."""
    half = config.head_dim // 2
    return weight.reshape(-1, 2, half, weight.shape[1]).transpose(1, 2).reshape(weight.shape)


@pytest.mark.parametrize(
    ("model", "part", "change"),
    [
        pytest.param(GEMMA, r"[qk]_proj", as_neighbours, id="gemma-rotary"),
        pytest.param(GEMMA, r"norm", lambda w, _: w + 1, id="gemma-norms"),
        pytest.param(GEMMA, r"[qk]_norm", lambda w, _: w + 1, id="gemma-qk-norms"),
        pytest.param(SMOLLM, r"[qk]_proj", as_neighbours, id="smollm-rotary"),
        pytest.param(SMOLLM, r"norm", lambda w, _: w - 1, id="smollm-norms"),
    ],
)
def test_the_other_convention_makes_plain_text_improbable(
    causals, tokenizers, plain, model, part, change
):
    """So the perplexities tell the conventions apart.

    Measured perplexity in English, right and with the other convention: Gemma 22 and 559 (rotary),
    6e7 (all norms), 84 (norms of q and k alone); SmolLM2 29 and 161 (rotary), 7e5 (norms).
    """
    bits, tokens = plain[model, "eng_Latn"]
    with changed(causals[model], part, change):
        wrong, _ = surprise(causals[model], tokenizers[model], model, "eng_Latn")
    assert 2 ** (wrong / tokens) > 2 * 2 ** (bits / tokens)
