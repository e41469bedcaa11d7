"""What a METADATA file says, as JSON and as safe HTML: a process of its own, for hostile input may break it.

`packages.renderer` starts it.
"""

import html as html_text
import io
import json
import os
import re
from dataclasses import asdict
from email.message import Message

import nh3
from packaging.metadata import parse_email
from readme_renderer import markdown, rst, txt
from readme_renderer.clean import ALLOWED_ATTRIBUTES, ALLOWED_TAGS

from packages.piped import answer_jobs
from packages.renderer import CPU_SECONDS, PLAIN, Described

MAX_TEXT = 512 * 1024  # characters of a description that is shown
MAX_HTML = 2 * 1024 * 1024  # characters of a rendering
_NAMES = {"text/markdown": "Markdown", "text/x-rst": "reStructuredText"}  # everything else is plain text
_ID = "user-content-"  # as readme_renderer begins the ids that it makes
_UNWANTED = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")  # PostgreSQL refuses the first, XML most
_HEADING = re.compile(r"<(/?)h([1-6])(?=[ >])")
_IMAGE = re.compile(r'<img((?: [a-z]+="[^"]*")*)>')
_ALT = re.compile(r' alt="([^"]*)"')
_ADDRESS = re.compile(r"(?:https?|mailto):", re.IGNORECASE)
_HIGHLIGHT = re.compile(r"[a-z][a-z0-9]?")  # Pygments' short classes; longer ones may be those of our pages


def describe(content: bytes, *, plain: bool) -> Described:
    """The core metadata, the description and its HTML; `fault` says why it is not rendered as it asks for."""
    raw = dict(parse_email(content)[0])
    text = _clean(str(raw.pop("description", "") or ""))
    metadata = {name: _clean_values(value) for name, value in raw.items()}
    if len(text) > MAX_TEXT:
        fault = f"The description is longer than {MAX_TEXT} characters and is not kept."
        return Described(metadata, fault=fault)
    html, fault = render(text, str(raw.get("description_content_type") or ""), plain=plain)
    return Described(metadata, text, html, fault)


def render(text: str, content_type: str, *, plain: bool = False) -> tuple[str, str]:
    """The description as HTML, and why it is only the text as it stands where it is; the latter is always possible."""
    if not text.strip():
        return "", ""
    kind, variant = _read_content_type(content_type)
    if plain or kind not in _NAMES:
        return _render_plainly(text), ""
    try:
        if kind == "text/markdown":
            html = markdown.render(text, variant=variant)
        else:
            html = rst.render(text, stream=io.StringIO())
        html = tidy(html) if html else None
    except Exception as error:  # the one boundary around parsers of hostile text
        return _render_plainly(text), f"Rendering the description as {_NAMES[kind]} failed ({type(error).__name__})."
    if html is None:
        return _render_plainly(text), f"The description is no valid {_NAMES[kind]}, and is shown as it was written."
    if len(html) > MAX_HTML:
        return _render_plainly(text), f"The rendered description would be longer than {MAX_HTML} characters."
    return html, ""


def tidy(html: str) -> str:
    """What readme_renderer allows, further bound so that it fits into a page of ours and can be nothing else on it.

    Ids are its own, headings come below the page's, classes are those of highlighted code. Links lead elsewhere or
    into the description. Of images the alternative text is left: nothing is loaded, from here or from elsewhere.
    """
    cleaned = nh3.clean(
        _IMAGE.sub(_say_what_it_shows, html),
        tags=ALLOWED_TAGS - {"img"},
        attributes=ALLOWED_ATTRIBUTES,
        attribute_filter=_keep,
        link_rel="nofollow noopener",
        url_schemes={"http", "https", "mailto"},
        set_tag_attribute_values={"input": {"disabled": ""}},
    )
    return _clean(_HEADING.sub(lambda found: f"<{found[1]}h{min(int(found[2]) + 2, 6)}", cleaned))


def _keep(element: str, attribute: str, value: str) -> str | None:
    """The value that an attribute has afterwards, None for none."""
    if attribute == "id":
        return value if value.startswith(_ID) else _ID + value
    if attribute == "class":
        return value if element == "span" and _HIGHLIGHT.fullmatch(value) else None
    if attribute == "href" and value.startswith("#"):
        return value if value.startswith(f"#{_ID}") else f"#{_ID}{value[1:]}"
    if attribute == "href":
        return value if _ADDRESS.match(value) else None
    return value


def _say_what_it_shows(image: re.Match[str]) -> str:
    """In the place of an image, as nh3 writes it."""
    found = _ALT.search(image[1])
    return f"<i>{html_text.escape(html_text.unescape(found[1]))}</i>" if found and found[1] else ""


def _render_plainly(text: str) -> str:
    return _clean(txt.render(text) or "")


def _read_content_type(value: str) -> tuple[str, str]:
    """Kind and variant of a Description-Content-Type; without one it is reStructuredText."""
    message = Message()
    message["content-type"] = " ".join(value[:200].split()) or "text/x-rst"
    return message.get_content_type(), "CommonMark" if message.get_param("variant") == "CommonMark" else "GFM"


def _clean_values(value: object) -> object:
    if isinstance(value, dict):
        return {_clean(str(label)): _clean(str(each)) for label, each in value.items()}
    return [_clean(str(each)) for each in value] if isinstance(value, list) else _clean(str(value))


def _clean(text: str) -> str:
    return _UNWANTED.sub("\ufffd", text.replace("\r\n", "\n").replace("\r", "\n"))


def _answer(job: bytes) -> bytes:
    """To a kind of job and METADATA, JSON."""
    return json.dumps(asdict(describe(job[1:], plain=job[:1] == PLAIN))).encode()


if __name__ == "__main__":
    os.nice(10)  # uploads and signatures first
    answer_jobs(_answer, cpu_seconds=CPU_SECONDS)
