"""One FITS file as bytes: unpacked, whole, undamaged, and its headers as plain dictionaries.

**CHECKSUM.** The 32-bit ones' complement sum over all bytes of an extension that carries the keyword is all ones (FITS
standard 4.0, section 4.4.2.7 and appendix J), so that one sum verifies header and data. `astropy.io.fits` cannot be
asked: where DATASUM is absent, as in every Kepler and TESS archive file, its ``checksum=True`` leaves the data out of
the sum and reports a failure for sound files.
"""

from __future__ import annotations

import gzip
import io
import os
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lcnet.transits.fits_cards import CARD, parse_cards

__all__ = ["Extension", "ReadError", "contents", "extensions", "named", "open_stream", "verify", "verify_file"]

BLOCK = 2880
# A header of a light curve has some 10 blocks; a file of nothing but headers must not be read for ever
_MOST_BLOCKS, _MOST_EXTENSIONS = 400, 1000
# Unpacked; the largest light curves, 20 s over a long sector, have 15 MB
_LARGEST = 1 << 30


class ReadError(ValueError):
    """A light curve that cannot be read; the message names the file and what to do."""


@dataclass(frozen=True)
class Extension:
    """One header-data unit.

    Attributes
    ----------
    cards : dict
        Keyword to value: str, bool, int, float, or None where the card has none. Comments as "COMMENT", one string.
    start, data, end : int
        Bytes: where the header starts, where the data start, and where the next one would.
    """

    cards: dict
    start: int
    data: int
    end: int


@contextmanager
def named(path: Path):
    """Whatever goes wrong inside becomes a `ReadError` that names the file and what to do."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # archive files are full of units astropy finds unusual
            # astropy only warns of a file cut off in its data, and then reads what is left as if it were all
            warnings.filterwarnings("error", message="File may have been truncated")
            yield
    except (ReadError, FileNotFoundError):
        raise
    except IsADirectoryError as error:
        raise ReadError(f"{path}: a folder, not a file") from error
    except PermissionError as error:
        raise ReadError(f"{path}: no permission to read it") from error
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise ReadError(
            f"{path}: the packed file is cut off or damaged (an interrupted download?); fetch it again"
        ) from error
    except Exception as error:
        said = " ".join(str(error).split())[:120]
        if "truncated" in said.lower():
            raise _cut_off(path) from error
        raise ReadError(f"{path}: not readable as a FITS light curve ({type(error).__name__}: {said})") from error


def _cut_off(path) -> ReadError:
    return ReadError(f"{path}: the file is cut off (an interrupted download?); fetch it again")


@contextmanager
def open_stream(path: Path):
    """The file's bytes as a seekable stream, unpacked on the way; refuses what is not FITS in one sentence."""
    if not path.exists():
        raise FileNotFoundError(f"{path}: no such file")
    with open(path, "rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
        file.seek(0)
        stream = gzip.GzipFile(fileobj=file) if packed else file
        _sniff(stream.read(512), path)
        stream.seek(0)
        yield stream


def contents(path: Path) -> bytes:
    """The whole file in memory, unpacked; refuses what is not FITS."""
    if not path.exists():
        raise FileNotFoundError(f"{path}: no such file")
    if path.stat().st_size > _LARGEST:
        raise _too_large(path)
    raw = path.read_bytes()
    if raw[:2] == b"\x1f\x8b":
        parts, size = [], 0
        while raw[:2] == b"\x1f\x8b":  # members, one after the other
            unpack = zlib.decompressobj(31)
            parts.append(unpack.decompress(raw, _LARGEST - size + 1))
            size += len(parts[-1])
            if size > _LARGEST:
                raise _too_large(path)
            if not unpack.eof:
                raise EOFError("gzip stream without its end")
            raw = unpack.unused_data
        raw = parts[0] if len(parts) == 1 else b"".join(parts)
    _sniff(raw[:512], path)
    return raw


def _too_large(path) -> ReadError:
    return ReadError(f"{path}: more than {_LARGEST >> 30} GiB; no light curve is so large")


def _sniff(start: bytes, path) -> None:
    if not start:
        raise ReadError(f"{path}: the file is empty; fetch it again")
    if start.lstrip()[:1] == b"<":
        raise ReadError(f"{path}: a web page, not a FITS file (a failed download?); open it to see what it says")
    if not start.startswith(b"SIMPLE  ="):
        if not start.strip(b"\0"):
            raise ReadError(f"{path}: the file starts with zeros (a failed download or disk?); fetch it again")
        raise ReadError(f"{path}: not a FITS file; lcnet reads light curves as FITS (.fits, .fits.gz)")


def extensions(source, path: Path) -> Iterator[Extension]:
    """The headers of a file, one after the other.

    Parameters
    ----------
    source : bytes or stream
        What `contents` or `open_stream` gave; of a stream, only headers are read.
    path : Path
        For the messages.

    Raises
    ------
    ReadError
        The file ends too early, or a header makes no sense.
    """
    whole = len(source) if isinstance(source, bytes) else None
    stream = io.BytesIO(source) if isinstance(source, bytes) else source
    if whole is None and not isinstance(stream, gzip.GzipFile):
        whole = os.fstat(stream.fileno()).st_size
    start = 0
    for number in range(_MOST_EXTENSIONS):
        stream.seek(start)
        text = _header(stream, path, first=number == 0)
        if text is None:
            return
        cards = parse_cards(text)
        size = _data_size(cards, path)
        data = start + len(text)
        end = data + -(-size // BLOCK) * BLOCK
        if whole is not None and end > whole:
            raise _cut_off(path)
        yield Extension(cards, start, data, end)
        start = end


def _header(stream, path, *, first):
    """The header that starts here, in whole blocks; None at the end of the file or where no extension follows."""
    blocks = []
    for _ in range(_MOST_BLOCKS):
        block = stream.read(BLOCK)
        if not blocks and not first and not block.startswith(b"XTENSION"):
            return None
        if len(block) < BLOCK:
            raise _cut_off(path)
        if b"\0" in block:
            raise ReadError(f"{path}: zeros in a header; the file is damaged, fetch it again")
        blocks.append(block)
        at = block.find(b"END     ")
        while at >= 0 and at % CARD:
            at = block.find(b"END     ", at + 1)
        if at >= 0:
            return b"".join(blocks)
    raise ReadError(f"{path}: a header without an end; the file is damaged, fetch it again")


def _data_size(cards, path) -> int:
    """Bytes of data a header announces (FITS standard, eq. 2)."""
    axes = cards.get("NAXIS")
    sizes = [cards.get(f"NAXIS{axis}") for axis in range(1, axes + 1)] if type(axes) is int and axes < 1000 else [None]
    bits, extra, groups = cards.get("BITPIX"), cards.get("PCOUNT", 0), cards.get("GCOUNT", 1)
    if any(type(value) is not int for value in (bits, extra, groups, *sizes)) or min(extra, groups, *sizes, 0) < 0:
        raise ReadError(f"{path}: a header that does not say how large its data are; the file is damaged")
    elements = 1
    for size in sizes:
        elements *= size
    return abs(bits) // 8 * groups * (extra + (elements if sizes else 0))


def ones_complement(raw: bytes, start: int, end: int) -> int:
    """32-bit ones' complement sum of big-endian words (FITS standard, appendix J.1); whole words only."""
    total = int(np.frombuffer(raw, ">u4", (end - start) // 4, start).sum(dtype=np.uint64))
    while total >> 32:
        total = (total & 0xFFFFFFFF) + (total >> 32)
    return total


def verify(raw: bytes, extension: Extension, path) -> bool:
    """Compare an extension with its CHECKSUM, or DATASUM where that is all there is.

    Returns
    -------
    bool
        Whether there was anything to compare with.

    Raises
    ------
    ReadError
        They differ.
    """
    stated, data = extension.cards.get("CHECKSUM"), extension.cards.get("DATASUM")
    if isinstance(stated, str) and stated.strip():
        sound = ones_complement(raw, extension.start, extension.end) == 0xFFFFFFFF
        keyword = "CHECKSUM"
    elif str(data if data is not None else "").strip():
        sound = ones_complement(raw, extension.data, extension.end) in _sums(data)
        keyword = "DATASUM"
    else:
        return False
    if not sound:
        raise ReadError(
            f"{path}: damaged: its {keyword} does not match its contents; fetch it again (or remove the keyword, if "
            "the file was edited by a program that left it as it was)"
        )
    return True


def _sums(stated):
    """A DATASUM as a number; 0 and all ones are the same in ones' complement."""
    try:
        value = int(stated)
    except ValueError:
        return ()
    return (0, 0xFFFFFFFF) if value in (0, 0xFFFFFFFF) else (value,)


def verify_file(path) -> int:
    """Read a FITS file whole and compare every extension with its checksum.

    Parameters
    ----------
    path : path-like

    Returns
    -------
    int
        Extensions that had a checksum to compare with; 0 in a file that has none.

    Raises
    ------
    ReadError
        The file is no FITS, cut off, has bytes that no header describes, or an extension differs from its CHECKSUM or
        DATASUM.
    FileNotFoundError
    """
    path = Path(path)
    with named(path):
        raw = contents(path)
        checked, end = 0, 0
        for extension in extensions(raw, path):
            checked += verify(raw, extension, path)
            end = extension.end
        if raw[end:].strip(b"\0"):
            raise ReadError(f"{path}: bytes after its last extension that no header describes: damaged; fetch it again")
        return checked
