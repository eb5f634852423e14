"""Ephemerides of other candidates and other stars."""

import numpy as np
import pytest
from scipy.special import erfcinv
from vet_cases import candidate

from lcnet.transits.vet import match_ephemerides
from lcnet.transits.vet_matches import judge_harmonic

FIRST, LAST = 1325.0, 1352.0
STRONG = (1, candidate(3.0, 1326.0, 3.0, 1e-2))


def harmonic(period, epoch, hours=3.0):
    return judge_harmonic(candidate(period, epoch, hours, 1e-3), [STRONG], FIRST, LAST)


@pytest.mark.parametrize(
    ("period", "epoch", "said"),
    [
        (6.0, 1329.0, "twice the period"),
        (1.5, 1327.5, "half the period"),
        (9.0, 1326.01, "three times"),
        (1.0, 1327.0, "a third of the period"),
        (3.0, 1327.5, "its phase 0.50"),
        (3.0, 1326.9, "its phase 0.30"),
    ],
)
def test_harmonics(period, epoch, said):
    test = harmonic(period, epoch)
    assert (test.verdict, test.flag) == ("fail", "harmonic") and said in test.words
    assert test.value == period / 3.0


@pytest.mark.parametrize(
    ("period", "epoch"),
    [
        (6.002, 1327.1),  # near 2:1, which one sector cannot tell, but between the other's transits
        (6.002, 1330.2),
        (1.5, 1326.7),
        (6.1, 1329.0),  # a transit of each falls together, the periods do not
        (4.5, 1326.0),
    ],
)
def test_planets_near_a_resonance_are_no_harmonics(period, epoch):
    assert harmonic(period, epoch).verdict == "pass"


def test_the_strongest_is_no_harmonic():
    assert judge_harmonic(STRONG[1], [], FIRST, LAST).verdict == "pass"


def coughlin(period_a, period_b, epoch_a, epoch_b):
    """The sigmas of Coughlin et al. 2014, with the shorter period as their A."""
    if period_a > period_b:
        period_a, period_b, epoch_a, epoch_b = period_b, period_a, epoch_b, epoch_a
    dp = (period_a - period_b) / period_a
    dt = (epoch_a - epoch_b) / period_a
    return [np.sqrt(2) * erfcinv(abs(x - round(x))) for x in (dp, dt)]


@pytest.mark.parametrize("ratio", [1.0, 2.0, 0.5])
def test_a_binary_in_two_stars(ratio):
    periods = np.array([2.3, 2.3 / ratio * (1 + 2e-5)])
    epochs = np.array([1326.0, 1326.01])
    found = match_ephemerides(periods, epochs, [3.0, 3.0], ["TIC 1", "TIC 2"])
    assert [(match.index, match.other, match.name, match.listed) for match in found] == [
        (0, 1, "TIC 2", False),
        (1, 0, "TIC 1", False),
    ]
    expected = coughlin(periods[0], periods[1], *epochs)
    assert [found[0].period_sigma, found[0].epoch_sigma] == pytest.approx(expected, rel=1e-3)
    assert found[0].ratio == ratio and found[1].ratio == 1 / ratio
    assert found[0].verdict == "fail" and found[0].test.flag == "ephemeris_match"


@pytest.mark.parametrize(
    ("period", "epoch", "star"),
    [
        (2.3 * 1.001, 1326.0, "TIC 2"),  # another period
        (2.3, 1326.5, "TIC 2"),  # another phase
        (2.3, 1326.1, "TIC 2"),  # 2 sigma in phase, but 2.4 h away
        (2.3, 1326.0, "TIC 1"),  # the same star
        (np.nan, 1326.0, "TIC 2"),
    ],
)
def test_no_match(period, epoch, star):
    assert match_ephemerides([2.3, period], [1326.0, epoch], [3.0, 3.0], ["TIC 1", star]) == []


def test_a_listed_binary_is_carried_to_the_data_by_its_own_period():
    # 500 cycles before the data: the candidate's period, 1e-4 d off, would miss it by 1.2 h
    period = 2.3
    listed = {"name": ["EB 7"], "period": [period], "epoch": [1326.0 - 500 * period]}
    found = match_ephemerides([period + 1e-4], [1326.005], [3.0], ["TIC 1"], binaries=listed)
    assert [(match.name, match.listed, match.verdict) for match in found] == [("EB 7", True, "fail")]
    assert found[0].epoch_sigma == pytest.approx(np.sqrt(2) * erfcinv(0.005 / period), rel=1e-6)
    assert "listed binary EB 7" in found[0].test.words
    rows = match_ephemerides([period], [1326.0], [3.0], ["EB 7"], binaries=[("EB 7", 2 * period, 1326.0)])
    assert rows[0].ratio == 0.5


def test_chance_matches_of_a_large_batch_are_counted():
    rng = np.random.default_rng(3)
    n = 3000
    periods, epochs = np.exp(rng.uniform(np.log(0.5), np.log(13), n)), 1325 + rng.uniform(0, 13, n)
    found = match_ephemerides(periods, epochs, np.full(n, 3.0), [f"TIC {k}" for k in range(n)])
    # of 3000, 3 rows by chance below 1e-3 and 90 below 0.03, if the count is right; log-uniform periods give fewer
    assert len({match.index for match in found if match.verdict == "fail"}) <= 3 + 3 * np.sqrt(3)
    assert 10 < len({match.index for match in found}) < 90 + 3 * np.sqrt(90)
    # a true one stands out of them
    again = match_ephemerides(
        np.append(periods, periods[0] * (1 + 1e-7)),
        np.append(epochs, epochs[0] + 1e-4),
        np.full(n + 1, 3.0),
        [f"TIC {k}" for k in range(n + 1)],
    )
    assert any(match.verdict == "fail" and match.other == n for match in again if match.index == 0)


def test_what_is_wrong_is_said():
    with pytest.raises(ValueError, match="columns differ in length: 1 periods, 2 epochs"):
        match_ephemerides([1.0], [1.0, 2.0], [1.0], ["a"])
    with pytest.raises(ValueError, match="needs the columns name"):
        match_ephemerides([1.0], [1.0], [1.0], ["a"], binaries={"kic": [1], "P": [2.0]})


def test_one_star_in_two_catalogues_is_no_contamination():
    names, sky = ["KIC 11446443", "TIC 399860444"], np.array([[286.80850, 49.31642], [286.80870, 49.31650]])
    columns = ([2.3, 2.3], [1326.0, 1326.0], [3.0, 3.0])
    assert len(match_ephemerides(*columns, names)) == 2  # nothing said of where they are
    assert match_ephemerides(*columns, names, positions=sky) == []
    apart = sky + [[0.0, 0.0], [0.0, 6.0 / 3600]]
    assert len(match_ephemerides(*columns, names, positions=apart)) == 2
    # across the meridian, and two stars of one catalogue that close, of which one contaminates the other
    assert match_ephemerides(*columns, names, positions=[[359.9999, 0.0], [0.0001, 0.0]]) == []
    assert len(match_ephemerides(*columns, ["TIC 1", "TIC 2"], positions=sky)) == 2
    assert len(match_ephemerides(*columns, names, positions=[[286.8, 49.3], [np.nan, np.nan]])) == 2
    with pytest.raises(ValueError, match="positions"):
        match_ephemerides(*columns, names, positions=sky[:1])


def test_units_and_masks_of_listed_binaries():
    import astropy.units as u
    from astropy.table import MaskedColumn, QTable, Table
    from astropy.utils.masked import Masked

    def matched(binaries):
        return [match.name for match in match_ephemerides([2.0], [1326.0], [3.0], ["TIC 1"], binaries=binaries)]

    assert matched(QTable({"name": ["A"], "period": [48] * u.h, "epoch": [1326.0] * u.d})) == ["A"]
    assert matched(Table({"name": ["A"], "period": [48] * u.h, "epoch": [1326.0]})) == ["A"]
    assert matched([("A", 48 * u.h, 1326.0 * u.d), ("B", np.ma.masked, 1326.0)]) == ["A"]
    masked = {"name": ["A", "B"], "epoch": [1326.0, 1326.0]}
    assert matched(Table({**masked, "period": MaskedColumn([2.0, 2.0], mask=[True, False])})) == ["B"]
    assert matched(QTable({**masked, "period": Masked([48, 48] * u.h, mask=[False, True])})) == ["A"]
    with pytest.raises(ValueError, match="convert"):
        matched(QTable({"name": ["A"], "period": [2.0] * u.m, "epoch": [1326.0] * u.d}))


def test_twenty_thousand_rows_take_less_than_a_second():
    import time

    rng = np.random.default_rng(3)
    n = 20_000
    periods, epochs = np.exp(rng.uniform(np.log(0.5), np.log(13), n)), 1325 + rng.uniform(0, 13, n)
    spent = []
    for _ in range(2):
        start = time.process_time()
        found = match_ephemerides(periods, epochs, np.full(n, 3.0), [f"TIC {k}" for k in range(n)])
        spent.append(time.process_time() - start)
    assert min(spent) < 1.0, spent
    assert found == sorted(found, key=lambda match: (match.index, match.chance)) and found
