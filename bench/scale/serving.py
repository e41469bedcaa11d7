"""The index as it is served: an upload until its page lists it, what clients fetch, the first looks at large pages."""

import json
import time
from dataclasses import replace
from pathlib import Path

from bench.asks import Ask, fetch
from bench.distributions import make_wheel
from bench.errors import NotReadyError, WrongAnswerError
from bench.ours import create_token, launch_index
from bench.processes import Running, grow_family, read_processes, running
from bench.scale.measuring import Figures, peak_mib
from bench.uploading import basic_authorization, upload_wheels

SAMPLED = 64  # bins, of which the mean counts
_PATIENCE, _EVERY = 60.0, 0.02  # seconds
_FIRST_LOOKS = ("/tuf/metadata/timestamp.json", "/tuf/log", "/trust/", "/simple/")


def measure_served(data: Path, *, uploads: int, environment: dict[str, str]) -> tuple[Figures, Figures]:
    """Figures in seconds and MiB; and the bytes of each kind of document as answered, plain and with gzip."""
    with running(replace(launch_index(data), environment=environment)) as server:
        figures = {f"first {path}": _seconds(server.base + path) for path in _FIRST_LOOKS}
        headers = basic_authorization("__token__", create_token(data))
        waited = sorted(_upload(server, headers, number) for number in range(uploads))
        figures |= {"visible median": waited[uploads // 2], "visible slowest": waited[-1]}
        processes = read_processes()
        family = grow_family(server.pid, {pid: each.parent for pid, each in processes.items()})
        figures["peak of a part"] = max(peak_mib(pid) for pid in family)
        weights = {
            f"{name}{kind}": weight
            for kind, encoding in (("", "gzip"), (" plain", "identity"))
            for name, weight in _weigh(server.base, encoding).items()
        }
    return figures, weights


def _upload(server: Running, headers: dict[str, str], number: int) -> float:
    """Seconds from the answer to an upload until the file stands on its page."""
    project, version = f"served{number % 3}", f"1.{time.time_ns()}"
    wheel = make_wheel(project, version, "py3-none-any")
    upload_wheels(f"{server.base}/legacy/", [wheel], headers)
    answered = time.monotonic()
    while time.monotonic() - answered < _PATIENCE:
        if wheel.filename.encode() in fetch(Ask(f"{server.base}/simple/{project}/")).body:
            return time.monotonic() - answered
        time.sleep(_EVERY)
    raise NotReadyError("indexsite", f"did not list {wheel.filename} within {_PATIENCE:.0f} s", Path())


def _weigh(base: str, encoding: str) -> Figures:
    """Bytes of bodies as they came, still packed."""
    timestamp = json.loads(_get(f"{base}/tuf/metadata/timestamp.json", "identity"))["signed"]
    version = timestamp["meta"]["snapshot.json"]["version"]
    entries = json.loads(_get(f"{base}/tuf/metadata/{version}.snapshot.json", "identity"))["signed"]["meta"]
    names = {name.removesuffix(".json"): f"{entry['version']}.{name}" for name, entry in entries.items()}
    bins = [name for name in names if name.startswith("bin-")]
    sample = bins[:: max(len(bins) // SAMPLED, 1)]
    weights = {role: _bytes(base, names[role], encoding) for role in ("targets", "unclaimed")}
    weights |= {"timestamp": _bytes(base, "timestamp.json", encoding)}
    weights |= {"snapshot": _bytes(base, f"{version}.snapshot.json", encoding)}
    return weights | {"bin": sum(_bytes(base, names[role], encoding) for role in sample) / len(sample)}


def _bytes(base: str, name: str, encoding: str) -> float:
    return len(_get(f"{base}/tuf/metadata/{name}", encoding))


def _get(url: str, encoding: str) -> bytes:
    answer = fetch(Ask(url, {"Accept-Encoding": encoding}))
    if answer.status != 200:
        raise WrongAnswerError(url, f"was answered {answer.status}")
    return answer.body


def _seconds(url: str) -> float:
    began = time.monotonic()
    _get(url, "gzip")
    return time.monotonic() - began
