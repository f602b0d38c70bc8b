"""Lines and predictions against SciPy, NumPy, hand formulas, refits and published means."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from scipy import optimize, stats

from neuronxa.errors import StatisticsError
from neuronxa.output.figures import figure_predictions
from neuronxa.output.tables import fits_table, predictions_table, write_table
from neuronxa.statistics import correlate, least_squares, leave_one_out, predict_scores
from neuronxa.statistics.prediction import FIT_COLUMNS, PREDICTION_COLUMNS, limits

from .synthetic import PIVOT, make_languages

RUN = {"model": "m", "corpus": "c", "extraction": "x", "method": "NASCA", "reduction": "mean"}


def points(n=23, *, slope=0.6, noise=0.05, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.random(n)
    return x, 0.25 + slope * x + rng.normal(0, noise, n)


def run_of(count=40, measured=24, *, slope=0.5, noise=0.05, metric="acc", pivot_score=0.8, seed=0):
    """Alignment of `count` languages, task scores of the first `measured`."""
    rng = np.random.default_rng(seed)
    languages = make_languages(count)
    codes = list(languages)
    x = {code: 1.0 if code == PIVOT else float(rng.random()) for code in codes}
    methods = pd.DataFrame(
        [{**RUN, "language": code, "value": value, "n": 100} for code, value in x.items()]
    )
    task = pd.DataFrame(
        [
            {
                "model": "m",
                "task": "quiz",
                "language": code,
                "metric": metric,
                "value": pivot_score
                if code == PIVOT
                else float(np.clip(0.25 + slope * x[code] + rng.normal(0, noise), 0, 1)),
                "chance": 0.25,
            }
            for code in codes[:measured]
        ]
    )
    return languages, methods, task


# The line


@pytest.mark.parametrize("n", [5, 23, 200])
def test_the_line_is_numpys_and_its_errors_are_scipys(n):
    x, y = points(n, seed=n)
    line = least_squares(x, y)
    slope, intercept = np.polyfit(x, y, 1)
    reference = stats.linregress(x, y)
    residual = y - (slope * x + intercept)
    assert (line.slope, line.intercept) == pytest.approx((slope, intercept), abs=1e-12)
    assert line.slope_error == pytest.approx(reference.stderr)
    assert line.intercept_error == pytest.approx(reference.intercept_stderr)
    assert line.r2 == pytest.approx(reference.rvalue**2)
    assert line.spread == pytest.approx(math.sqrt((residual**2).sum() / (n - 2)))
    assert (line.n, line.least, line.most) == (n, x.min(), x.max())


def test_the_interval_of_a_new_observation_is_that_of_the_covariance_matrix():
    x, y = points(12)
    _, covariance = optimize.curve_fit(lambda at, a, b: a + b * at, x, y)
    line = least_squares(x, y)
    for at in (-0.5, 0.3, 2.0):
        row = np.array([1.0, at])
        mean = row @ covariance @ row
        t = stats.t.ppf(0.95, 10)
        assert line.band(at, confidence=0.9) == pytest.approx(t * math.sqrt(mean), rel=1e-6)
        expected = t * math.sqrt(mean + line.spread**2)
        assert line.reach(at, confidence=0.9) == pytest.approx(expected, rel=1e-6)


def test_what_is_no_line_says_why():
    with pytest.raises(StatisticsError, match=r"n = 2 points has no residual error\n.*add lang"):
        least_squares([1, 2], [3, 4])
    with pytest.raises(StatisticsError, match=r"x is constant \(0\.5 in all 4 points\)"):
        least_squares([0.5] * 4, [1, 2, 3, 4])
    with pytest.raises(StatisticsError, match=r"finite values that pair up, got shapes \(2,\)"):
        least_squares([1, 2], [1, 2, 3])
    with pytest.raises(StatisticsError, match="finite values"):
        least_squares([1, 2, np.nan], [1, 2, 3])


@pytest.mark.parametrize("n", [5, 23])
def test_leaving_one_out_is_fitting_again_without_it(n):
    x, y = points(n, seed=3)
    out = leave_one_out(x, y, confidence=0.9)
    for i in range(n):
        rest = np.arange(n) != i
        line = least_squares(x[rest], y[rest])
        assert out.predicted[i] == pytest.approx(np.polyval(np.polyfit(x[rest], y[rest], 1), x[i]))
        assert out.half[i] == pytest.approx(float(line.reach(x[i], confidence=0.9)))
        assert out.mean[i] == pytest.approx(y[rest].mean())


def test_a_language_whose_others_fix_no_line_has_no_prediction():
    out = leave_one_out(np.array([0.2, 0.2, 0.2, 0.2, 0.9]), np.array([0.1, 0.3, 0.2, 0.4, 0.6]))
    assert np.isnan(out.predicted).tolist() == [False] * 4 + [True]
    assert np.isnan(out.half).tolist() == [False] * 4 + [True]


@pytest.mark.parametrize("confidence", [0.8, 0.95])
def test_intervals_hold_as_many_new_observations_as_they_say(confidence):
    rng = np.random.default_rng(11)
    draws, inside, left = 3000, 0, 0
    for _ in range(draws):
        x, y = (part.copy() for part in points(9, seed=int(rng.integers(1 << 31))))
        at = rng.random()
        new = 0.25 + 0.6 * at + rng.normal(0, 0.05)
        line = least_squares(x, y)
        inside += abs(new - line.at(at)) <= line.reach(at, confidence=confidence)
        out = leave_one_out(x, y, confidence=confidence)
        left += abs(y[0] - out.predicted[0]) <= out.half[0]
    error = 4 * math.sqrt(confidence * (1 - confidence) / draws)
    assert inside / draws == pytest.approx(confidence, abs=error)
    assert left / draws == pytest.approx(confidence, abs=error)


# The adjustment


def test_mexas_published_line_goes_through_its_published_means():
    """Llama 3.1 8B, FLORES with max over layers: figure 2 and table 1 of the MEXA paper."""
    slope, intercept, english = 0.5726, 0.2423, 0.8767
    mean_alignment, mean_belebele = 0.6538, 0.5705
    rng = np.random.default_rng(0)
    x = rng.normal(0, 0.2, 116)
    noise = rng.normal(0, 0.05, 116)
    away = x - x.mean()
    noise -= noise.mean()
    noise -= away * (away @ noise) / (away @ away)
    languages = [f"q{i:03}_Latn" for i in range(116)]
    scores = mean_alignment + away
    # points whose least-squares line is the published one; the pivot must not enter it
    values = slope * scores * english + intercept + noise
    methods = pd.DataFrame(
        {**RUN, "language": [*languages, PIVOT], "value": [*scores, 1.0], "n": 100}
    ).assign(reduction="max", method="MEXA")
    task = pd.DataFrame(
        {"model": "m", "task": "belebele", "metric": "acc", "chance": 0.25}
        | {"language": [*languages, PIVOT], "value": [*values, english]}
    )
    fits, _ = predict_scores(methods, task, pivot=PIVOT)
    (fit,) = fits.to_dict("records")
    assert fit["adjusted"]
    assert fit["pivot_score"] == english
    assert (fit["slope"], fit["intercept"]) == pytest.approx((slope, intercept), abs=1e-12)
    assert fit["slope"] * mean_alignment * english + fit["intercept"] == pytest.approx(
        mean_belebele, abs=5e-5
    )
    assert values.mean() == pytest.approx(mean_belebele, abs=5e-5)


def test_the_factor_scales_the_slope_and_changes_no_prediction():
    _, methods, task = run_of()
    with_pivot, predicted = predict_scores(methods, task, pivot=PIVOT)
    without, unadjusted = predict_scores(methods, task[task["language"] != PIVOT], pivot=PIVOT)
    a, b = with_pivot.iloc[0], without.iloc[0]
    assert (a["adjusted"], b["adjusted"]) == (True, False)
    assert np.isnan(b["pivot_score"])
    assert a["slope"] * 0.8 == pytest.approx(b["slope"])
    assert a["n"] == b["n"] == 23
    for column in ("intercept", "r2", "spread", "error", "mean_error"):
        assert a[column] == pytest.approx(b[column]), column
    columns = ["predicted", "low", "high"]
    np.testing.assert_allclose(predicted[columns], unadjusted[columns], atol=1e-12)
    x = methods.set_index("language")["value"].loc[task["language"].iloc[1:]]
    r = correlate(x, task["value"].iloc[1:], coefficient="pearson").estimate
    assert a["r2"] == pytest.approx(r**2)


@pytest.mark.parametrize("metric", ["rankc", "overlap", "ratio"])
def test_metrics_relative_to_the_pivot_are_fitted_on_the_score_itself(metric):
    _, methods, task = run_of(metric=metric, pivot_score=1.0)
    fits, _ = predict_scores(methods, task, pivot=PIVOT)
    assert not fits["adjusted"].iloc[0]
    others = task[task["language"] != PIVOT]
    x = methods.set_index("language")["value"].loc[others["language"]]
    assert fits["slope"].iloc[0] == pytest.approx(np.polyfit(x, others["value"], 1)[0])


# Predictions


def test_every_language_is_predicted_and_none_from_its_own_score():
    languages, methods, task = run_of()
    fits, predictions = predict_scores(methods, task, pivot=PIVOT, confidence=0.9)
    assert tuple(fits.columns) == FIT_COLUMNS
    assert tuple(predictions.columns) == PREDICTION_COLUMNS
    assert set(predictions["language"]) == set(languages) - {PIVOT}
    known = task.set_index("language")["value"].drop(PIVOT)
    scores = methods.set_index("language")["value"]
    errors, hits, means = [], [], []
    for row in predictions.itertuples():
        y = known.drop(row.language, errors="ignore")
        x = scores.loc[y.index] * 0.8
        reference = stats.linregress(x, y)
        at = scores[row.language] * 0.8
        centre = reference.intercept + reference.slope * at
        s = math.sqrt(((y - reference.intercept - reference.slope * x) ** 2).sum() / (len(y) - 2))
        away = (at - x.mean()) ** 2 / ((x - x.mean()) ** 2).sum()
        half = stats.t.ppf(0.95, len(y) - 2) * s * math.sqrt(1 + 1 / len(y) + away)
        assert row.predicted == pytest.approx(centre)
        assert (row.low, row.high) == pytest.approx((centre - half, centre + half))
        assert row.n == len(y)
        assert row.extrapolated == (not x.min() <= at <= x.max())
        assert (row.chance, row.clipped, row.useful) == (0.25, False, True)
        if row.language in known:
            assert row.measured == known[row.language]
            errors.append(abs(row.predicted - row.measured))
            hits.append(row.low <= row.measured <= row.high)
            means.append(abs(y.mean() - row.measured))
        else:
            assert np.isnan(row.measured)
    (fit,) = fits.to_dict("records")
    assert predictions["extrapolated"].any()
    assert fit["n"] == len(errors) == 23
    assert fit["error"] == pytest.approx(np.mean(errors))
    assert fit["mean_error"] == pytest.approx(np.mean(means))
    assert fit["coverage"] == pytest.approx(np.mean(hits))
    expected = f"predicts: off by {np.mean(errors):.3f} (mean of the others: {np.mean(means):.3f})"
    assert fit["reading"] == expected


def test_a_line_without_value_says_so_in_words_and_predicts_nothing_in_the_table(tmp_path):
    languages, methods, task = run_of(slope=0.0, noise=0.08, seed=2)
    fits, predictions = predict_scores(methods, task, pivot=PIVOT)
    assert fits["error"].iloc[0] >= fits["mean_error"].iloc[0]
    assert fits["reading"].iloc[0].startswith("no predictive value: off by ")
    assert not predictions["useful"].any()
    table = predictions_table(predictions, fits, languages=languages)
    assert table.frame["predicted"].isna().all()
    assert (table.frame["note"] == fits["reading"].iloc[0]).all()
    write_table(table, tmp_path / "predictions", caption="c", label="l")
    assert "no predictive value" in (tmp_path / "predictions.md").read_text("utf-8")
    figure = figure_predictions(predictions, fits, task="quiz", metric="acc", languages=languages)
    assert "No predictive value" in figure.get_suptitle()


def test_readings_of_weak_and_of_falling_lines():
    _, methods, task = run_of(slope=-0.5)
    fits, _ = predict_scores(methods, task, pivot=PIVOT)
    assert fits["slope_high"].iloc[0] < 0
    assert fits["reading"].iloc[0].startswith("predicts, but scores fall as alignment rises: ")
    for seed in range(60):
        _, methods, task = run_of(slope=0.1, noise=0.1, seed=seed)
        (fit,) = predict_scores(methods, task, pivot=PIVOT)[0].to_dict("records")
        starts = "weak" if fit["slope_low"] <= 0 <= fit["slope_high"] else "predicts"
        starts = starts if fit["error"] < fit["mean_error"] else "no predictive value"
        assert fit["reading"].startswith(starts)


@pytest.mark.parametrize(
    ("change", "reading"),
    [
        (lambda m, t: (m, t.iloc[:5]), "no line: n = 4 languages, at least 5 are needed"),
        (lambda m, t: (m, t.assign(model="other")), "no line: n = 0 languages, at least 5"),
        (
            lambda m, t: (m.assign(value=0.0), t),
            "no line: the alignment score is constant in all 23 languages",
        ),
        (
            lambda m, t: (m, t.assign(value=0.25)),
            "no line: the task score is constant in all 23 languages",
        ),
    ],
)
def test_where_there_is_no_line_every_language_stays_with_the_reason(change, reading):
    languages, methods, task = run_of()
    fits, predictions = predict_scores(*change(methods, task), pivot=PIVOT)
    assert fits["reading"].iloc[0].startswith(reading)
    assert not fits["useful"].iloc[0]
    assert np.isnan(fits["slope"].iloc[0])
    assert len(predictions) == 39
    assert predictions["predicted"].isna().all()
    table = predictions_table(predictions, fits, languages=languages)
    assert table.frame["note"].str.startswith(reading).all()
    figure = figure_predictions(predictions, fits, task="quiz", metric="acc", languages=languages)
    assert any(reading in text.get_text() for text in figure.texts)


def test_two_values_of_a_language_are_refused():
    _, methods, task = run_of()
    with pytest.raises(StatisticsError, match=r"more than one value of quiz \(acc\) for model 'm'"):
        predict_scores(methods, pd.concat([task, task.iloc[3:4]]), pivot=PIVOT)


def test_predictions_keep_to_what_a_metric_can_be():
    assert limits("acc", np.array([0.2, 1.0])) == (0.0, 1.0)
    assert limits("ratio", np.array([0.2, 0.9])) == (0.0, math.inf)
    assert limits("chrf", np.array([12.0, 40.0])) == (0.0, math.inf)
    assert limits("margin", np.array([-0.1, 0.5])) == (-math.inf, math.inf)
    _, methods, task = run_of(slope=0.74, noise=0.1)
    _, predictions = predict_scores(methods, task, pivot=PIVOT)
    assert predictions[["predicted", "low", "high"]].stack().between(0, 1).all()
    touching = (predictions["low"] == 0) | (predictions["high"] == 1)
    assert predictions["clipped"].any()
    assert (predictions["clipped"] == touching).all()


# Table and figure


def test_the_table_has_a_row_per_language_and_task_by_name():
    languages, methods, task = run_of()
    both = pd.concat([task, task.assign(task="other", value=task["value"] ** 2)])
    fits, predictions = predict_scores(methods, both, pivot=PIVOT)
    frame = predictions_table(predictions, fits, languages=languages).frame
    assert frame["language"].is_monotonic_increasing
    assert len(frame) == 2 * 39
    found = predictions.set_index(["language", "task"])
    for row in frame.itertuples():
        source = found.loc[(row.code, row.task)]
        assert row.language == languages[row.code].name
        assert (row.predicted, row.predicted_low) == (source["predicted"], source["low"])
        assert ("extrapolated" in row.note) == source["extrapolated"]
    shown = fits_table(fits).frame
    assert shown["reading"].tolist() == fits["reading"].tolist()


@pytest.mark.parametrize(("count", "columns"), [(24, 1), (60, 2), (204, 4)])
def test_the_figure_shows_every_language_from_the_best_down(count, columns):
    languages, methods, task = run_of(count, 20)
    fits, predictions = predict_scores(methods, task, pivot=PIVOT)
    figure = figure_predictions(predictions, fits, task="quiz", metric="acc", languages=languages)
    assert len(figure.axes) == columns
    drawn = [y for ax in figure.axes for y in ax.get_yticklabels()]
    assert len(drawn) == count - 1
    order = predictions.sort_values("predicted", ascending=False)["language"]
    if columns <= 2:
        assert [text.get_text() for text in drawn] == [languages[code].name for code in order]
    crosses = sum(
        int(np.isfinite(part.get_offsets()[:, 0].filled(np.nan)).sum())
        for ax in figure.axes
        for part in ax.collections
        if part.get_label() == "measured"
    )
    assert crosses == 19
    figure.canvas.draw()
    renderer = figure.canvas.get_renderer()
    texts = [t for ax in figure.axes for t in ax.get_yticklabels()]
    boxes = [text.get_window_extent(renderer) for text in texts]
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[i + 1 :])
