"""What jobs ask of a scheduler."""

from __future__ import annotations

import pytest

from neuronxa.config import ExtractionRow
from neuronxa.config.settings import ConfigFile
from neuronxa.planning import resources

FILE = ConfigFile(models=["m"], languages="all", corpora=["c"])


def on(device):
    both = {"extraction": {"device": device}, "alignment": {"device": device}}
    return ConfigFile.model_validate({**FILE.model_dump(), **both})


@pytest.mark.parametrize(
    ("device", "asked"), [("auto", {"gpu": 1}), ("cuda", {"gpu": 1}), ("cuda:1", {}), ("cpu", {})]
)
def test_a_gpu_is_asked_for_where_one_may_be_used(device, asked):
    assert resources.gpus(device) == asked


def test_a_failed_job_asks_for_more_memory_and_time():
    first, second, third = (
        resources.reduction(FILE, languages=20, sentences=100, threads=4, attempt=attempt)
        for attempt in (1, 2, 3)
    )
    assert first.mem_mb < second.mem_mb < third.mem_mb == 2 * first.mem_mb
    assert (second.runtime, third.runtime) == (2 * first.runtime, 3 * first.runtime)
    assert third.disk_mb == first.disk_mb


def test_a_reduction_grows_with_pairs_and_sentences():
    def runtime(languages, sentences, device="cpu", threads=1):
        file = on(device)
        return (
            resources.reduction(
                file, languages=languages, sentences=sentences, threads=threads, attempt=1
            ).runtime
            - 20
        )

    assert runtime(400, 200) == pytest.approx(4 * runtime(200, 200), rel=0.02)
    assert runtime(200, 400) == pytest.approx(4 * runtime(200, 200), rel=0.02)
    assert runtime(200, 400, threads=4) == pytest.approx(runtime(200, 400) / 4, rel=0.02)
    assert runtime(200, 400, device="auto") < runtime(200, 400, threads=16)


def test_a_model_that_is_not_there_is_asked_for_later(tmp_path):
    model = tmp_path / "model.json"
    for ask in (
        lambda: resources.model_run(model, attempt=1),
        lambda: resources.extraction(
            model,
            ExtractionRow(extraction="e", label="e"),
            FILE,
            texts=[],
            sentences=1,
            threads=1,
            attempt=1,
        ),
    ):
        with pytest.raises(FileNotFoundError) as told:
            ask()
        # Snakemake asks again when this input is there
        assert told.value.filename == str(model)


def test_loading_is_a_small_share_of_a_shard():
    for loading, language in ((60, 0.3), (300, 28), (5, 100)):
        n = resources.languages_per_shard(loading, language)
        assert loading / (loading + n * language) <= 0.1
        assert n == 1 or loading / (loading + (n - 1) * language) > 0.1
