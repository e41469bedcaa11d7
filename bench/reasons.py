"""Why goals are missed: written down by whoever profiled it, by the goal's key; shown only where one is missed."""

_BARE_WSGI = (
    "the server under it: a bare WSGI callable in granian that returns the same bytes from memory (granian-bare-wsgi"
    " in the same table) is quicker by a tenth at most, so the read layer has hardly anything left to save. The goal"
    " was set where that callable answered 54,000 a second"
)
_CLIENT_START = (
    "a verified run begins with the client's own start, about half a second of processor time whatever is installed"
    " (profiled: half of it is importing python-tuf and securesystemslib, the rest the refresh and the proxy)"
)
_UPLOAD = (
    "processor time: one upload takes 7 to 8 ms of it in the web process and 4 to 5 ms in the worker, and two cores are"
    " shared with the load. Profiled in the web process: a fifth is the ORM's inserts (project, release, file, journal,"
    " outbox), a tenth Django's own way of a request, the rest spread thinly over the form, the archive's checks,"
    " hashing and the log; in the worker, pages that are written anew and checked as a client would. The bare view does"
    " none of this, and signs nothing"
)

REASONS: dict[str, str] = {
    "four-json": f"{_BARE_WSGI}.",
    "four-html": f"{_BARE_WSGI}.",
    "thousand-json": f"{_BARE_WSGI}.",
    "thousand-html": f"{_BARE_WSGI}.",
    "file": f"{_BARE_WSGI}; and the best peer has two processes on the two cores, where ours has one.",
    "file-behind-nginx": (
        "nginx's own cache: it opens a stored answer and reads its header before it sends it, which plain files do not"
        " need; the index itself is asked once. Files above 256 KiB are handed over by X-Accel and cost nothing more."
    ),
    "private-four-json": (
        "a look-up of the kept answer for the token, a SHA-256 of the header, some 15 us where a page takes 75; the"
        " HTML page goes the very same way, so what differs between the two is the machine's noise."
    ),
    "private-four-html": "as for the JSON page.",
    "upload-1": f"{_UPLOAD}.",
    "upload-1-bare": f"{_UPLOAD}.",
    "upload-8": f"{_UPLOAD}.",
    "upload-8-bare": f"{_UPLOAD}.",
    "visible-8": "with eight clients both cores are busy, and a publication waits its turn with the uploads.",
    "pip-verified": f"{_CLIENT_START}; the rest is that each page and file passes through a proxy written in Python.",
    "uv-verified": f"{_CLIENT_START}; uv needs as much for all 20 packages, so this says little of larger ones.",
    "publish-16384": (
        "the snapshot: 16,384 entries, two megabytes, are serialised, hashed, signed, written and synced anew each"
        " time, and read once more by the check that plays a client; a script that only serialises and signs needs two"
        " thirds of it."
    ),
}
