"""Why goals are missed: written down by whoever profiled it, by the goal's key; shown only where one is missed."""

_CLIENT_START = (
    "a verified run begins with the client's own start, about 0.7 s of processor time whatever is installed"
    " (profiled: half of it is importing python-tuf and securesystemslib's signers, the rest the refresh, the proxy and"
    " up to 50 ms of waiting for the installer's end)"
)

REASONS: dict[str, str] = {
    "pip-verified": f"{_CLIENT_START}; pip's two seconds for packages this small do not hide it.",
    "uv-verified": f"{_CLIENT_START}; uv needs half of that for all 20 packages, so this says little of larger ones.",
}
