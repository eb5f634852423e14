"""A server on 127.0.0.1 that answers as MAST does: name resolver, observation and product queries, files.

The forms are those astroquery parses: ``/api/v0/invoke`` (services Mast.Caom.Filtered, .Filtered.Position, .Products),
``columnsconfig``, ``/Santa-war/query`` (asked through HTTP_PROXY, because its address is fixed) and
``/api/v0.1/Download/file?uri=``. What it does wrong, and how often, is told file by file.
"""

from __future__ import annotations

import json
import threading
import time
from collections import Counter, defaultdict, deque
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

_TEXTS = ("project", "provenance_name", "dataproduct_type", "target_name", "sequence_number")
CONFIG = {name: {"text": name, "vot.datatype": "char"} for name in _TEXTS}
CONFIG |= {"t_exptime": {"text": "t_exptime", "vot.datatype": "double"}}
OBSERVATION = {
    "dataproduct_type": "string", "calib_level": "int", "obs_collection": "string", "obs_id": "string",
    "target_name": "string", "s_ra": "float", "s_dec": "float", "t_min": "float", "t_max": "float",
    "t_exptime": "float", "project": "string", "provenance_name": "string", "sequence_number": "int",
    "obsid": "string", "distance": "float",
}  # fmt: skip
PRODUCT = {
    "obsID": "string", "obs_collection": "string", "dataproduct_type": "string", "obs_id": "string",
    "description": "string", "type": "string", "dataURI": "string", "productType": "string", "project": "string",
    "productFilename": "string", "size": "int",
}  # fmt: skip


class MastServer:
    """Stars, observations and files; `asked` counts the requests, `wrong` queues what goes wrong next."""

    def __init__(self):
        self.places: dict[str, tuple[float, float]] = {}
        self.observations: list[dict] = []
        self.products: dict[str, list[dict]] = defaultdict(list)
        self.files: dict[str, bytes] = {}
        self.wrong: dict[str, deque] = defaultdict(deque)
        self.asked: Counter = Counter()
        self.gate = threading.Event()  # a file told to "wait" sends its second half when this is set
        server = _Server(("127.0.0.1", 0), type("Handler", (_Handler,), {"mast": self}))
        self._server = server
        self.url = f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def close(self):
        self.gate.set()
        self._server.shutdown()
        self._server.server_close()

    def star(self, *names, ra=10.0, dec=-66.0):
        """Names that resolve to one place."""
        self.places |= {name.lower(): (ra, dec) for name in names}

    def observe(self, target, *, project="TESS", author="SPOC", exptime=120.0, number=1, data=b"", name="", ra=10.0):
        """One observation with a light curve, and the pixels beside it; gives the light curve's URI."""
        kind = "fast-lc" if exptime < 60 and project == "TESS" else "lc"
        quarter = f"Q{number}" if project == "Kepler" else ""
        obs_id = f"{project.lower()}-{author.lower()}-{target}-{number:04d}-{exptime:.0f}"
        filename = name or f"{obs_id}_{'l' if exptime > 60 else 's'}{kind if project == 'Kepler' else '_' + kind}.fits"
        collection = project if author in ("Kepler", "K2", "SPOC") else "HLSP"
        uri = f"mast:{collection}/product/{filename}"
        obsid = str(1000 + len(self.observations))
        self.observations.append(
            dict.fromkeys(OBSERVATION)
            | {
                "dataproduct_type": "timeseries", "calib_level": 3, "obs_collection": collection, "obs_id": obs_id,
                "target_name": target, "s_ra": ra, "s_dec": -66.0, "t_min": 58324.8, "t_max": 58352.7,
                "t_exptime": exptime, "project": project, "provenance_name": author, "obsid": obsid,
                "sequence_number": None if project == "Kepler" else number, "distance": 0.0,
            }
        )  # fmt: skip
        common = {"obsID": obsid, "obs_collection": collection, "obs_id": obs_id, "project": author, "type": "S"}
        for each, what in ((filename, f"Light curves {quarter}"), (f"{obs_id}_tp.fits", f"Pixels {quarter}")):
            self.products[obsid].append(
                {
                    **common, "dataproduct_type": "timeseries", "description": what.strip(), "productType": "SCIENCE",
                    "productFilename": each, "size": len(data), "dataURI": f"mast:{collection}/product/{each}",
                }
            )  # fmt: skip
        self.files[uri] = data
        return uri

    def fail(self, key, *how):
        """The next answers for a URI or "search": a status, "html", "cut", "short", "flip", "stall" or "wait"."""
        self.wrong[key].extend(how)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        pass  # a client that was killed, or has heard enough


class _Handler(BaseHTTPRequestHandler):
    mast: MastServer
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def do_GET(self):
        address = urlsplit(self.path)
        if address.path.endswith("/Santa-war/query"):
            self._resolve(parse_qs(address.query)["name"][0])
        elif address.path == "/api/v0.1/Download/file":
            self._file(parse_qs(address.query)["uri"][0])
        else:
            self._send(b"MAST")

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        if self.path.endswith("columnsconfig"):
            self._send(json.dumps(CONFIG).encode())
            return
        request = json.loads(unquote(body.removeprefix("request=").replace("+", " ")))
        self.mast.asked["search"] += 1
        if self._goes_wrong("search"):
            return
        params = request["params"]
        if request["service"] == "Mast.Caom.Products":
            rows = [row for obsid in params["obsid"].split(",") for row in self.mast.products[obsid]]
            self._table(PRODUCT, rows)
            return
        rows = self.mast.observations
        if "position" in params:
            ra = float(params["position"].split(",")[0])
            rows = [row for row in rows if abs(row["s_ra"] - ra) < 1e-3]
        for wish in params["filters"]:
            values = {str(value).lower() for value in wish["values"]}
            rows = [row for row in rows if str(row[wish["paramName"]]).lower() in values]
        self._table(OBSERVATION, rows)

    def _table(self, fields, rows):
        paging = {"page": 1, "pageSize": 50000, "pagesFiltered": 1, "rows": len(rows), "rowsFiltered": len(rows)}
        listed = [{"name": name, "type": kind} for name, kind in fields.items()]
        answer = {"status": "COMPLETE", "msg": "", "data": rows, "fields": listed, "paging": paging}
        self._send(json.dumps(answer).encode())

    def _resolve(self, name):
        self.mast.asked["resolve"] += 1
        if self._goes_wrong("resolve"):
            return
        found = []
        if place := self.mast.places.get(name.lower()):
            found = [{"searchString": name.lower(), "resolver": "SIMBAD", "ra": place[0], "decl": place[1]}]
        self._send(json.dumps({"resolvedCoordinate": found, "status": ""}).encode())

    def _file(self, uri):
        self.mast.asked[uri] += 1
        if uri not in self.mast.files:
            self._send(b"no such file", status=404)
            return
        if not self._goes_wrong(uri):
            self._send(self.mast.files[uri], kind="application/octet-stream")

    def _goes_wrong(self, key) -> bool:
        queue = self.mast.wrong[key]
        how = queue.popleft() if queue else None
        data = self.mast.files.get(key, b"")
        half = data[: len(data) // 2]
        if how is None:
            return False
        if isinstance(how, int):
            self._send(b"busy", status=how)
        elif how == "html":
            self._send(b"<!DOCTYPE html><html><body>MAST is down for maintenance</body></html>", kind="text/html")
        elif how == "short":  # a whole answer with half a file in it
            self._send(half)
        elif how == "flip":  # one bit of the table's numbers
            wrong = bytearray(data)
            wrong[len(data) // 2] ^= 4
            self._send(bytes(wrong))
        elif how in ("cut", "stall", "wait"):  # half of what was announced; then the end, nothing, or the rest later
            self.close_connection = True
            self._head(200, "application/octet-stream", len(data))
            self.wfile.write(half)
            self.wfile.flush()
            if how == "stall":
                time.sleep(1.0)
            if how == "wait":
                self.mast.gate.wait(60)
                try:
                    self.wfile.write(data[len(half) :])
                except OSError:
                    pass  # the client was killed
        return True

    def _head(self, status, kind, length):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(length))
        self.end_headers()

    def _send(self, data, *, status=200, kind="application/json"):
        self._head(status, kind, len(data))
        self.wfile.write(data)
