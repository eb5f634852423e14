"""What a caller may hand a network: units and masks heeded, every kind of table, and nothing read into nonsense."""

import warnings
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
import torch
from astropy import units as u
from astropy.table import MaskedColumn, QTable, Table
from astropy.time import Time
from astropy.utils.masked import Masked

from lcnet.core.inputs import check
from lcnet.core.task import Input

SPECS = {
    "curve": Input((3,), required=False),
    "period": Input((), required=False, unit="d"),
    "depth": Input((), required=False, unit="ppm"),
    "ratio": Input((), required=False),
}


def one(name, values):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return check(SPECS, {name: values})[name]


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("period", [24, 48] * u.h),
        ("period", QTable({"period": [24, 48] * u.h})["period"]),
        ("period", Table({"period": MaskedColumn([24.0, 48.0], unit="h")})["period"]),
        ("period", Table({"period": [24, 48] * u.h}, masked=False)["period"]),
        ("depth", [1e-6, 2e-6] * u.dimensionless_unscaled),
        ("depth", [1e-4, 2e-4] * u.percent),
        ("ratio", [1, 2] * u.dimensionless_unscaled),
        ("ratio", [1, 2] * u.d / u.d),
        ("period", [1, 2] * u.d),
    ],
)
def test_a_quantity_is_converted_to_the_inputs_unit(name, values):
    np.testing.assert_allclose(one(name, values), [1, 2], rtol=1e-6)


@pytest.mark.parametrize(
    ("name", "values", "message"),
    [
        ("period", [1, 2] * u.m, "'period' must be in d, not in m"),
        ("depth", [1, 2] * u.electron, "'depth' must be in ppm, not in electron"),
        ("ratio", [1, 2] * u.h, "'ratio' must be plain numbers, not in h"),
        ("period", Time([1.0, 2.0], format="jd"), "'period'"),
    ],
)
def test_a_wrong_unit_is_refused_by_name(name, values, message):
    with pytest.raises(ValueError, match=message):
        one(name, values)


@pytest.mark.parametrize(
    "values",
    [
        np.ma.masked_array([1.0, 77.0], mask=[False, True]),
        np.ma.masked_array(np.array([1, 77], np.float32), mask=[False, True]),
        np.ma.masked_array([1, 77], mask=[False, True]),
        MaskedColumn([1.0, 77.0], mask=[False, True]),
        MaskedColumn([24.0, 77.0], mask=[False, True], unit="h"),
        Masked([24.0, 77.0] * u.h, mask=[False, True]),
        [1.0, None],
        pd.Series([1.0, None]),
        pd.Series([1, None], dtype="Int64"),
        pd.Series([1, None], dtype=object),
    ],
    ids=lambda values: type(values).__name__,
)
def test_what_is_masked_is_missing(values):
    np.testing.assert_array_equal(one("period", values), np.array([1, np.nan], np.float32))


def test_a_callers_arrays_are_left_alone():
    masked = np.ma.masked_array(np.ones(2, np.float32), mask=[False, True])
    one("period", masked)
    assert masked.data.tolist() == [1, 1]
    frozen = np.ones(2, np.float32)
    frozen.setflags(write=False)
    assert one("period", frozen).flags.writeable  # torch warns of memory it may not write
    mine = np.ones(2, np.float32)
    assert one("period", mine) is mine  # and what needs no copy is not copied: views are large


def test_tables_of_every_kind():
    columns = {"period": np.array([1.0, 2.0]), "ratio": np.array([3.0, 4.0]), "name": ["a", "b"]}
    for table in (pd.DataFrame(columns), Table(columns), QTable(columns)):
        found = check(SPECS, table)
        assert found.keys() == {"period", "ratio"}
        np.testing.assert_array_equal(found["ratio"], [3, 4])
    cells = pd.DataFrame({"curve": [np.zeros(3), np.ones(3)]})
    np.testing.assert_array_equal(check(SPECS, cells)["curve"], [[0, 0, 0], [1, 1, 1]])
    with pytest.raises(ValueError, match="mapping of name to array, not ndarray"):
        check(SPECS, np.zeros((2, 3)))


def test_names_that_are_not_text_are_another_networks_business():
    assert check(SPECS, {"period": [1.0], 0: "anything", ("a", 1): None}).keys() == {"period"}


@pytest.mark.parametrize(
    "values",
    [
        torch.tensor([1.0, 2.0], requires_grad=True),
        torch.tensor([1.0, 2.0]).bfloat16(),
        torch.tensor([1, 2]),
        [Decimal(1), Decimal(2)],
        np.array([1, 2], dtype=">i2"),
        [True, 2],
    ],
)
def test_numbers_of_every_kind(values):
    found = one("period", values)
    assert found.dtype == np.float32 and found.tolist() == [1, 2]


@pytest.mark.parametrize(
    "values",
    [
        ["1", "2"],
        np.array(["1", "2"], dtype=object),
        [b"1", b"2"],
        pd.Series(["1", "2"]),
        [1j, 2],
        np.array([1j, 2], dtype=object),
        torch.tensor([1j, 2]),
        np.array(["2020-01-01"], dtype="M8[D]"),
        [[1.0], [1.0, 2.0]],
        [{}, {}],
    ],
)
def test_what_is_no_number_is_refused_by_name(values):
    with pytest.raises(ValueError, match="'period' is not an array of numbers"):
        one("period", values)


def test_a_number_beyond_float32_is_told_with_its_row():
    with pytest.raises(ValueError, match="'period' is infinite in row 1"):
        one("period", [1.0, 1e300])
