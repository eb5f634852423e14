"""Asking MAST, with the patience and the bounds that astroquery's own requests lack.

astroquery sets no timeout on its requests, lightkurve writes an unknown name to the log and returns nothing, and both
raise whatever the network raises. Here a question has an answer, or one sentence why not, within a bounded time.
"""

from __future__ import annotations

import logging
import re
import threading
import time
import warnings
from urllib.parse import quote, urlsplit

__all__ = [
    "BACKOFF",
    "CONNECT_S",
    "READ_S",
    "Unavailable",
    "download_url",
    "is_offline",
    "reach",
    "retry_after",
    "search",
]

# Seconds before the second, third and fourth attempt, where the archive is busy or the connection breaks
BACKOFF = (1.0, 4.0, 12.0)
CONNECT_S, READ_S = 10.0, 60.0
# MAST answers in seconds; a search of everything of a star observed all the time takes most of a minute
SEARCH_S = 180.0
_MEMORY_S = 60.0
_COLUMNS = (
    "dataURI", "obs_collection", "obs_id", "productFilename", "target_name", "project", "author", "mission", "exptime",
    "distance",
)  # fmt: skip

# One question at a time: lightkurve and astroquery change the process's warning filters and a shared session
_lock = threading.Lock()
_reached: dict[str, tuple[float, Exception | None]] = {}


class Unavailable(Exception):
    """The archive gives no answer; the message is the end of a sentence that starts with the star's name."""


def server() -> str:
    """The address astroquery is set up for (its ``conf.mast.server``)."""
    from astroquery.mast import conf

    return conf.server.rstrip("/")


def host() -> str:
    """The server's name for a message."""
    return urlsplit(server()).hostname or server()


def download_url(uri: str) -> str:
    """Where MAST gives the file of a dataURI (https://mast.stsci.edu/api/v0.1/Download/file?uri=...)."""
    return f"{server()}/api/v0.1/Download/file?uri={quote(uri, safe=':/')}"


def reach() -> None:
    """Find out within seconds whether the archive can be reached at all; what was found holds for a minute.

    A compute node without a network drops packets, and each of ten thousand stars would wait for minutes.

    Raises
    ------
    Unavailable
    """
    import requests

    address = server()
    when, problem = _reached.get(address, (-_MEMORY_S, None))
    if time.monotonic() - when >= _MEMORY_S:
        problem = None
        try:
            requests.get(address, timeout=(CONNECT_S, READ_S), stream=True, allow_redirects=False).close()
        except Exception as error:
            problem = error
        _reached[address] = (time.monotonic(), problem)
    if problem is not None:
        raise Unavailable(no_network()) from problem


def no_network() -> str:
    """What to say, and what to do, without a network; the end of a sentence that starts with the star's name."""
    return (
        f"no file of this name here, and the archive ({host()}) cannot be reached to find the star; check the network, "
        "or give FITS files or a folder of them (what lcnet or lightkurve once downloaded is used without a network)"
    )


def is_offline(error: BaseException) -> bool:
    """Whether an error means that no connection came about, so that trying again at once is of no use."""
    from requests import exceptions
    from urllib3.exceptions import NewConnectionError

    seen = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        if isinstance(error, (exceptions.ConnectTimeout, exceptions.ProxyError, NewConnectionError)):
            return True
        inner = error.args[0] if getattr(error, "args", ()) else None
        error = getattr(inner, "reason", None) or error.__cause__ or error.__context__
    return False


def retry_after(response) -> float:
    """Seconds the server asks to wait, at most a minute; 0 where it does not say."""
    said = str(response.headers.get("Retry-After", "")) if response is not None else ""
    return min(float(said), 60.0) if said.isdigit() else 0.0


def search(name: str, *, mission, author, **numbers) -> list[dict]:
    """lightkurve's ``search_lightcurve``, as plain rows.

    Parameters
    ----------
    name : str
    mission : tuple of str
    author : tuple of str or None
        None is anyone.
    **numbers : tuple of int
        quarter, campaign or sector.

    Returns
    -------
    list of dict
        Empty where the archive knows the star and has nothing.

    Raises
    ------
    FileNotFoundError
        It does not know the star.
    Unavailable
        It cannot be reached, or is out of order, after several attempts.
    """
    reach()
    last: Exception | None = None
    for wait in (0.0, *BACKOFF):
        time.sleep(max(wait, retry_after(getattr(last, "response", None))) if last is not None else 0.0)
        try:
            return _ask(name, mission=mission, author=author, **numbers)
        except FileNotFoundError:
            raise
        except Exception as error:
            last = error
            if is_offline(error):
                _reached[server()] = (time.monotonic(), error)
                raise Unavailable(no_network()) from error
            if not _passing(error):
                break
    raise Unavailable(
        f"the archive ({host()}) is out of order ({_said(last)}); try again later, or give FITS files"
    ) from last


def _passing(error: Exception) -> bool:
    """Whether an error may be gone in a moment: a busy server, a broken connection, a web page instead of an answer."""
    status = getattr(getattr(error, "response", None), "status_code", None)
    if isinstance(status, int) and status < 500:
        return status == 429
    return not isinstance(error, (TimeoutError, RuntimeError))


def _said(error: Exception | None) -> str:
    status = getattr(getattr(error, "response", None), "status_code", None)
    if isinstance(status, int) and status >= 400:
        return f"status {status}"
    return f"{type(error).__name__}: {' '.join(str(error).split())[:120]}"


def _ask(name, **criteria) -> list[dict]:
    """One question in a thread of its own, because there is no other way to bound how long astroquery waits."""
    answer: dict = {}

    def ask():
        try:
            answer["rows"] = _lightkurve(name, **criteria)
        except BaseException as error:
            answer["error"] = error

    thread = threading.Thread(target=ask, daemon=True, name="lcnet-archive-search")
    if not _lock.acquire(timeout=SEARCH_S):
        raise TimeoutError(f"no answer within {SEARCH_S:.0f} s")
    try:
        thread.start()
        thread.join(SEARCH_S)
    finally:
        _lock.release()
    if thread.is_alive():
        raise TimeoutError(f"no answer within {SEARCH_S:.0f} s")
    if "error" in answer:
        raise answer["error"]
    return answer["rows"]


class _Remember(logging.Filter):
    """Keeps lightkurve's log lines to itself."""

    def __init__(self):
        super().__init__()
        self.said: list[str] = []

    def filter(self, record):
        if record.levelno >= logging.ERROR:
            self.said.append(record.getMessage())
        return record.levelno < logging.WARNING


def _lightkurve(name, *, mission, author, **numbers) -> list[dict]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import lightkurve

        # not the remembered one: lightkurve would repeat a failure for as long as the process lives
        ask = getattr(lightkurve.search_lightcurve, "__wrapped__", lightkurve.search_lightcurve)
        log, remember = logging.getLogger("lightkurve.search"), _Remember()
        log.addFilter(remember)
        try:
            numbers = {key: list(value) for key, value in numbers.items()}
            found = ask(name, mission=list(mission), author=None if author is None else list(author), **numbers)
        finally:
            log.removeFilter(remember)
        if remember.said:
            raise FileNotFoundError(
                f"{name}: no such file or folder, and no star of this name that the archive ({host()}) knows; check "
                "the spelling, or give its number (TIC, KIC, EPIC) or FITS files"
            )
        return [{column: _plain(row[column]) for column in _COLUMNS} for row in found.table] if len(found) else []


def _plain(value):
    """A cell as text or number; "" for a masked one."""
    import numpy as np

    if value is None or np.ma.is_masked(value):
        return ""
    return float(value) if isinstance(value, (int, float, np.number)) else re.sub(r"\s+", " ", str(value)).strip()
