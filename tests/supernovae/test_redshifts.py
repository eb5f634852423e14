"""Redshifts that do not fit: of other objects, twice, infinite, beyond the training."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from lcnet.supernovae.classify import classify


@pytest.fixture(scope="module")
def two(simulated):
    return simulated.take([0, 1])


def test_a_table_of_other_objects_is_said(two, network):
    for given in ({"x": 0.1}, pd.DataFrame({"object": ["x"], "redshift": [0.1]})):
        with pytest.warns(UserWarning, match="redshifts name none of the 2 objects: x "):
            table = classify(two, redshift=given, network=network)
        assert np.isnan(table["redshift"]).all()


def test_two_redshifts_of_one_object(two, network):
    name = two.objects["object"].iloc[0]
    frame = pd.DataFrame({"object": [name, name], "redshift": [0.1, 0.1]})
    assert classify(two, redshift=frame, network=network)["redshift"][0] == 0.1
    with pytest.raises(ValueError, match=f"two different ones of {name}"):
        classify(two, redshift=frame.assign(redshift=[0.1, 0.2]), network=network)


def test_an_infinite_redshift_is_none(two, network):
    without = classify(two, network=network)
    names = two.objects["object"].tolist()
    for given in ([np.inf, 0.3], dict(zip(names, [np.inf, 0.3], strict=True))):
        table = classify(two, redshift=given, network=network)
        assert table["p_Ia"][0] == pytest.approx(without["p_Ia"][0], abs=1e-6) and np.isnan(table["redshift"][0])
        assert table["reason"].tolist() == ["an infinite redshift is taken for none", ""]
    with pytest.raises(ValueError, match="redshift must be positive, not inf"):
        classify(two, redshift=np.inf, network=network)


def test_a_redshift_beyond_the_training_is_flagged(two, network):
    table = classify(two, redshift=[5.0, 1.2], network=network)
    assert table["ood"].tolist() == [True, False]
    assert table["reason"].tolist() == ["out of distribution: redshift 5, above 1.5", ""]
