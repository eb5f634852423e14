"""The stored KOI views: what is left out, what is grouped, and what the network reads off a view."""

import numpy as np
import pandas as pd
import pytest
import torch

from lcnet.transits.koi import CLASSES, KOI
from lcnet.transits.koi_net import READINGS, read_off, rescale
from lcnet.transits.koi_views import koi

COLUMNS = ["kepid", "koi_disposition", "koi_period", "koi_time0bk", "koi_duration", "koi_depth", "koi_model_snr"]


def write_set(folder, rows, label, held_out=("KIC 9",)):
    pd.DataFrame(rows, columns=COLUMNS).assign(kepoi_name="K1").to_csv(folder / "kepler_koi_views.csv.gz", index=False)
    marks = np.arange(len(rows), dtype=np.float32)[:, None]
    np.savez(folder / "kepler_koi_views.npz", view=np.tile(marks, 201), label=np.array(label))
    pd.DataFrame({"target": held_out}).to_csv(folder / "lightcurves.csv", index=False)


def test_conversion(tmp_path):
    write_set(
        tmp_path,
        [
            (1, "CONFIRMED", 3.0, 130.0, 2.0, 500.0, 20.0),
            (2, "FALSE POSITIVE", 5.0, 131.0, 3.0, np.nan, 0.0),
            (3, "CONFIRMED", 7.0, 132.0, 3.0, 90.0, 9.0),  # its label says otherwise
            (4, "FALSE POSITIVE", 11.0, 133.0, 3.0, 90.0, 9.0),  # a held-out star's ephemeris
            (9, "CONFIRMED", 11.0, 133.0, 3.0, 90.0, 9.0),
            (5, "FALSE POSITIVE", 5.0005, 136.0, 3.0, 90.0, 9.0),  # row 1's ephemeris on another star
        ],
        [1, 0, 0, 0, 1, 0],
    )
    examples = koi(tmp_path)
    np.testing.assert_array_equal(examples.inputs["view"][:, 0], [0, 1, 5])
    assert [CLASSES[k] for k in examples.targets["label"]] == ["planet", "false_positive", "false_positive"]
    assert examples.group[1] == examples.group[2] != examples.group[0]
    # neither a missing depth nor an SNR of zero has a logarithm
    assert np.isnan(examples.inputs["depth"][1]) and np.isnan(examples.inputs["snr"][1])
    np.testing.assert_array_equal(examples.inputs["duration"], np.float32([2, 3, 3]))
    examples.validate(KOI)


def test_a_table_that_does_not_match_its_views_is_named(tmp_path):
    write_set(tmp_path, [(1, "CONFIRMED", 3.0, 130.0, 2.0, 500.0, 20.0)], [1, 0])
    with pytest.raises(ValueError, match="1 rows"):
        koi(tmp_path)


def test_no_judged_star_is_among_the_published_views(data_dir):
    folder = data_dir / "transits"
    if not (folder / "kepler_koi_views.npz").is_file():
        pytest.skip("the KOI views are not in the data folder")
    examples = koi(folder)
    targets = set(examples.meta["target"])
    assert not targets & {"KIC 6541920", "KIC 8655354"}
    table = pd.read_csv(folder / "kepler_koi_views.csv.gz")
    assert {6541920, 8655354} <= set(table["kepid"])  # they were there to be left out
    # a row's view, label and star are those of the table's row
    rows = examples.meta["row"].to_numpy()
    with np.load(folder / "kepler_koi_views.npz") as stored:
        np.testing.assert_array_equal(examples.inputs["view"], stored["view"][rows])
        np.testing.assert_array_equal(examples.targets["label"], stored["label"][rows])
    assert len(table) - len(examples) < 40


def dip(place, depth=1.0, width=5):
    view = 0.01 * np.sin(np.arange(201.0)) + 0.8
    view[place - width // 2 : place + width // 2 + 1] -= 0.7 * depth
    view[place] -= 0.03  # deeper than the ripple
    return view


def test_readings_do_not_depend_on_the_scale_of_a_view():
    view = torch.tensor(np.stack([dip(100), dip(60)]))
    first, second = (read_off(rescale(one)) for one in (view, 3.0 * view + 5.0))
    assert first.shape == (2, READINGS)
    torch.testing.assert_close(first, second)


def test_readings_say_where_the_dip_is_and_how_wide():
    views = torch.tensor(np.stack([dip(100), dip(60), dip(100, width=11)]))
    read = read_off(rescale(views)).numpy()
    np.testing.assert_allclose(read[:, 3], [1, 0, 1])  # the deepest bin is the middle
    assert read[0, 0] > 0.9 and abs(read[1, 0]) < 0.1  # depth in the middle
    np.testing.assert_allclose(np.expm1(read[[0, 2], 6]), [5, 11])  # width in bins
    assert read[1, 8] > 0.9 > 0.1 > read[0, 8]  # the deepest dip elsewhere


def test_mirrored_views_read_alike():
    view = torch.tensor(dip(60)[None])
    torch.testing.assert_close(read_off(rescale(view)), read_off(rescale(view.flip(1))))
