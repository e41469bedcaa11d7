"""The public log as a stranger reads and checks it, over HTTP and from nothing but what docs/operation.md says."""

import hashlib
import json
from typing import Any

from tests.running import RunningIndex

Line = dict[str, Any]  # Any: an entry's values


def read_log(index: RunningIndex) -> list[bytes]:
    """Every line, page by page."""
    lines: list[bytes] = []
    while True:
        reply = index.get(f"/tuf/log?since={len(lines)}&limit=7")
        assert reply.status == 200, reply.text
        if not reply.body:
            return lines
        lines += reply.body.splitlines()


def published_entry(index: RunningIndex) -> Line:
    """What the entry of the current publication must say but for `previous`, from its documents."""
    timestamp = index.get("/tuf/metadata/timestamp.json").body
    pointer = json.loads(timestamp)["signed"]["meta"]["snapshot.json"]
    snapshot = index.get(f"/tuf/metadata/{pointer['version']}.snapshot.json").body
    said = json.loads(snapshot)["signed"]["x-indexsite"]
    return {
        **{name: said["log"][name] for name in ("number", "at", "documents")},
        "timestamp": {"version": json.loads(timestamp)["signed"]["version"], "sha256": sha256(timestamp)},
        "snapshot": {"version": pointer["version"], "sha256": sha256(snapshot)},
        "journal": said["journal"],
    }


def assert_log_is_whole(index: RunningIndex) -> list[Line]:
    """Numbers without a gap, each line the successor of the one before, the last one of what is published."""
    lines = read_log(index)
    previous, entries = "0" * 64, []
    for number, line in enumerate(lines, start=1):
        entry = json.loads(line)
        assert (entry["number"], entry["previous"]) == (number, previous)
        previous = sha256(line)
        entries.append(entry)
    last = dict(entries[-1])
    del last["previous"]
    assert last == published_entry(index)
    return entries


def sha256(content: bytes) -> str:
    """In hexadecimal."""
    return hashlib.sha256(content).hexdigest()
