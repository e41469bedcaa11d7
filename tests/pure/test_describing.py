"""What becomes of hostile descriptions: readme_renderer renders them, and only text and links are left."""

import json
from html.parser import HTMLParser

import pytest

from packages.describing import MAX_TEXT, describe, render, tidy

MARKDOWN, RST, TEXT = "text/markdown", "text/x-rst", "text/plain"
FORBIDDEN = {
    "img",
    "script",
    "style",
    "iframe",
    "object",
    "embed",
    "form",
    "base",
    "meta",
    "link",
    "svg",
    "math",
    "h1",
    "h2",
}


class Parsed(HTMLParser):
    """Every element of an HTML fragment, with its attributes."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))


HOSTILE_HTML = """\
<script>alert(1)</script><style>body{display:none}</style><iframe src="https://evil.example"></iframe>
<img src=x onerror=alert(1)><img src="https://evil.example/spy.png" alt="spy" width="9999"><svg onload=alert(1)></svg>
<a href="javascript:alert(1)">a</a> <a href="JaVaScRiPt:alert(1)">b</a> <a href="data:text/html,x">c</a>
<a href="/admin/logout/">d</a> <a href="//evil.example/">e</a> <a href="../../x">f</a>
<a href="https://ok.example/" onclick="x()" style="position:fixed" target="_top">ok</a>
<p class="waiting" id="content" style="position:fixed">imitates the page</p><span class="tag">latest</span>
<form action="https://evil.example"><input type="password" name="p"></form><base href="https://evil.example/">
<h1>Big</h1><meta http-equiv="refresh" content="0;url=https://evil.example"><div class="unseen skip">x</div>
"""
HOSTILE = [
    (HOSTILE_HTML, MARKDOWN),
    (HOSTILE_HTML, RST),
    (HOSTILE_HTML, TEXT),
    (
        "[a](javascript:alert(1)) [b](data:text/html;base64,eA==) ![i](https://evil.example/i.png) <javascript:x>",
        MARKDOWN,
    ),
    ("[a]: javascript:alert(1)\n\n[a] and [b](vbscript:x) [c](java\tscript:alert(1)) [d](&#106;avascript:x)", MARKDOWN),
    ("`a <javascript:alert(1)>`_\n\n.. image:: javascript:alert(1)\n   :target: javascript:alert(2)\n", RST),
    (".. image:: https://evil.example/spy.svg\n   :alt: spy\n\nText.\n", RST),
    ("```<script>\nalert(1)\n```\n\n```html\n<script>alert(1)</script>\n```\n", MARKDOWN),
    ("<details open><summary>s</summary><table><tr><td id='files-title'>x</td></tr></table></details>", MARKDOWN),
    (
        "<a title='</a><script>alert(1)</script>' href='https://ok.example'>x</a>\n"
        "<noscript><p title='</noscript><img src=x onerror=1>'>",
        MARKDOWN,
    ),
    ("\x00\x01<b>x\x0b</b>", MARKDOWN),
]


@pytest.mark.parametrize(("text", "kind"), HOSTILE)
def test_hostile_text_becomes_text_and_harmless_links(text: str, kind: str) -> None:
    html, _ = render(text, kind)
    assert html
    for tag, attributes in Parsed(html).elements:
        assert tag not in FORBIDDEN
        assert not {name for name in attributes if name.startswith("on")} | (
            {"style", "src", "target", "name"} & set(attributes)
        )
        assert (attributes.get("id") or "user-content-").startswith("user-content-")
        assert len(attributes.get("class") or "") <= 2
        if href := attributes.get("href"):
            assert href.startswith(("https://", "http://", "mailto:", "#user-content-"))
            assert "nofollow" in str(attributes["rel"])
        if tag == "input":
            assert "disabled" in attributes


@pytest.mark.parametrize("directive", [
    ".. include:: /etc/passwd", ".. raw:: html\n\n   <b>raw</b>", ".. raw:: html\n   :file: /etc/passwd",
    ".. csv-table::\n   :file: /etc/passwd", ".. literalinclude:: /etc/passwd",
    ".. raw:: html\n   :url: file:///etc/passwd", ".. figure:: /etc/passwd\n   :figwidth: image",
    ".. role:: raw-html(raw)\n   :format: html\n\n:raw-html:`<b>raw</b>`",
])  # fmt: skip
def test_restructuredtext_reads_no_files_and_passes_no_html(directive: str) -> None:
    html, _ = render(f"Title\n=====\n\n{directive}\n", RST)
    assert "root:" not in html
    assert "<b>raw</b>" not in html


def test_markdown_is_rendered_with_headings_below_those_of_the_page() -> None:
    html, fault = render("# One\n\n## Two\n\n[x](#one) **b**\n\n|a|b|\n|-|-|\n|1|2|\n", MARKDOWN)
    assert (fault, "<h1" in html, "<h2" in html) == ("", False, False)
    assert "<h3" in html
    assert "<h4" in html
    assert "<strong>b</strong>" in html
    assert "<td>1</td>" in html
    assert 'href="#user-content-one"' in html
    assert 'id="user-content-one"' in html


def test_restructuredtext_is_the_default() -> None:
    assert "<strong>b</strong>" in render("Some **b** text.\n", "")[0]
    assert "<strong>b</strong>" in render("Some **b** text.\n", "text/x-rst; charset=UTF-8")[0]


@pytest.mark.parametrize("kind", [TEXT, "nonsense", "application/pdf", "text/html"])
def test_other_kinds_are_shown_as_they_were_written(kind: str) -> None:
    html, fault = render("a <b>x</b>\n**c**", kind)
    assert html == "a &lt;b&gt;x&lt;/b&gt;<br>**c**"
    assert fault == ""


def test_what_cannot_be_rendered_is_shown_as_it_was_written_and_says_so() -> None:
    html, fault = render("Title\n==\n\n`broken <x", RST)
    assert "`broken &lt;x" in html
    assert fault == "The description is no valid reStructuredText, and is shown as it was written."


def test_deep_nesting_and_long_tables_end() -> None:
    assert render(">" * 5_000 + "x", MARKDOWN)[0]
    assert render("".join(f"{' ' * depth}- x\n" for depth in range(200)), RST)[0]
    html, _ = render("<b>" * 20_000 + "x", MARKDOWN)
    assert html
    assert render("|a|b|\n|-|-|\n" + "|1|2|\n" * 5_000, MARKDOWN)[0]


def test_a_rendering_that_grows_out_of_all_proportion_is_not_kept() -> None:
    html, fault = render("www.a.b " * 40_000, MARKDOWN)  # of eight characters a link is made
    assert "would be longer" in fault
    assert html == "www.a.b " * 40_000


def test_a_description_that_is_too_long_is_not_kept_and_the_rest_is() -> None:
    content = b"Metadata-Version: 2.1\nName: x\nVersion: 1\nSummary: s\n\n" + b"x" * (MAX_TEXT + 1)
    found = describe(content, plain=False)
    assert (found.text, found.html) == ("", "")
    assert "longer than" in found.fault
    assert found.metadata["summary"] == "s"


def test_metadata_are_clean_json() -> None:
    content = (
        b"Metadata-Version: 2.1\nName: x\nVersion: 1\nKeywords: a,b\x00\nProject-URL: Home, https://x.example\xff\n"
    )
    content += (
        b"Classifier: A :: B\nClassifier: C\nDescription-Content-Type: text/plain\n\nBody\x00 \xe2\x82\xac\r\nend"
    )
    found = describe(content, plain=False)
    written = json.dumps(found.metadata, ensure_ascii=False)
    assert "\\u0000" not in written
    assert found.metadata["keywords"] == ["a", "b\ufffd"]
    assert written.encode()  # no lone surrogates
    assert found.metadata["classifiers"] == ["A :: B", "C"]
    assert found.text == "Body\ufffd €\nend"
    assert found.html == "Body\ufffd €<br>end"


def test_of_images_the_alternative_text_is_left_as_text() -> None:
    html, _ = render('[![A &amp; "b"](https://x.example/b.svg)](https://x.example/) ![](c.png)', MARKDOWN)
    assert html == '<p><a href="https://x.example/" rel="nofollow noopener"><i>A &amp; "b"</i></a> </p>\n'
    html, _ = render(
        "Text <img src='x' alt='&lt;script&gt;alert(1)&lt;/script&gt; &lt;a href=javascript:x&gt;'>", MARKDOWN
    )
    assert html == "<p>Text <i>&lt;script&gt;alert(1)&lt;/script&gt; &lt;a href=javascript:x&gt;</i></p>\n"


def test_tidying_twice_changes_nothing_more() -> None:
    once = tidy(HOSTILE_HTML)
    assert tidy(once).replace("h5", "h3") == once
