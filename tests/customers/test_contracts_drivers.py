"""What goes with leaving: effects, checks, calibration, and nothing from after the cut-off."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmlab.customers.contracts.calibration import calibrate, calibrate_horizon
from crmlab.customers.contracts.drivers import fit_cox, fit_logit, until
from crmlab.customers.contracts.features import recipe_of
from crmlab.customers.contracts.snapshot import Snapshot, snapshot
from crmlab.errors import NotEstimable, UnusableCovariate, WrongParameter, WrongTable
from crmlab.intake.attribute_table import AttributeMapping
from crmlab.intake.attributes import read_attributes
from crmlab.intake.contract_table import ContractMapping
from crmlab.intake.contracts import Contracts, read_contracts

TREATED = [6, 6, 6, 7, 10, 13, 16, 22, 23]
STILL_WELL = [6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35]
CONTROL = [1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17, 22, 23]
EFFECTS = {"plan[flex]": 0.8, "plan[basic]": -0.5, "price": 0.04}
HAZARD = 0.05


def seen_from(
    features: pd.DataFrame, tenure: Any, ended: Any, entry: Any = 0, **more: Any
) -> Snapshot:
    """A snapshot made by hand; columns of text are covariates, the others numbers."""
    names = [str(name) for name in features.columns]
    numbers = tuple(n for n in names if pd.api.types.is_numeric_dtype(features[n]))
    texts = tuple(n for n in names if n not in numbers)
    tenure = np.asarray(tenure, dtype=np.int64)
    ids = pd.Series([f"c{i}" for i in range(len(tenure))], name="customer_id")
    return Snapshot(
        pd.concat([ids, features.reset_index(drop=True)], axis=1), texts, numbers,
        np.broadcast_to(np.asarray(entry, dtype=np.int64), tenure.shape), tenure,
        np.asarray(ended, dtype=bool), None, "month", (), **more,
    )  # fmt: skip


def simulated(customers: int, seed: int, changing: float = 0.0) -> Snapshot:
    """Proportional hazards of a known kind; `changing`: how much flex's effect falls a period."""
    rng = np.random.default_rng(seed)
    plan = rng.choice(["standard", "flex", "basic"], customers, p=[0.5, 0.3, 0.2])
    price = rng.normal(30, 8, customers)
    linear = EFFECTS["plan[basic]"] * (plan == "basic") + EFFECTS["price"] * (price - 30)
    watched = rng.integers(1, 37, customers)
    tenure, ended = watched.copy(), np.zeros(customers, dtype=bool)
    for n in range(1, 37):
        flex = (EFFECTS["plan[flex]"] - changing * n) * (plan == "flex")
        leaves = rng.random(customers) < -np.expm1(-HAZARD * np.exp(linear + flex))
        now = leaves & ~ended & (watched >= n)
        tenure, ended = np.where(now, n, tenure), ended | now
    return seen_from(pd.DataFrame({"plan": plan, "price": price}), tenure, ended)


@pytest.fixture(scope="module")
def seen() -> Snapshot:
    return simulated(4000, 1)


@pytest.fixture(scope="module")
def recipe(seen: Snapshot) -> Any:
    return recipe_of(seen)


def test_a_textbook_hazard_ratio() -> None:
    """Remission in leukaemia, Efron's ties: log hazard ratio 1.572 with standard error .412."""
    arm = ["treated"] * 21 + ["control"] * 21
    ended = np.repeat([True, False, True], [9, 12, 21])
    seen = seen_from(pd.DataFrame({"arm": arm}), [*TREATED, *STILL_WELL, *CONTROL], ended)
    found = fit_cox(seen, recipe_of(seen, reference={"arm": "treated"}))
    row = found.effects.iloc[0]

    assert ("arm", "control", "treated", 21, 21) == tuple(
        row[["covariate", "level", "reference", "customers", "left"]]
    )
    assert np.log(row["ratio"]) == pytest.approx(1.572, abs=5e-4)
    assert np.sqrt(found.covariance[0, 0]) == pytest.approx(0.412, abs=5e-4)
    assert found.proportional is not None
    assert found.proportional.loc["(all)", "p_value"] > 0.5  # as every textbook finds


def test_effects_are_found_again(seen: Snapshot, recipe: Any) -> None:
    """Cox and logit within three standard errors of what the customers were made with."""
    for fit in (fit_cox(seen, recipe), fit_logit(seen, recipe)):
        scale = [recipe.scale.get(name, 1.0) for name in recipe.columns]
        truth = np.array([EFFECTS[name] for name in recipe.columns]) * scale
        error = np.sqrt(np.diag(fit.covariance))
        assert (np.abs(fit.coefficients - truth) < 3 * error).all()
        ratios = fit.effects.set_index(["covariate", "level"])
        inside = (ratios["lower"] < ratios["ratio"]) & (ratios["ratio"] < ratios["upper"])
        assert inside.all()
        assert ratios.loc[("price", ""), "ratio"] == pytest.approx(np.exp(0.04), abs=0.02)
        assert (ratios.loc["plan", "reference"] == "standard").all()


def test_delayed_entry_is_exact(seen: Snapshot, recipe: Any) -> None:
    """A customer cut in two at renewal 6 is the same customer: to the last digit of the fit."""
    later = seen.tenure > 6
    first = dataclasses.replace(seen, tenure=np.minimum(seen.tenure, 6), ended=seen.ended & ~later)
    second = dataclasses.replace(seen.where(later), entry=np.full(later.sum(), 6))
    both = dataclasses.replace(
        seen,
        features=pd.concat([first.features, second.features], ignore_index=True),
        entry=np.concatenate([first.entry, second.entry]),
        tenure=np.concatenate([first.tenure, second.tenure]),
        ended=np.concatenate([first.ended, second.ended]),
    )
    for fit in (fit_cox, fit_logit):
        whole, cut = fit(seen, recipe), fit(both, recipe)
        assert cut.coefficients == pytest.approx(whole.coefficients, rel=1e-6)
        assert cut.covariance == pytest.approx(whole.covariance, rel=1e-5)
        assert cut.baseline.to_numpy() == pytest.approx(whole.baseline.to_numpy(), rel=1e-6)


def test_what_is_expected_is_what_happened(seen: Snapshot, recipe: Any) -> None:
    """On the customers it was fitted to, as many are expected to leave as left; of logit by level.

    Of Cox at every renewal, also where a third leaves at once.
    """
    many = dataclasses.replace(seen, tenure=(seen.tenure + 11) // 12)
    logit, cox = fit_logit(many, recipe), fit_cox(many, recipe)
    flex = calibrate(logit, many.where((many.features["plan"] == "flex").to_numpy()))

    for fit in (logit, cox):
        own = calibrate(fit, many)
        assert own.expected == pytest.approx(own.left, rel=1e-6)
        assert own.table["renewals"].sum() == many.tenure.sum()
    assert flex.expected == pytest.approx(flex.left, rel=1e-6)
    first = calibrate(cox, many, periods=1)
    assert first.left > 0.3 * len(many)
    assert first.expected == pytest.approx(first.left, rel=1e-6)


def test_proportional_hazards_are_told_from_others(seen: Snapshot, recipe: Any) -> None:
    """An effect that fades is found and named, with its early and late ratio; a steady one not."""
    steady = fit_cox(seen, recipe)
    fading = simulated(4000, 2, changing=0.08)
    found = fit_cox(fading, recipe_of(fading))

    assert steady.proportional is not None
    assert found.proportional is not None
    assert steady.proportional["p_value"].min() > 0.01
    assert not [f for f in steady.findings if f.code == "not_proportional"]
    assert found.proportional.loc["(all)", "p_value"] < 1e-6
    assert ["plan[flex]"] == [
        f.figures["name"] for f in found.findings if f.code == "not_proportional"
    ]
    row = found.proportional.loc["plan[flex]"]
    assert row["ratio_early"] > 1.5 > 1.0 > row["ratio_late"]


def test_chances_come_true_on_customers_held_out(seen: Snapshot, recipe: Any) -> None:
    """By tenth, in all, and over a year against Kaplan-Meier; better than one chance for all."""
    early, held = seen.split(0.3, seed=4)
    for fit in (fit_cox(early, recipe), fit_logit(early, recipe)):
        check = calibrate(fit, held)
        table = check.table
        inside = (table["lower"] <= table["predicted"]) & (table["predicted"] <= table["upper"])
        year = calibrate_horizon(fit, held, horizon=12, groups=4)

        assert inside.mean() >= 0.7
        assert check.expected == pytest.approx(check.left, rel=0.12)
        assert check.ece < 0.01
        assert check.brier < check.brier_base
        assert 0 < check.skill < 0.1
        assert 0.6 < check.auc < 0.8
        assert year["customers"].sum() == len(held)
        assert (year["predicted"].diff().dropna() > 0).all()
        assert (year["predicted"] - year["observed"]).abs().max() < 0.06


def test_a_wrong_model_is_found_out(seen: Snapshot, recipe: Any) -> None:
    """Chances twice as high as they should be do not pass."""
    fit = fit_logit(seen, recipe)
    high = dataclasses.replace(fit, baseline=fit.baseline + np.log(2))
    check = calibrate(high, seen)

    assert check.expected > 1.7 * check.left
    assert (check.table["predicted"] > check.table["upper"]).mean() >= 0.8
    assert check.ece > 0.03


def test_customers_stay_on_their_side(seen: Snapshot) -> None:
    """A customer's side depends on nobody else, and all of his contracts are on it."""
    early, held = seen.split(0.3, seed=4)
    again = seen.where(np.arange(len(seen)) % 2 == 0).split(0.3, seed=4)[1]

    assert set(again.features["customer_id"]) <= set(held.features["customer_id"])
    assert not set(early.features["customer_id"]) & set(held.features["customer_id"])
    assert len(held) == pytest.approx(0.3 * len(seen), rel=0.1)
    with pytest.raises(WrongParameter, match="between 0 and 1"):
        seen.split(1.0, seed=1)


def dated(later: str = "") -> Contracts:
    """400 contracts of two years; `later` changes what happened after June 2023."""
    rng = np.random.default_rng(8)
    begun = pd.Timestamp("2022-01-01") + pd.to_timedelta(rng.integers(0, 600, 400), "D")
    lasted = rng.geometric(0.06, 400)
    end = [b + pd.DateOffset(months=int(m)) for b, m in zip(begun, lasted, strict=True)]
    frame = pd.DataFrame(
        {"customer_id": [f"c{i}" for i in range(400)], "start": begun, "end": pd.to_datetime(end),
         "plan": rng.choice(["a", "b"], 400)}
    )  # fmt: skip
    after = frame["end"] > "2023-07-01"  # the first day without: the last one is after June
    if later == "moved":
        moved = (frame["start"] + pd.Timedelta(9, "D")).clip(lower=pd.Timestamp("2023-07-15"))
        frame["end"] = frame["end"].mask(after, moved)
    if later == "gone":
        frame = frame[frame["start"] <= "2023-06-30"]
        frame["end"] = frame["end"].mask(frame["end"] > "2023-07-01")
    return read_contracts(
        frame, observation_end="2023-12-31", end_is="first_day_after",
        mapping=ContractMapping(covariates=("plan",)),
    )  # fmt: skip


def calls(later: bool) -> Any:
    """Complaints of customers, known by day; with `later`, others after June 2023."""
    rng = np.random.default_rng(9)
    rows = [(f"c{i}", "2022-01-01", rng.choice(["few", "many"])) for i in range(400)]
    rows += [(f"c{i}", "2023-06-15", "many") for i in range(0, 400, 7)]
    rows += [(f"c{i}", "2023-07-01", "few" if later else "many") for i in range(0, 400, 3)]
    frame = pd.DataFrame(rows, columns=["customer_id", "valid_from", "calls"])
    return read_attributes(frame, AttributeMapping(others=("calls",)))


def test_time_travel() -> None:
    """Altering or deleting what came after the cut-off changes no bit of a feature."""
    shots = [
        snapshot(dated(how), cut_off="2023-06-30", attributes=calls(bool(how)))
        for how in ("", "moved")
    ]
    begun, full = (dated(how).as_of("2023-06-30").table for how in ("gone", ""))

    pd.testing.assert_frame_equal(shots[0].features, shots[1].features, check_exact=True)
    assert (shots[0].entry == shots[1].entry).all()
    assert (shots[0].ended != shots[1].ended).any()  # the outcome is what came after
    pd.testing.assert_frame_equal(begun, full.reset_index(drop=True), check_exact=True)
    assert ["undated_covariate"] == [f.code for f in shots[0].findings]
    assert {"plan": "undated_covariate"} == {f.figures["name"]: f.code for f in shots[0].findings}
    assert (shots[0].tenure > shots[0].entry).all()


DAYS = st.integers(0, 700)
ROWS = st.lists(st.tuples(st.integers(0, 19), DAYS, st.sampled_from("abc")), max_size=40)
LATER = st.lists(st.tuples(st.integers(0, 19), st.integers(301, 700), st.sampled_from("xyz")))


def _attributes(rows: list[tuple[int, int, str]]) -> Any:
    """Attributes of twenty customers, known from the first day on; the last of a day counts."""
    first = pd.Timestamp("2022-01-01")
    known = {(i, 0): "a" for i in range(20)} | {(i, day): level for i, day, level in rows}
    frame = pd.DataFrame(
        [(f"c{i}", first + pd.Timedelta(day, "D"), v) for (i, day), v in known.items()],
        columns=["customer_id", "valid_from", "calls"],
    )
    return read_attributes(frame, AttributeMapping(others=("calls",)))


@settings(max_examples=25, deadline=None)
@given(rows=ROWS, later=LATER, ends=st.lists(st.integers(301, 700), min_size=20, max_size=20))
def test_no_row_after_the_cut_off_changes_a_feature(
    rows: list[tuple[int, int, str]], later: list[tuple[int, int, str]], ends: list[int]
) -> None:
    """Whatever attributes and ends are added after it (day 300), or else after the start."""
    first = pd.Timestamp("2022-01-01")
    frame = pd.DataFrame({"customer_id": [f"c{i}" for i in range(20)]})
    frame["start"] = [first + pd.Timedelta(12 * i, "D") for i in range(20)]
    frame["end"] = pd.NaT
    moved = frame.assign(end=[first + pd.Timedelta(day, "D") for day in ends])
    before = [row for row in rows if row[1] <= 300]
    known = [
        (read_contracts(table, observation_end="2024-06-30", end_is="last_day"), _attributes(told))
        for table, told in ((frame, before), (moved, before + later))
    ]
    for cut_off in (str((first + pd.Timedelta(300, "D")).date()), None):
        # without a cut-off the last contract begins on day 228, and a row of day 301 is later
        shots = [
            snapshot(contracts, cut_off=cut_off, attributes=attributes)
            for contracts, attributes in known
        ]
        features = [shot.features.set_index("customer_id")["calls"] for shot in shots]
        common = features[0].index.intersection(features[1].index)
        assert len(common) > 0
        assert features[0][common].tolist() == features[1][common].tolist()
        held = {f"c{i}": "a" for i in range(20)}
        for i, day, level in sorted(
            {(i, d): (i, d, v) for i, d, v in before}.values(), key=lambda row: row[1]
        ):
            if day <= (300 if cut_off else 12 * i):
                held[f"c{i}"] = level
        assert features[0].tolist() == [held[str(name)] for name in features[0].index]


def test_what_came_after_the_window_changes_no_outcome() -> None:
    """Of one renewal after the cut-off: who left at it, whatever happened afterwards."""
    contracts = dated()
    shot = until(snapshot(contracts, cut_off="2022-12-31", attributes=None), 1)
    earlier = until(snapshot(contracts.as_of("2023-03-31"), cut_off="2022-12-31"), 1)

    assert (shot.tenure == shot.entry + 1).all()
    pd.testing.assert_frame_equal(shot.features, earlier.features)
    assert (shot.ended == earlier.ended).all()


def test_a_fit_is_checked_after_a_later_cut_off() -> None:
    """Fitted on one day's contracts, asked about those of a later day."""
    contracts, known = dated(), calls(False)
    first = snapshot(contracts.as_of("2023-01-31"), cut_off="2022-09-30", attributes=known)
    then = snapshot(contracts, cut_off="2023-01-31", attributes=known)
    recipe = recipe_of(first)
    check = calibrate(fit_logit(first, recipe), then, periods=3)

    assert ("plan", "calls") == tuple(recipe.levels)
    assert check.expected == pytest.approx(check.left, rel=0.35)
    assert 0 == check.unknown
    cox = calibrate(fit_cox(first, recipe), then)
    assert cox.unknown > 0  # tenures that no contract had reached by then


def test_chances_that_a_fit_gives(seen: Snapshot, recipe: Any) -> None:
    """Cox: those of a constant hazard, and nothing beyond what was seen; logit: the last band."""
    two = seen.features.iloc[:2].assign(plan=["standard", "flex"], price=30.0)
    cox, logit = fit_cox(seen, recipe), fit_logit(seen, recipe)
    truth = -np.expm1(-HAZARD * np.exp([0.0, 0.8]))

    for fit in (cox, logit):
        chance = fit.chance(two, np.array([10, 10]))
        assert chance == pytest.approx(truth, rel=0.35)
    assert np.isnan(cox.chance(two, np.array([99, 99]))).all()
    assert (logit.chance(two, np.array([99, 99])) > 0).all()


def test_what_no_fit_can_use_is_refused_by_name(seen: Snapshot) -> None:
    """Missing, constant, rare, parted, contained, determined: which, and what to do."""
    rng = np.random.default_rng(6)
    n = len(seen)
    base = seen.features.drop(columns="customer_id")
    rare = np.where(np.arange(n) < 4, "rare", "usual")
    cases: list[tuple[dict[str, Any], str]] = [
        ({"x": np.where(np.arange(n) < 3, None, "a")}, r"3 of 4,000 customers have no value"),
        ({"x": np.where(seen.ended, rng.choice(["moved", "price"], n), None)},
         "nearly all who have one left.*written when a customer leaves"),
        ({"x": "same"}, "all customers have the same value"),
        ({"x": 3.0}, "all are equal"),
        ({"x": np.where(np.arange(n) < 3, np.inf, 1.0)}, "infinite"),
        ({"x": rare}, "of 4 customers with 'rare'"),
        ({"x": np.where(seen.ended, "closed", "open")}, "only written when a customer leaves"),
        ({"x": seen.ended + rng.random(n) / 2}, "parts those who left from those who stayed"),
        ({"x": [f"name {i}" for i in range(n)]}, "4,000 levels for 4,000 customers"),
        ({"paid": seen.tenure * base["price"]}, "contains the tenure itself .tenure x price"),
        ({"visits": seen.tenure + rng.normal(0, 3, n)}, "rank correlation 0.9"),
        ({"twice": 2 * base["price"] + 1.0 * (base["plan"] == "flex")},
         "'twice' cannot be used: others determine it: plan.flex., price"),
    ]  # fmt: skip
    for columns, found in cases:
        shot = seen_from(base.assign(**columns), seen.tenure, seen.ended)
        with pytest.raises(UnusableCovariate, match=found):
            recipe_of(shot)


def test_what_can_be_used_with_a_word_is_named(seen: Snapshot) -> None:
    """Pooled levels, levels of the same customers, near-collinear numbers, an accepted leak."""
    rng = np.random.default_rng(6)
    n = len(seen)
    base = seen.features.drop(columns="customer_id")
    shot = seen_from(
        base.assign(
            city=rng.choice(["a", "b"], n, p=[0.7, 0.3]),
            town=[f"v{i % 18}" if i < 72 else "usual" for i in range(n)],
            bundle=np.where(base["plan"] == "flex", "yes", "no"),
            near=base["price"] + rng.normal(0, 1, n),
            visits=seen.tenure + rng.normal(0, 3, n),
        ),
        seen.tenure, seen.ended,
    )  # fmt: skip
    recipe = recipe_of(shot, rare="pool", accept=["visits"], reference={"city": "b"})
    codes = {(f.code, str(f.figures["name"])) for f in recipe.findings}

    assert "b" == recipe.levels["city"][0]
    assert "(other)" in recipe.levels["town"]
    assert {("same_customers", "bundle[yes]"), ("contains_tenure", "visits"),
            ("collinear", "price"), ("collinear", "near")} <= codes  # fmt: skip
    assert {name for code, name in codes if code == "pooled_level"} == {"town"}
    assert "bundle[yes]" not in recipe.columns
    fit = fit_logit(shot, recipe)
    other = fit.effects.set_index(["covariate", "level"]).loc[("town", "(other)")]
    assert other["customers"] == shot.features["town"].isin(recipe.pooled["town"]).sum()
    with pytest.raises(UnusableCovariate, match="level that was not fitted: 'new'"):
        fit.chance(shot.features.assign(city="new"), np.array([1]))


def test_too_little_is_refused(seen: Snapshot, recipe: Any) -> None:
    """Few who left, an unknown option, customers without attributes."""
    few = seen.where(np.arange(len(seen)) < 20)
    for fit in (fit_cox, fit_logit):
        with pytest.raises(NotEstimable, match=r"for 3 effects.*15 of each are the least"):
            fit(few, recipe)
    with pytest.raises(WrongParameter, match="'refuse' or 'pool'"):
        recipe_of(seen, rare="drop")
    with pytest.raises(WrongParameter, match="a level of plan"):
        recipe_of(seen, reference={"plan": "gold"})
    with pytest.raises(WrongParameter, match="one of plan"):
        recipe_of(seen, reference={"price": "1"})
    with pytest.raises(NotEstimable, match="0 left"):
        calibrate(fit_logit(seen, recipe), seen.where(~seen.ended))
    attributes = read_attributes(
        pd.DataFrame({"customer_id": ["c0"], "valid_from": ["2022-01-01"], "calls": ["few"]}),
        AttributeMapping(others=("calls",)),
    )
    with pytest.raises(WrongTable, match="have no row of it that held"):
        snapshot(dated(), cut_off="2023-06-30", attributes=attributes)
    with pytest.raises(WrongParameter, match="one of plan"):
        snapshot(dated(), cut_off="2023-06-30", covariates=("colour",))
    with pytest.raises(NotEstimable, match="no contract was watched"):
        snapshot(dated(), cut_off="2023-12-31")
