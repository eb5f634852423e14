"""Is a FITS file whole? Length, structure, and the checksums its headers state.

The checksums are those of the FITS standard (Pence et al. 2010, A&A 524, A42, appendix J; Seaman, Pence & Rots 2002):
one's complement sums of big-endian 32-bit words, over the bytes **as they lie on disk**. astropy's ``checksum=True``
adds up the header as it would write it itself, and so calls every archive file of Kepler and TESS damaged.
"""

from __future__ import annotations

import gzip
import io
import warnings
import zlib

import numpy as np

__all__ = ["checksum_problem", "damage", "ones_complement"]

_ALL_ONES = 0xFFFFFFFF


def ones_complement(data: bytes) -> int:
    """The one's complement sum of big-endian 32-bit words (Pence et al. 2010, eq. J.1).

    Parameters
    ----------
    data : bytes
        A multiple of four, as every FITS block is.

    Returns
    -------
    int
        0 to 2^32 - 1.
    """
    total = int(np.frombuffer(data, dtype=">u4").sum(dtype=np.uint64))
    while total >> 32:
        total = (total & _ALL_ONES) + (total >> 32)
    return total


def checksum_problem(raw: bytes, hdu) -> str:
    """What CHECKSUM and DATASUM of an HDU say against its bytes.

    Parameters
    ----------
    raw : bytes
        The whole, unpacked file.
    hdu : astropy.io.fits HDU
        Opened from these bytes.

    Returns
    -------
    str
        "" when they agree or the header states none.
    """
    place = hdu.fileinfo()
    start, data, stop = place["hdrLoc"], place["datLoc"], place["datLoc"] + place["datSpan"]
    stated = str(hdu.header.get("DATASUM", "")).strip()
    if stated.isdigit() and ones_complement(raw[data:stop]) != int(stated):
        return f"DATASUM of {_name(hdu)} does not match its data"
    # a file that is in order adds up to all ones, which is zero; a CHECKSUM of blanks means "not computed"
    if str(hdu.header.get("CHECKSUM", "")).strip() and ones_complement(raw[start:stop]) != _ALL_ONES:
        return f"CHECKSUM of {_name(hdu)} does not match"
    return ""


def _name(hdu) -> str:
    return f"HDU {hdu.name or 'without a name'}"


def damage(path) -> str:
    """What is wrong with a FITS file.

    Every HDU is read; none may be missing or cut off, nothing may follow the last one, and CHECKSUM and DATASUM must
    agree where they are stated.

    Parameters
    ----------
    path : path-like
        Plain or gzipped.

    Returns
    -------
    str
        "" for a file that is whole; else what is wrong, without the file's name.

    Raises
    ------
    OSError
        The file cannot be read at all.
    """
    with open(path, "rb") as file:
        raw = file.read()
    if not raw:
        return "it is empty"
    if raw.startswith(b"\x1f\x8b"):
        try:
            raw = gzip.decompress(raw)  # gzip has a checksum of its own
        except (EOFError, zlib.error, OSError) as error:
            return f"it is cut off or damaged ({error})"
    if raw.lstrip()[:1] == b"<":
        return "it is a web page, not a FITS file"
    if not raw.startswith(b"SIMPLE  ="):
        return "it is not a FITS file"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a missing end astropy only warns; the lengths are compared below
            return _structure(raw)
    except Exception as error:
        return f"it does not read as FITS ({type(error).__name__}: {' '.join(str(error).split())[:120]})"


def _structure(raw: bytes) -> str:
    from astropy.io import fits

    with fits.open(io.BytesIO(raw), memmap=False) as hdus:
        end = 0
        for hdu in hdus:
            place = hdu.fileinfo()
            end = place["datLoc"] + place["datSpan"]
            if end > len(raw):
                return "it is cut off"
            if problem := checksum_problem(raw, hdu):
                return problem
            _ = hdu.data
    # astropy stops at an extension it cannot read and says nothing
    return "it has bytes that no header describes" if raw[end:].strip(b"\0") else ""
