"""Published events as examples: the groups, the repeats, and the stars that must stay unseen."""

import numpy as np
import pandas as pd
import pytest

from lcnet.transits.nigraha import nigraha
from lcnet.transits.published import ephemeris_groups, held_out_stars, yu2019
from lcnet.transits.tasks import CANDIDATE, CLASSES


def test_one_binary_on_several_stars_is_one_group():
    star = ["a", "b", "b", "c", "d", "e"]
    period = np.array([2.0, 2.0002, 5.0, 5.0004, 5.0002, 2.01])
    epoch = np.array([10.0, 14.01, 11.0, 11.0, 12.5, 10.0])
    # a-b by ephemeris, b-b by star, b-c by ephemeris; d has another phase, e another period
    group = ephemeris_groups(star, period, epoch)
    assert group[0] == group[1] == group[2] == group[3]
    assert len({group[0], group[4], group[5]}) == 3


def test_groups_equal_the_definition():
    rng = np.random.default_rng(0)
    n = 120
    star, period, epoch = rng.integers(0, 90, n), 2 * (1 + 3e-4 * rng.normal(size=n)), rng.uniform(0, 2, n)
    near = np.zeros((n, n), bool)
    for i in range(n):
        for j in range(n):
            low, high = sorted((i, j), key=lambda k: (period[k], k))
            cycles = (epoch[high] - epoch[low]) / period[low]
            same_ephemeris = period[high] / period[low] - 1 < 2e-4 and abs(cycles - np.rint(cycles)) < 0.02
            near[i, j] = star[i] == star[j] or same_ephemeris
    reach = near.copy()
    for _ in range(8):
        reach = reach @ reach
    group = ephemeris_groups(star, period, epoch)
    np.testing.assert_array_equal(group[:, None] == group[None, :], reach)


def write_set(folder, rows, held_out=("TIC 5",)):
    table = pd.DataFrame(rows, columns=["tic_id", "Period", "Duration", "Epoc", "Transit_Depth", "disposition"])
    table.to_csv(folder / "tess_yu2019.csv.gz", index=False)
    marks = np.arange(len(table), dtype=np.float32)[:, None]
    np.savez(
        folder / "tess_yu2019.npz",
        global_view=np.tile(marks, 201),
        local_view=np.tile(marks, 61),
        secondary_view=np.tile(marks, 61),
    )
    pd.DataFrame({"target": held_out}).to_csv(folder / "lightcurves.csv", index=False)


def test_conversion(tmp_path):
    write_set(
        tmp_path,
        [
            (1, 3.0, 0.1, 10.0, 500.0, "PC"),
            (1, 3.0, 0.1, 10.0, 500.0, "J"),  # the same event again
            (2, 9.0, 0.2, 11.0, 5e4, "EB"),
            (3, 7.0, 0.1, 12.0, 900.0, "O"),
            (4, 1.5, 0.1, 13.0, 900.0, "J"),  # the held-out star's ephemeris on a neighbour
            (5, 1.5, 0.1, 14.5, 900.0, "PC"),
            (5, 4.4, 0.1, 14.0, 900.0, "J"),
            (6, 6.0, 0.1, 10.0, 100.0, "J"),
        ],
    )
    examples = yu2019(tmp_path)
    assert list(examples.meta["target"]) == ["TIC 1", "TIC 2", "TIC 6"]
    assert [CLASSES[k] for k in examples.targets["label"]] == ["planet", "eclipse", "junk"]
    np.testing.assert_array_equal(examples.inputs["local_view"][:, 0], [0, 2, 7])  # the views of those very rows
    np.testing.assert_allclose(examples.inputs["duration"], [2.4, 4.8, 2.4], rtol=1e-6)
    examples.validate(CANDIDATE)


def write_nigraha(folder, rows):
    columns = ["TIC_ID", "Period", "T0", "Duration", "Depth", "disposition"]
    pd.DataFrame(rows, columns=columns).to_csv(folder / "tess_nigraha.csv.gz", index=False)
    rng = np.random.default_rng(0)
    sizes = {"global_view": 201, "local_view": 81, "odd_even_view": 162}
    views = {name: 1 - 0.1 * rng.random((len(rows), size)) for name, size in sizes.items()}
    # a dip in the middle, half as deep in the even transits
    views["local_view"][:, 35:46] = -1
    views["odd_even_view"][:, 35:46], views["odd_even_view"][:, 81 + 35 : 81 + 46] = -1, 0
    np.savez(folder / "tess_nigraha.npz", **views)
    return views


def test_two_tables_of_events_share_their_groups(tmp_path):
    write_set(
        tmp_path, [(1, 3.0, 0.1, 10.0, 500.0, "PC"), (2, 9.0, 0.2, 11.0, 5e4, "EB"), (5, 1.5, 0.1, 14.5, 900.0, "PC")]
    )
    before = yu2019(tmp_path)
    rows = [
        (1, 7.7, 10.0, 2.5, 0.999, "KP"),  # the same star, another event
        (1, 7.7, 10.0, 2.5, 0.999, "KP"),  # and that once more
        (9, 9.0, 20.0, 3.0, 0.95, "EB"),  # the same binary on another star
        (8, 4.0, 20.0, 3.0, 0.99, "V"),
        (7, 1.5, 16.0, 3.0, 0.99, "J"),  # the held-out star's ephemeris
        (6, 2.2, 16.0, 3.0, 0.99, "FP"),
    ]
    views = write_nigraha(tmp_path, rows)
    yu, found = yu2019(tmp_path), nigraha(tmp_path)
    assert [CLASSES[k] for k in found.targets["label"]] == ["planet", "eclipse", "junk"]
    assert yu.group[0] == found.group[0] and yu.group[1] == found.group[1] and found.group[2] not in set(yu.group)
    np.testing.assert_array_equal(before.targets["label"], yu.targets["label"])
    np.testing.assert_allclose(found.inputs["depth"], [1000, 50000, 10000], rtol=1e-3)
    local, parity = found.inputs["local_view"], found.inputs["odd_even_view"].reshape(-1, 2, 61)
    assert (
        local.shape == (3, 61) and (local[:, 30] == -1).all() and np.median(local, axis=1) == pytest.approx(0, abs=1e-6)
    )
    # the scale is common: -1 where the median is m stands for 1 + m, 0 for m of it
    level = np.median(np.concatenate([views["odd_even_view"][[0, 2, 3]]]), axis=1)
    np.testing.assert_allclose(parity[:, 0, 30], -1, atol=1e-6)
    np.testing.assert_allclose(
        parity[:, 1, 30], -level / (1 + level), atol=0.01
    )  # the median is taken after resampling
    found.validate(CANDIDATE)


def test_a_table_that_does_not_match_its_views_is_named(tmp_path):
    write_set(tmp_path, [(1, 3.0, 0.1, 10.0, 500.0, "PC")])
    views = {name: np.zeros((2, 3)) for name in ("global_view", "local_view", "secondary_view")}
    np.savez(tmp_path / "tess_yu2019.npz", **views)
    with pytest.raises(ValueError, match="1 rows"):
        yu2019(tmp_path)
    with pytest.raises(FileNotFoundError):
        yu2019(tmp_path / "elsewhere")


def test_no_judged_star_is_in_the_training_set(data_dir):
    """Every star of lightcurves.csv, and whatever shares a group with one, is absent."""
    folder = data_dir / "transits"
    if not (folder / "tess_yu2019.npz").is_file():
        pytest.skip("Yu et al. (2019) is not in the data folder")
    examples = yu2019(folder)
    kept = {int(target.split()[1]) for target in examples.meta["target"]}
    judged = held_out_stars(folder / "lightcurves.csv")
    assert {261136679, 100100827, 441420236, 117544915} <= set(judged)
    assert not kept & set(judged)
    table = pd.read_csv(folder / "tess_yu2019.csv.gz")
    group = ephemeris_groups(table["tic_id"], table["Period"], table["Epoc"])
    tainted = set(table.loc[np.isin(group, group[table["tic_id"].isin(judged)]), "tic_id"])
    assert not kept & tainted
    assert len(set(zip(examples.meta["target"], examples.inputs["period"], strict=True))) == len(examples)
    assert (examples.meta["disposition"] != "O").all()
