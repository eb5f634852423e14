"""SNANA's text files (Kessler et al. 2009, PASP 121, 1028): a header of ``KEY: value``, then rows of ``OBS:``.

Thousands of files are parsed together: their headers one by one, all their rows with one call of a compiled reader.
"""

from __future__ import annotations

import io
import math
import re
from collections.abc import Iterable

import numpy as np
import pandas as pd

from lcnet.supernovae.archives import stem

__all__ = ["CLASS_OF", "is_snana", "object_of", "parse_texts", "truth_of"]

# SNANA's names of one column
_COLUMNS = {
    "MJD": "mjd",
    "FLT": "band",
    "BAND": "band",
    "FILTER": "band",
    "FLUXCAL": "flux",
    "FLUXCALERR": "flux_err",
    "MAG": "mag",
    "MAGERR": "mag_err",
    "PHOTFLAG": "flag",
}
CLASS_OF = {"Ia": "Ia"}
CLASS_OF |= dict.fromkeys(("II", "IIP", "IIL", "IIn"), "II") | dict.fromkeys(("Ib", "Ic", "Ibc"), "Ibc")
_DETECTION = 4096  # the bit of PHOTFLAG that DES sets where its difference imaging found the object


def is_snana(data: bytes) -> bool:
    """Whether the bytes are of this format: they name an object or columns."""
    return b"SNID:" in data or b"VARLIST:" in data


def parse_texts(files: Iterable[tuple[str, bytes]]):
    """Objects, truths and points of many files.

    Parameters
    ----------
    files : iterable of (name, bytes)

    Returns
    -------
    objects, truths : list of dict
        One a file, failed ones with ``status`` and ``reason``.
    points : DataFrame
        ``owner, mjd, band, flux, flux_err, detected``.
    """
    objects, truths = [], []
    bodies: dict[tuple[tuple[str, ...], int], tuple[list[bytes], list[int], list[int]]] = {}
    for name, data in files:
        number = len(objects)
        known = {"object": stem(name), "source": name}
        try:
            head, names, body, rows = _split(data)
            known |= object_of(head)
            truth = truth_of(head)
        except ValueError as error:
            objects.append(known | {"status": "failed", "reason": str(error)})
            truths.append({})
            continue
        if not rows:
            known |= {"status": "failed", "reason": "no observations"}
        else:
            # some files have more columns than their VARLIST names: they are read with their like
            fields = len(body[: body.index(b"\n")].split())
            texts, owners, lengths = bodies.setdefault((names, fields), ([], [], []))
            texts.append(body)
            owners.append(number)
            lengths.append(rows)
        objects.append(known)
        truths.append(truth)
    frames = [_points(*kind, *found, objects) for kind, found in bodies.items()]
    columns = ["owner", "mjd", "band", "flux", "flux_err", "detected"]
    points = pd.concat(frames, ignore_index=True) if frames else pd.DataFrame({name: [] for name in columns})
    return objects, truths, points


def _split(data: bytes) -> tuple[dict[str, str], tuple[str, ...], bytes, int]:
    """Header, names of the columns, the rows alone and how many."""
    if not data.strip():
        raise ValueError("an empty file")
    if b"\0" in data[:4096]:
        raise ValueError("a binary file, not SNANA text")
    if b"\r" in data:
        data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    first = data.find(b"\nOBS:")
    head = data if first < 0 else data[:first]
    if b" OBS:" in head or b"\tOBS:" in head:  # rows that are set in
        data = re.sub(rb"(?m)^[ \t]+(?=OBS:|END:)", b"", data)
        first = data.find(b"\nOBS:")
        head = data if first < 0 else data[:first]
    keys = _header(head)
    if "SNID" not in keys and "VARLIST" not in keys:
        raise ValueError("not an SNANA file: neither SNID nor VARLIST")
    names = tuple(keys.get("VARLIST", "").split("#")[0].split())
    if first < 0:
        return keys, names, b"", 0
    if not names:
        raise ValueError("rows of OBS: but no VARLIST that names their columns")
    end = data.find(b"\nEND:", first)
    body = data[first + 1 : end if end >= 0 else len(data)].rstrip(b" \n") + b"\n"
    rows = body.count(b"\nOBS:") + 1
    if body.count(b"\n") != rows:  # comments, blank lines or a spectrum between the rows
        kept = [line for line in map(bytes.lstrip, body.split(b"\n")) if line.startswith(b"OBS:")]
        body, rows = b"\n".join(kept) + b"\n", len(kept)
    return keys, names, body, rows


def _header(head: bytes) -> dict[str, str]:
    """Keys and values: a line wins over PRIVATE(KEY), a correction in a comment (# OVERRIDE KEY: value) over both."""
    plain: dict[str, str] = {}
    private: dict[str, str] = {}
    corrected: dict[str, str] = {}
    for line in head.decode("utf-8", "replace").split("\n"):
        line, found = line.strip(), plain
        if line.startswith("#"):
            if "OVERRIDE" not in line[:12]:
                continue
            line, found = line[line.index("OVERRIDE") + 8 :].lstrip(" :"), corrected
        key, colon, value = line.partition(":")
        key = key.strip()
        if not colon or not key or " " in key:
            continue
        if key.startswith("PRIVATE("):
            key = key[8:].removesuffix(")")
            found = private if found is plain else found
        # of two lines the first, of two corrections the last
        if found is corrected or key not in found:
            found[key] = value.strip()
    return private | plain | corrected


def _points(names, fields, texts, owners, lengths, objects) -> pd.DataFrame:
    wanted = {place + 1: _COLUMNS[name] for place, name in enumerate(names) if name in _COLUMNS}
    have = set(wanted.values())
    missing = [what for what in ("mjd", "band") if what not in have]
    if not {"flux", "flux_err"} <= have and not {"mag", "mag_err"} <= have:
        missing.append("flux and its error")
    if missing:
        for owner in owners:
            objects[owner] |= {"status": "failed", "reason": f"VARLIST has no {', '.join(missing)}"}
        return pd.DataFrame({"owner": np.array([], dtype=int)})
    try:
        table = _table(b"".join(texts), fields, wanted)
        if len(table) != sum(lengths):
            raise ValueError("rows were lost")
        owner = np.repeat(owners, lengths)
    except (ValueError, pd.errors.ParserError):
        # one damaged file must not take the others with it
        tables, kept = [], []
        for text, number in zip(texts, owners, strict=True):
            try:
                tables.append(_table(text, fields, wanted))
                kept.append(np.full(len(tables[-1]), number))
            except (ValueError, pd.errors.ParserError) as error:
                objects[number] |= {"status": "failed", "reason": f"unreadable rows: {str(error).splitlines()[0]}"}
        if not tables:
            return pd.DataFrame({"owner": np.array([], dtype=int)})
        table, owner = pd.concat(tables, ignore_index=True), np.concatenate(kept)
    made = pd.DataFrame({"owner": owner, "mjd": _numbers(table["mjd"]), "band": table["band"].to_numpy()})
    if {"flux", "flux_err"} <= have:
        made["flux"], made["flux_err"] = _numbers(table["flux"]), _numbers(table["flux_err"])
    else:
        mag, error = _numbers(table["mag"]), _numbers(table["mag_err"])
        # 99, 128 and 666 stand for "no magnitude"
        flux = np.where((mag > 0) & (mag < 90), 10 ** (0.4 * (27.5 - np.clip(mag, -30, 90))), np.nan)
        made["flux"], made["flux_err"] = flux, flux * error * 0.4 * math.log(10)
    made["detected"] = np.int8(-1)
    if "flag" in have:
        flag = _numbers(table["flag"])
        known = np.isfinite(flag) & (flag >= 0)
        # a survey that never sets the bit does not use it
        bits = (np.where(known, flag, 0).astype(np.int64) & _DETECTION) > 0
        made["detected"] = np.where(known & bits.any(), bits, -1).astype(np.int8)
    return made


def _table(text: bytes, fields: int, wanted) -> pd.DataFrame:
    if max(wanted) >= fields:
        raise ValueError(f"a row of {fields - 1} values where VARLIST names more")
    header = [f"c{place}" for place in range(fields)]
    found = pd.read_csv(
        io.BytesIO(text),
        sep=r"\s+",
        header=None,
        names=header,
        index_col=False,
        usecols=[header[place] for place in wanted],
        dtype={header[place]: str for place, what in wanted.items() if what == "band"},
        keep_default_na=False,
        encoding_errors="replace",
        engine="c",
    )
    return found.rename(columns={header[place]: what for place, what in wanted.items()})


def _numbers(column: pd.Series) -> np.ndarray:
    return pd.to_numeric(column, errors="coerce").to_numpy(dtype=np.float64)


def object_of(head: dict[str, str]) -> dict:
    """What may be known of an object, from its header: never REDSHIFT_*, which may be the supernova's own spectrum."""
    host, error = _pair(head.get("HOST_GALAXY_PHOTO-Z"))
    for key in ("HOSTGAL_PHOTOZ", "HOSTGAL_SPECZ"):
        if not host > 0:
            host, error = _pair(head.get(key))
            error = error if error > 0 else _pair(head.get(f"{key}_ERR"))[0]
    known = {"survey": head.get("SURVEY", "").split("#")[0].strip()}
    if name := _word(head.get("SNID")):
        known["object"] = name
    for key, names in (("ra", ("RA",)), ("dec", ("DECL", "DEC")), ("mwebv", ("MWEBV",))):
        values = [_pair(head[one])[0] for one in names if one in head]
        if values:
            known[key] = values[0]
    if host > 0:
        known |= {"redshift": host, "redshift_err": error if error > 0 else math.nan}
    return known


def truth_of(head: dict[str, str]) -> dict:
    """What only a judge may know. The type of a simulation stands in SIM_COMMENT alone (SIM_NON1a is a template)."""
    found: dict = {}
    comment = head.get("SIM_COMMENT", "")
    if "SN Type" in comment:
        words = comment.split("=", 1)[1].replace(",", " ").split()
        found |= {"subtype": words[0], "type": CLASS_OF.get(words[0], words[0])}
        if "MODEL" in comment:
            found["model"] = _word(comment.rpartition("=")[2])
    if "SNTYPE" in head:
        found["sntype"] = _word(head["SNTYPE"])
    for key, names in (("redshift", ("SIM_REDSHIFT", "SIM_REDSHIFT_HELIO")), ("peak_mjd", ("SIM_PEAKMJD",))):
        values = [_pair(head[one])[0] for one in names if one in head]
        if values:
            found[key] = values[0]
    return found


def _word(text: str | None) -> str:
    words = (text or "").split()
    return words[0] if words else ""


def _pair(text: str | None) -> tuple[float, float]:
    """Value and error of ``0.35 +- 0.05 (CMB)``; NaN where there is none."""
    words = (text or "").replace("+-", " ").split()
    out = []
    for word in words[:2]:
        try:
            out.append(float(word))
        except ValueError:
            break
    return tuple((out + [math.nan, math.nan])[:2])
