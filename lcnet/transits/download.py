"""Files of the archive on disk: taken from a cache when they are whole, else fetched, each whole or not at all.

lightkurve writes a download straight to its final name, so that an interrupted one stays in its cache and is read from
then on. Here a file gets its name only after its length, its structure and its checksums were found right, and a file
of either cache is used only after the same examination.
"""

from __future__ import annotations

import gzip
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path

from lcnet.core.files import replaced
from lcnet.terminal import progress_bar
from lcnet.transits import mast
from lcnet.transits.caches import Product, cache_roots, own_cache
from lcnet.transits.products import ReadError

__all__ = ["damage", "fetch"]

# As many at once as a browser opens to one server
CONNECTIONS = 4
_CHUNK = 1 << 16
_OLD_S = 86400.0


class _Stopped(Exception):
    """Another file's failure, or the user, ended the whole download."""


class _Passing(Exception):
    """A failure that may be gone in a moment; `wait` is what the server asks for, in seconds."""

    def __init__(self, said: str, wait: float = 0.0):
        super().__init__(said)
        self.wait = wait


class _Halt:
    """Ends all downloads of a star, also one that waits for bytes that do not come."""

    def __init__(self):
        self._event = threading.Event()
        self._open = set()
        self.is_set, self.wait = self._event.is_set, self._event.wait

    @contextmanager
    def watching(self, response):
        """While this lasts, `set` breaks the response's connection."""
        self._open.add(response.raw)
        try:
            yield
        finally:
            self._open.discard(response.raw)

    def set(self):
        self._event.set()
        for raw in tuple(self._open):
            with suppress(Exception):  # already closed; or urllib3 before 2.3, where the wait takes its time
                raw.shutdown()


@dataclass
class _Missing:
    """A file to fetch, and what was wrong with the one in the cache."""

    product: Product
    before: str


def fetch(products, *, name: str, progress=None) -> list[Path]:
    """The files of a star, from the caches or from the archive.

    Parameters
    ----------
    products : sequence of Product
    name : str
        The star, for messages.
    progress : callable, False or None
        Called as ``progress(done, total, file)`` for files that are downloaded; None draws a bar on a terminal, False
        nothing.

    Returns
    -------
    list of pathlib.Path
        In the order of the products; each examined (`damage`).

    Raises
    ------
    ReadError
        A file cannot be fetched, or is damaged twice, in the cache or on arrival; the others have been fetched.
    """
    paths: dict[Product, Path] = {}
    missing = []
    for product in products:
        path, before = _cached(product)
        if path is None:
            missing.append(_Missing(product, before))
        else:
            paths[product] = path
    if missing:
        paths |= _fetch_all(missing, own_cache(), name, progress)
    return [paths[product] for product in products]


def _cached(product: Product) -> tuple[Path | None, str]:
    """A whole file of a cache; else None and what is wrong with the one that is there."""
    before = ""
    for root in cache_roots():
        path = root / product.place
        try:
            problem = damage(path)
        except FileNotFoundError:
            continue
        except OSError as error:
            problem = f"it cannot be read ({error.strerror or error})"
        if not problem:
            return path, ""
        before = before or f"the cached file was damaged ({problem})"
    return None, before


def damage(path: Path) -> str:
    """What is wrong with a file of the archive.

    Every header-data unit is there and ends where its header says, CHECKSUM and DATASUM agree where they are stated,
    and nothing follows the last unit, as it would behind a header that was damaged in its first word.

    Parameters
    ----------
    path : pathlib.Path
        Plain or gzipped FITS.

    Returns
    -------
    str
        "" for a file that is whole.

    Raises
    ------
    OSError
        It cannot be read.
    """
    from lcnet.transits import fitsfile

    try:
        raw, end = fitsfile.contents(path), 0
        for extension in fitsfile.extensions(raw, path):
            fitsfile.verify(raw, extension, path)
            end = extension.end
    except OSError as error:
        if isinstance(error, gzip.BadGzipFile):
            return "the packed file is damaged"
        raise
    except Exception as error:  # whatever a reader of damaged bytes raises, it is damage
        return " ".join(str(error).split()).removeprefix(f"{path}: ")[:160] or type(error).__name__
    return "" if end == len(raw) else "it has bytes that no header describes"


def _fetch_all(missing, root: Path, name: str, progress) -> dict[Product, Path]:
    import requests

    paths: dict[Product, Path] = {}
    failed: list[tuple[Product, Exception]] = []
    stop = _Halt()
    pool = ThreadPoolExecutor(min(CONNECTIONS, len(missing)) if _alone() else 1, thread_name_prefix="lcnet-download")
    with requests.Session() as session, _reporting(progress, len(missing)) as report:
        session.headers["Accept-Encoding"] = "identity"  # Content-Length then counts the file's own bytes
        try:
            started = {pool.submit(_fetch, each, root, session, stop): each.product for each in missing}
            report(0, len(missing), name)
            for done, future in enumerate(as_completed(started), start=1):
                product = started[future]
                try:
                    paths[product] = future.result()
                except _Stopped:
                    pass
                except mast.Unavailable as error:  # no network: the others would wait for nothing
                    failed.insert(0, (product, error))
                    stop.set()
                except Exception as error:
                    failed.append((product, error))
                report(done, len(missing), f"{name} {product.filename}")
        finally:
            # on Ctrl-C the half-written files go with their threads
            stop.set()
            pool.shutdown(wait=True, cancel_futures=True)
    if failed:
        raise _sentence(name, failed, len(missing)) from failed[0][1]
    return paths


def _alone() -> bool:
    """Whether this is the main process; the workers of a batch together open as many connections as it would."""
    import multiprocessing

    return multiprocessing.parent_process() is None


def _reporting(progress, total):
    def silent(done, total, now):
        pass

    if progress is False:
        return nullcontext(silent)
    if progress is not None:
        return nullcontext(progress)

    @contextmanager
    def drawn():
        with progress_bar("files", total=total) as report:
            yield report or silent

    return drawn()


def _sentence(name, failed, wanted) -> ReadError:
    product, error = failed[0]
    if isinstance(error, mast.Unavailable):
        return ReadError(f"{name}: {product.filename}: {error}; check the network, or give FITS files")
    many = f"{len(failed)} of {wanted} files, among them " if len(failed) > 1 else ""
    unit = {"Kepler": "quarter", "K2": "campaign", "TESS": "sector"}.get(product.mission, "part")
    number = f" ({unit} {product.number})" if product.number else ""
    kept = f"; name the {unit}s you want to go without it" if wanted > len(failed) else ""
    return ReadError(f"{name}: {many}{product.filename}{number} could not be fetched: {error}{kept}")


def _fetch(missing: _Missing, root: Path, session, stop) -> Path:
    """Fetch one file; several attempts where the failure may pass, but a damaged file is fetched again only once."""
    product, path = missing.product, root / missing.product.place
    if not product.uri:
        raise ReadError(f"{missing.before}, and the archive was not available to fetch it again")
    damaged, last = 0, None
    for wait in (0.0, *mast.BACKOFF):
        if last is not None and stop.wait(max(wait, getattr(last, "wait", 0.0))):
            raise _Stopped
        try:
            _sweep(path)
            with replaced(path) as temporary:
                _receive(mast.download_url(product.uri), temporary, session, stop)
                problem = damage(temporary)
                if problem:
                    raise ReadError(problem)
            return path
        except ReadError as error:
            damaged += 1
            if missing.before:
                raise ReadError(f"{missing.before}, and so is the one fetched in its place ({error})") from error
            if damaged == 2:
                raise ReadError(f"it arrived damaged twice ({error})") from error
            last = error
        except _Passing as error:
            last = error
        except OSError as error:
            raise ReadError(f"cannot write to {path.parent} ({error.strerror or error})") from error
    raise ReadError(f"the archive gave no whole file in {1 + len(mast.BACKOFF)} attempts ({last})") from last


def _receive(url: str, temporary: Path, session, stop) -> None:
    """The bytes of an address into a file; fewer than Content-Length announces are an error of urllib3's."""
    from requests import exceptions

    try:
        with session.get(url, stream=True, timeout=(mast.CONNECT_S, mast.READ_S)) as response:
            status = response.status_code
            if status in (429, 500, 502, 503, 504):
                raise _Passing(f"status {status}", mast.retry_after(response))
            if status != 200:
                what = {404: "the archive has no such file", 401: "it is not public", 403: "it is not public"}
                raise LookupError(f"{what.get(status, 'the archive refuses it')} (status {status})")
            with stop.watching(response), open(temporary, "wb") as file:
                for piece in response.iter_content(_CHUNK):
                    if stop.is_set():
                        raise _Stopped
                    file.write(piece)
    except exceptions.RequestException as error:
        if stop.is_set():
            raise _Stopped from error
        if mast.is_offline(error):
            raise mast.Unavailable(f"the archive ({mast.host()}) cannot be reached to download it") from error
        slow = isinstance(error, exceptions.Timeout) or "timed out" in str(error)
        said = f"nothing came for {mast.READ_S:.0f} s" if slow else "the connection broke"
        raise _Passing(said) from error


def _sweep(path: Path) -> None:
    """Remove what a killed download of this file left behind, a day later, when no one can be writing it any more."""
    for left in path.parent.glob(f".{path.name}.*.part"):
        try:
            if time.time() - left.stat().st_mtime > _OLD_S:
                os.unlink(left)
        except OSError:
            pass
