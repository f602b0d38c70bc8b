"""How long a run will take: plain arithmetic, and what has run already."""

from itertools import product
from pathlib import Path

import pytest

from neuronxa.__main__ import main
from neuronxa.config import ModelRow, Shape
from neuronxa.config.files import read_configuration
from neuronxa.planning.forecast import Forecast, Machine, Work, foretell
from neuronxa.planning.plan import make_plan

SHEET = Path("config/models.tsv")


@pytest.fixture
def plan(repository, monkeypatch):
    monkeypatch.chdir(repository)
    return make_plan(read_configuration([Path("config/config.yaml")]))


def texts_and_timings(root, plan, **seconds):
    folder = root / "resources/corpora/interface"
    folder.mkdir(parents=True)
    for code in plan.languages:
        (folder / f"{code}.txt").write_text("x" * 3000, encoding="utf-8")
    (shard,) = plan.corpus_shards("interface")
    for model, took in seconds.items():
        run = root / "results/timings/extract_activations" / model / "interface/default"
        run.mkdir(parents=True)
        (run / f"{shard}.tsv").write_text(f"s\th:m:s\n{took}\t-\n", encoding="ascii")


def test_what_is_foretold_is_plain_arithmetic(tmp_path, plan):
    texts_and_timings(tmp_path, plan)
    found = foretell(plan, Machine(gpus=0, threads=2), tmp_path)
    gemma, _ = found.of("extraction")
    # 24 texts of 1000 tokens, 100 million parameters of four bytes, two threads
    assert gemma.seconds == pytest.approx(20 + 4e8 / 2e8 + 2 * 1e8 * 24_000 / (2 * 4e10))
    compared, _ = found.of("comparison")
    units = 2 * 18 * 2048 + 2 * 19 * 640
    assert compared.seconds == pytest.approx(20 + 2 * 276 * 100**2 * units / (2 * 1.4e10))
    on_gpu = foretell(plan, Machine(gpus=1, threads=2), tmp_path).of("extraction")[0]
    assert on_gpu.seconds == pytest.approx(20 + 2 + 2 * 1e8 * 24_000 / 2e13)
    tasks = [work.name for work in found.of("task")]
    assert tasks == [
        f"{model}/{task}" for model in plan.settings.models for task in plan.settings.tasks
    ]


def test_what_has_run_scales_what_is_to_come(tmp_path, plan):
    texts_and_timings(tmp_path, plan, **{"gemma-3-270m": 300.0})
    found = foretell(plan, Machine(gpus=0, threads=2), tmp_path)
    gemma, smollm = found.of("extraction")
    assert gemma.done == 300.0
    assert found.scale("extraction") == pytest.approx(300.0 / gemma.seconds)
    assert found.scale("comparison") is None
    assert found.to_come(["extraction"]) == [pytest.approx(smollm.seconds * 300.0 / gemma.seconds)]


def test_the_wall_time_is_that_of_the_best_order_or_close_to_it():
    seconds = [7.0, 5.0, 4.0, 3.0, 3.0, 2.0]
    works = tuple(Work("task", str(n), s, 0.0, None) for n, s in enumerate(seconds))
    best = min(
        max(
            sum(s for s, own in zip(seconds, places, strict=True) if own == gpu)
            for gpu in (0, 1, 2)
        )
        for places in product(range(3), repeat=6)
    )
    wall = Forecast(works, Machine(gpus=3, threads=1)).wall(["task"])
    assert best <= wall <= 4 / 3 * best
    assert Forecast(works, Machine(gpus=64, threads=1)).wall(["task"]) == 7.0
    assert Forecast(works, Machine(gpus=1, threads=1)).wall(["task"]) == sum(seconds)


def test_a_shape_is_read_and_shown_alike():
    for shape in ("32x14336x4096 7.0B", "18x2048x640 100M"):
        row = ModelRow(model="m", label="m", source="hub", location="org/m", shape=shape)
        assert str(row.told) == shape
    assert row.told == Shape(18, 2048, 640, 100_000_000)
    assert ModelRow(model="m", label="m", source="hub", location="org/m").told is None
    with pytest.raises(ValueError, match="shape"):
        ModelRow(model="m", label="m", source="hub", location="org/m", shape="8B")


def test_every_model_of_the_sheet_has_a_shape(plan, repository):
    lines = [line for line in SHEET.read_text("utf-8").splitlines() if not line.startswith("#")]
    column = lines[0].split("\t").index("shape")
    for line in lines[1:]:
        layers, neurons, hidden = map(int, line.split("\t")[column].split(" ")[0].split("x"))
        assert hidden < neurons <= 8 * hidden, line
        assert 10 < layers < 100, line


def test_the_command_says_when_the_run_ends(plan, tmp_path, capsys):
    assert main(["plan", "--gpus", "0", "1", "8", "--threads", "2"]) == 0
    shown = capsys.readouterr().out
    assert "config/config.yaml: 2 models, 24 languages" in shown
    for place in ("without a GPU", "on 1 GPU:", "on 8 GPUs:"):
        assert f"To come {place}" in shown
    assert "Disk: about" in shown


def test_a_model_of_no_known_shape_is_named(plan, tmp_path, monkeypatch, capsys, repository):
    sheet = tmp_path / "models.tsv"
    sheet.write_text(
        "model\tlabel\tsource\tlocation\nunknown\tU\thub\torg/unknown\n", encoding="utf-8"
    )
    config = tmp_path / "own.yaml"
    config.write_text(f"models: [unknown]\nsheets: {{models: {sheet}}}\n", encoding="utf-8")
    assert main(["plan", "--config", str(config)]) == 0
    assert "Not counted: unknown, whose shape is not known" in capsys.readouterr().out


def test_a_wrong_config_is_refused_in_words(tmp_path, plan, capsys):
    config = tmp_path / "own.yaml"
    config.write_text("model: [x]\n", encoding="utf-8")
    assert main(["plan", "--config", str(config)]) == 1
    assert "unknown key 'model'" in capsys.readouterr().err
