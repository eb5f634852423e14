"""Pages and index: whole, self-contained, right in their numbers, and without a script error in a real browser."""

from __future__ import annotations

import html.parser
import os
import re
import shutil
import subprocess

import numpy as np
import pytest

from lcnet.transits.batch import Found
from lcnet.transits.candidates import find_candidates
from lcnet.transits.curves import curve_arrays
from lcnet.transits.plots_events import plot_odd_even, plot_river, plot_transits
from lcnet.transits.read import read
from lcnet.transits.report import LARGEST, page_name, report, write_index, write_page
from lcnet.transits.report_words import changes, measured, share_for
from lcnet.transits.table import candidate_table, write_table
from lcnet.transits.table_files import as_written, read_table

META = {"network": "transits/candidate", "network_version": "7", "network_sha256": "ab" * 32, "prior_planet": 0.1}


@pytest.fixture(scope="module")
def stars(star_files):
    """(Found, rows) by kind."""
    made = {}
    for kind, path in star_files.items():
        curve = curve_arrays(next(iter(read(path).values())))
        search = find_candidates(curve.time, curve.flux, curve.flux_err, segment=curve.segment)
        rows = []
        for number, candidate in enumerate(search.candidates, 1):
            names = (
                "period",
                "period_err",
                "epoch",
                "epoch_err",
                "duration",
                "depth",
                "snr",
                "n_transits",
                "harmonic_of",
            )
            row = {name: getattr(candidate, name) for name in names}
            row |= {
                "target": curve.target,
                "candidate": number,
                "time_system": "BTJD",
                "flags": " ".join(candidate.flags),
            }
            row |= {"p_planet": 0.62, "p_transit": 0.9, "p_planet_std": 0.05, "status": candidate.status}
            rows.append(row)
        rows = rows or [{"target": curve.target, "status": "no_candidate", "reason": search.reason}]
        made[kind] = Found(curve.target, curve, search), rows
    return made


@pytest.fixture(scope="module")
def table(stars, star_files):
    meta = {**META, "sources": {stars[kind][0].target: [str(path)] for kind, path in star_files.items()}}
    return candidate_table([row for _, rows in stars.values() for row in rows], meta)


@pytest.fixture(scope="module")
def folder(stars, table, tmp_path_factory):
    where = tmp_path_factory.mktemp("report")
    for found, rows in stars.values():
        if found.search.candidates:
            write_page(found, rows, where, meta=META)
    write_index(table, where)
    return where


class Page(html.parser.HTMLParser):
    """Tags that are opened and closed in order, and what a page asks the network for."""

    VOID = {"meta", "link", "input", "br", "img", "hr", "path", "use", "circle", "image", "rect"}

    def __init__(self, text):
        super().__init__()
        self.open, self.ids, self.asked, self.text = [], [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if tag not in self.VOID:
            self.open.append(tag)
        if "id" in attributes:
            self.ids.append(attributes["id"])
        for name in ("src", "href", "xlink:href"):
            if name in attributes and tag != "a":
                self.asked.append(attributes[name])

    def handle_endtag(self, tag):
        if tag not in self.VOID:
            assert self.open and self.open.pop() == tag, tag

    def handle_data(self, data):
        self.text.append(data)


def test_a_page_is_one_file_that_asks_for_nothing(folder, stars):
    found, _ = stars["planet"]
    path = folder / page_name(found.target)
    text = path.read_text(encoding="utf-8")
    assert 20_000 < path.stat().st_size < LARGEST
    page = Page(text)
    assert not page.open
    assert len(page.ids) == len(set(page.ids)), "two things of one id"
    assert all(asked.startswith(("data:", "#")) for asked in page.asked)
    # what is drawn with a reference is there
    assert {asked[1:] for asked in page.asked if asked.startswith("#")} <= set(page.ids)
    assert set(re.findall(r"url\(#([^)]+)\)", text)) <= set(page.ids)
    assert "@media (prefers-color-scheme: dark)" in text


def test_a_page_says_the_numbers_of_its_row(folder, stars):
    found, rows = stars["planet"]
    said = " ".join(Page((folder / page_name(found.target)).read_text(encoding="utf-8")).text)
    assert found.target in said
    assert measured(rows[0]["period"], rows[0]["period_err"]) in said
    assert "0.620 ± 0.050" in said and f"{rows[0]['depth']:.0f}" in said
    for part in (
        "odd and even",
        "river plot",
        "single transits",
        "strongest dip",
        "What would change the verdict",
        "Tests",
    ):
        assert part in said, part
    assert META["network_sha256"][:12] in said


def test_the_same_page_is_the_same_bytes(stars, tmp_path):
    found, rows = stars["planet"]
    one, two = (write_page(found, rows, tmp_path / name, meta=META).read_bytes() for name in "ab")
    assert one == two


def test_names_of_targets_cannot_leave_the_folder_or_meet():
    names = [page_name(name) for name in ("TIC 1", "tic 1", "TIC_1", "../../etc/passwd", "a/b", "b", "π Men", "")]
    assert names[0] == "TIC_1.html"
    assert len(set(map(str.lower, names))) == len(names)
    assert all(os.path.basename(name) == name and name.endswith(".html") for name in names)


def test_a_hostile_name_is_text(stars, tmp_path):
    found, rows = stars["planet"]
    name = "<script>alert(1)</script>"
    from dataclasses import replace

    hostile = replace(found, target=name, curve=replace(found.curve, target=name))
    text = write_page(hostile, [{**rows[0], "target": name}], tmp_path, meta=META).read_text()
    assert "<script" not in text
    table = candidate_table([{**rows[0], "target": name, "reason": name}], META)
    assert "<script>alert" not in write_index(table, tmp_path).read_text()


def test_the_index_shows_every_row(folder, table):
    page = Page((folder / "index.html").read_text(encoding="utf-8"))
    said = " ".join(page.text)
    for row in table:
        assert str(row["target"]) in said
    assert "no candidate" in said
    assert all((folder / asked).is_file() for asked in page.asked)


def test_report_reads_the_light_curves_again(table, folder, tmp_path):
    """The verb, from the table alone: the files it names are read and measured at the table's ephemerides."""
    calls = []
    index = report(table, tmp_path / "again", progress=lambda *told: calls.append(told))
    assert index == tmp_path / "again" / "index.html"
    pages = {path.name for path in index.parent.glob("*.html")}
    assert pages == {path.name for path in folder.glob("*.html")}
    assert calls[-1][0] == calls[-1][1] == len(pages) - 1


def test_a_star_whose_file_has_gone_keeps_its_row(table, tmp_path):
    gone = table.copy()
    gone.meta["sources"] = {target: ["nowhere.fits"] for target in table.meta["sources"]}
    text = report(gone, tmp_path).read_text(encoding="utf-8")
    assert "no page: nowhere.fits: no such file" in text
    assert [path.name for path in tmp_path.glob("*.html")] == ["index.html"]


def test_a_table_that_does_not_say_where_its_curves_are(table, tmp_path):
    lost = table.copy()
    del lost.meta["sources"]
    with pytest.raises(ValueError, match="curves=read"):
        report(lost, tmp_path / "none")


@pytest.mark.parametrize(("planet", "prior"), [(0.2, 0.027), (0.7, 0.1), (0.5, 0.3)])
def test_the_share_at_which_the_verdict_turns(planet, prior):
    """Against Bayes' rule, the way back: with that share the same evidence gives one half."""
    share = share_for(planet, prior)
    evidence = planet / (1 - planet) / (prior / (1 - prior))
    assert evidence * share / (1 - share) == pytest.approx(1.0, rel=1e-12)


def test_what_would_change_the_verdict_follows_from_the_row():
    row = {"p_planet": 0.2, "p_transit": 0.9, "flags": "odd_even", "status": "ok", "snr": 9.0, "n_transits": 3}
    said = " ".join(changes(row, {"prior_planet": 0.027}))
    assert "twice this" in said and "3 more transits" in said and "pixels" in said  # 3 x ((12 / 9)^2 - 1) = 2.3
    assert "10 % or more" in said  # 0.25 odds at 0.027: 0.5 at 0.0999
    quiet = {**row, "p_planet": np.nan, "p_transit": np.nan, "flags": "", "snr": 50.0}
    assert changes(quiet, {}) == ["Nothing short of new data: no test and no prior comes near."]


def test_the_pictures_of_single_transits(stars):
    from matplotlib.figure import Figure

    found, _ = stars["planet"]
    candidate = found.search.candidates[0]
    for draw in (plot_odd_even, plot_river, plot_transits):
        ax = Figure(layout="constrained").add_subplot()
        assert draw(found.search, 1, ax) is ax
        assert "hours" in ax.get_xlabel()
    ax = plot_river(found.search, 1, Figure().add_subplot())
    image = np.ma.filled(ax.images[0].get_array(), np.nan)
    assert image.shape[0] >= candidate.n_transits
    # the river is in the middle, as deep as the candidate to the noise of a cell
    middle = np.nanmean(image[:, 19:22])
    beside = np.nanmean(image[:, :8])
    factor = 1e6 if "ppm" in ax.figure.axes[1].get_ylabel() else 1e2
    assert (beside - middle) / factor == pytest.approx(1e-6 * candidate.depth, rel=0.25)


@pytest.fixture(scope="module")
def browser():
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        pytest.skip("no Chromium on this machine")

    def run(page, profile):
        words = [path, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
        words += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
        words += [f"--user-data-dir={profile}", "--enable-logging=stderr", "--virtual-time-budget=3000", "--dump-dom"]
        done = subprocess.run([*words, page.as_uri()], capture_output=True, text=True, timeout=120)
        return done.stdout, [line for line in done.stderr.splitlines() if "CONSOLE" in line]

    return run


def test_the_index_sorts_and_filters_in_a_browser(browser, folder, table, tmp_path):
    """Opened from the disk; a second script does what a hand would and writes down what came of it."""
    hand = """<script>
    const told = [], order = () => Array.from(document.querySelectorAll("#candidates tbody tr:not([hidden])"))
      .map(row => row.cells[1].textContent + "|" + row.cells[5].dataset.key).join(",");
    told.push(document.getElementById("shown").value);
    document.querySelectorAll("#candidates th button")[4].click(); told.push(order());
    document.querySelectorAll("#candidates th button")[4].click(); told.push(order());
    words.value = "no candidate";
    words.dispatchEvent(new Event("input"));
    told.push(order());
    const out = document.createElement("pre"); out.id = "told"; out.textContent = told.join(";");
    document.body.append(out);
    </script></body>"""
    copy = folder / "by-hand.html"
    copy.write_text((folder / "index.html").read_text(encoding="utf-8").replace("</body>", hand), encoding="utf-8")
    try:
        dom, errors = browser(copy, tmp_path / "profile")
    finally:
        copy.unlink()
    assert errors == []
    shown, down, up, quiet = re.search(r'<pre id="told">(.*?)</pre>', dom)[1].split(";")
    assert shown == f"{len(table)} of {len(table)} rows"
    falling = [float(cell.split("|")[1]) for cell in down.split(",") if cell.split("|")[1]]
    rising = [float(cell.split("|")[1]) for cell in up.split(",") if cell.split("|")[1]]
    assert falling == sorted(falling, reverse=True) and rising == sorted(rising) and len(rising) >= 2
    assert down.endswith("|") and up.endswith("|")  # the star without a period is last both times
    assert quiet.split("|")[0] == str(table["target"][list(table["status"]).index("no_candidate")])


def test_a_page_opens_without_an_error(browser, folder, stars, tmp_path):
    dom, errors = browser(folder / page_name(stars["planet"][0].target), tmp_path / "profile")
    assert errors == [] and dom.count("<svg") >= 8


@pytest.mark.parametrize("suffix", ["ecsv", "vot", "parquet", "csv"])
def test_a_table_comes_back_from_its_file(table, tmp_path, suffix):
    """By our reader and by astropy's, with its masked cells, its units and a CSV's names."""
    from astropy.table import QTable

    path = tmp_path / f"table.{suffix}"
    write_table(table, path)
    plainly = QTable.read(path, format="ascii.csv") if suffix == "csv" else QTable.read(path)
    assert read_table(path).meta.get("sources") == (table.meta["sources"] if suffix != "csv" else None)
    for back in (read_table(path), as_written(plainly)):
        assert back.colnames == table.colnames
        for name in table.colnames:
            assert getattr(back[name], "unit", None) == getattr(table[name], "unit", None)
            one, other = (np.asarray(getattr(column[name], "value", column[name])) for column in (back, table))
            if other.dtype.kind == "f":
                np.testing.assert_allclose(one, other, rtol=1e-15)  # to ppm and back
            else:
                assert list(one) == list(other), name
    with pytest.raises(ValueError, match="target"):
        as_written(QTable({"period": [1.0]}))
    with pytest.raises(ValueError, match="column 'period' is no period"):
        as_written(QTable({"target": ["a"], "period": ["b"]}))


@pytest.mark.parametrize(("suffix", "by_path"), [("ecsv", False), ("vot", True), ("csv", False)])
def test_a_report_of_a_table_read_back(table, folder, stars, star_files, tmp_path, suffix, by_path):
    from astropy.table import QTable

    path = tmp_path / f"table.{suffix}"
    write_table(table, path)
    plainly = QTable.read(path, format="ascii.csv") if suffix == "csv" else QTable.read(path)
    options = {}
    if suffix != "ecsv":  # what astropy makes of these does not say where the curves are
        with pytest.raises(ValueError, match="curves=read"):
            report(plainly, tmp_path)
        options = {} if by_path else {"curves": read([str(path) for path in star_files.values()])}
    text = report(path if by_path else plainly, tmp_path, **options).read_text(encoding="utf-8")
    assert {one.name for one in tmp_path.glob("*.html")} == {one.name for one in folder.glob("*.html")}
    assert "no page" not in text and "not on the page" not in text
    found, rows = stars["planet"]
    said = " ".join(Page((tmp_path / page_name(found.target)).read_text(encoding="utf-8")).text)
    assert f"{rows[0]['depth']:.0f}" in said and measured(rows[0]["period"], rows[0]["period_err"]) in said


def test_one_ephemeris_that_cannot_be_measured_does_not_cost_the_page(table, stars, tmp_path):
    """A full BJD, a transit before the data, and none at all, beside a candidate that is there."""
    found, rows = stars["planet"]
    first = {**rows[0], "time_system": "BJD", "epoch": rows[0]["epoch"] + 2457000.0}
    far = {**rows[0], "candidate": 2, "period": 300.0, "epoch": rows[0]["epoch"] - 150.0, "status": "failed"}
    none = {"target": found.target, "candidate": 3, "status": "failed"}
    mixed = candidate_table([first, far, none], table.meta)
    text = report(mixed, tmp_path).read_text(encoding="utf-8")
    assert "candidate 2: no transit falls on the data" in text and "candidate 3: period must be finite" in text
    page = (tmp_path / page_name(found.target)).read_text(encoding="utf-8")
    assert measured(first["period"], first["period_err"]) in " ".join(Page(page).text)
    lost = report(candidate_table([far, none], table.meta), tmp_path / "lost").read_text(encoding="utf-8")
    assert "no page: " in lost


@pytest.mark.parametrize("problem", [TypeError("no light curve"), PermissionError(13, "denied")])
def test_a_file_that_cannot_be_read_costs_its_own_page_only(table, stars, tmp_path, monkeypatch, problem):
    from lcnet.transits import sources

    planet, real = stars["planet"][0].target, sources.Source.curve

    def curve(self):
        if str(self.target) == planet:
            raise problem
        return real(self)

    monkeypatch.setattr(sources.Source, "curve", curve)
    text = report(table, tmp_path).read_text(encoding="utf-8")
    assert "no page: " in text and not (tmp_path / page_name(planet)).exists()
    assert (tmp_path / page_name(stars["eclipse"][0].target)).exists()
