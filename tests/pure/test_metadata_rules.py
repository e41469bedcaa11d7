"""Core metadata: each rule with what it refuses and the good neighbour that passes."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.metadata import Metadata

from indexsite_client.protocol import DistributionFilename, parse_distribution_filename
from packages.errors import MetadataFaultyError
from packages.metadata import AnnouncedMetadata, CoreMetadata, read_core_metadata
from packages.metadata_rules import CONTROL, KNOWN_VERSIONS
from packages.policy import Policy

NAMED = parse_distribution_filename("demo-1.0-py3-none-any.whl")
PYPI = Policy(pypi=True)


def headers(extra: str = "", *, version: str = "2.4", named: DistributionFilename = NAMED) -> bytes:
    return f"Metadata-Version: {version}\nName: {named.project}\nVersion: {named.version}\n{extra}\n\nText.\n".encode()


def read(content: bytes, *, policy: Policy = Policy(), announced: AnnouncedMetadata | None = None) -> CoreMetadata:  # noqa: B008  # frozen
    return read_core_metadata(content, NAMED, policy=policy, announced=announced)


def faults(content: bytes, *, policy: Policy = Policy(), announced: AnnouncedMetadata | None = None) -> str:  # noqa: B008  # frozen
    with pytest.raises(MetadataFaultyError) as caught:
        read(content, policy=policy, announced=announced)
    return "\n".join(caught.value.faults)


RULES = [  # a header that is refused, words of the refusal, its good neighbour
    ("Requires-Python: maybe", "no version specifier", "Requires-Python: >=3.9, !=3.9.7"),
    ("Requires-Python: >=3.6.*", "no version specifier", "Requires-Python: ==3.6.*"),
    (f"Requires-Python: >=3.{'0' * 500}", "more than 500", f"Requires-Python: >=3.{'0' * 400}"),
    ("Requires-Python: >=3\nRequires-Python: >=2", "more than once", "Requires-Python: >=3"),
    ("Requires-Dist: flask >=", "no dependency specifier", "Requires-Dist: flask (>=1.0) ; python_version < '3.12'"),
    (f"Requires-Dist: flask; {'(' * 900}", "cannot be read", "Requires-Dist: flask; ((os_name == 'nt'))"),
    (f"Requires-Dist: flask; {'(' * 900}os_name{')' * 900}", "nested", "Requires-Dist: a.b[c,d]~=1.0"),
    ("Provides-Extra: two words", "provides-extra", "Provides-Extra: Two_Words"),
    ("Dynamic: Version", "not allowed as a dynamic field", "Dynamic: Requires-Dist"),
    ("Dynamic: Colour", "not a valid dynamic field", "Dynamic: license-expression"),
    ("License-Expression: GPL", "license-expression", "License-Expression: mit AND (Apache-2.0 OR LicenseRef-ours)"),
    (f"License-Expression: {'(' * 150}MIT{')' * 150}{'x' * 2000}", "more than 2000", "License-Expression: 0BSD"),
    ("License-File: ../LICENSE", "license-file", "License-File: licenses/LICENSE.txt"),
    ("License-File: /etc/passwd", "license-file", "License-File: LICENSE"),
    ("Home-page: javascript:alert(1)", "no http or https address", "Home-page: https://example.org/?q=1"),
    ("Home-page: www.example.org", "no http or https address", "Home-page: http://www.example.org"),
    ("Download-URL: https://", "no http or https address", "Download-URL: https://example.org/a.zip"),
    ("Project-URL: Home, data:text/html,x", "no http or https address", "Project-URL: Home, https://example.org/a,b"),
    (f"Project-URL: {'L' * 33}, https://e.org", "label of at most 32", f"Project-URL: {'L' * 32}, https://e.org"),
    ("Project-URL: https://example.org", "is no http or https", "Project-URL: A, https://example.org"),
    ("Project-URL: A, https://e.org\nProject-URL: A, https://f.org", "more than once", "Project-URL: A, http://e.org"),
    (f"Summary: {'s' * 513}", "one line of at most 512", f"Summary: {'s' * 512}"),
    ("Summary: one\n  two", "one line", "Summary: one two"),
    ("Author-email: nobody", "no e-mail address", "Author-email: a@b.c, Jo Doe <jo@example.org>"),
    ("Maintainer-email: Jo <a@b@c>", "no e-mail address", 'Maintainer-email: "Doe, Jo" <jo@example.org>'),
    ("Classifier: Framework :: Nonsense", "no known classifier", "Classifier: Framework :: Django"),
    ("Metadata-Version: 2.4", "Metadata-Version", "Keywords: a,b"),
]


@pytest.mark.parametrize(("bad", "words", "good"), RULES)
def test_a_rule_refuses_the_bad_and_passes_its_good_neighbour(bad: str, words: str, good: str) -> None:
    assert words in faults(headers(bad))
    read(headers(good))
    read(headers(good), policy=PYPI)


PYPI_RULES = [  # what is fine on a private index and refused by PyPI's rules
    ("Requires-Dist: flask @ https://example.org/flask.whl", "depends on an address"),
    ("Classifier: Private :: Do Not Upload", "no known classifier"),
    ("Classifier: Natural Language :: Ukranian", "is deprecated; use 'Natural Language :: Ukrainian'"),
    ("Description-Content-Type: text/html", "description-content-type"),
]


@pytest.mark.parametrize(("line", "words"), PYPI_RULES)
def test_the_pypi_policy_refuses_what_a_private_index_takes(line: str, words: str) -> None:
    read(headers(line))
    assert words in faults(headers(line), policy=PYPI)


@pytest.mark.parametrize("version", KNOWN_VERSIONS)
def test_every_known_metadata_version_is_read(version: str) -> None:
    assert read(headers(version=version)).name == NAMED.project


@pytest.mark.parametrize("version", ["2.7", "3.0", "1.3", "two"])
def test_an_unknown_metadata_version_is_refused_with_a_sentence(version: str) -> None:
    assert f"Metadata-Version '{version}' of {NAMED.filename} is not known here" in faults(headers(version=version))
    assert "has no Metadata-Version" in faults(b"Name: demo\nVersion: 1.0\n")


def test_every_version_that_packaging_knows_is_known_here() -> None:
    """`packaging` validates a version only by its own list: when it learns one, this fails and we look."""
    for minor in range(20):
        content = headers(version=f"2.{minor}")
        with contextlib.suppress(ExceptionGroup):
            version = Metadata.from_email(content).metadata_version
            assert version in KNOWN_VERSIONS


OLD = [
    "Home-page: UNKNOWN\nAuthor-email: UNKNOWN\nSummary: UNKNOWN\nLicense: UNKNOWN\nPlatform: UNKNOWN",
    "Home-page: www.example.org",
    "Author-email: jo at example dot org",
    "Summary: one\n  two",
    f"Summary: {'s' * 600}",
    "License-File: ../LICENSE",
    "Author: one\nAuthor: two",
]


@pytest.mark.parametrize("line", OLD)
@pytest.mark.parametrize("version", ["1.0", "1.1", "1.2", "2.0"])
def test_old_metadata_goes_through_where_safety_does_not_hang_on_it(version: str, line: str) -> None:
    found = read(headers(line, version=version), policy=PYPI)
    assert found.license_files == ()
    assert "\n" not in found.summary
    assert len(found.summary) <= 512


def test_fields_that_old_setuptools_did_not_fill_say_nothing() -> None:
    found = read(headers("Home-page: UNKNOWN\nAuthor-email: UNKNOWN\nSummary: UNKNOWN", version="2.1"))
    assert found.summary == ""


def test_license_files_count_from_2_4_on() -> None:
    line = "License-File: LICENSE\nLicense-File: docs/NOTICE"
    assert read(headers(line)).license_files == ("LICENSE", "docs/NOTICE")
    assert read(headers(line, version="2.1")).license_files == ()


def test_all_that_the_house_acts_on_is_read() -> None:
    found = read(headers("Requires-Python: >=3.9\nSummary: Does it."))
    assert (found.name, found.requires_python, found.summary) == (NAMED.project, ">=3.9", "Does it.")
    assert found.is_static
    assert not read(headers("Dynamic: Requires-Dist")).is_static


def test_several_faults_come_together_and_not_too_many() -> None:
    both = faults(headers("Requires-Python: maybe\nHome-page: ftp://e.org\nClassifier: x").replace(b"demo", b"other"))
    assert [words in both for words in ("names 'other'", "version specifier", "http or https", "classifier")] == [
        True
    ] * 4
    many = faults(headers("\n".join(f"Classifier: {number}" for number in range(500))))
    assert many.count("\n") == 20
    assert "480 more faults" in many


def test_a_long_value_does_not_make_a_long_refusal() -> None:
    assert len(faults(headers(f"License-File: ../{'x' * 100_000}"))) < 1000


# --- the form ---

FILE = "Requires-Dist: flask>=1\nRequires-Dist: six\nRequires-Python: >=3.9\nProvides-Extra: all\nRequires-External: C"
SAID = AnnouncedMetadata(">=3.9", frozenset({"flask>=1", "six"}), frozenset({"C"}), frozenset({"all"}))


def said(**changes: str | frozenset[str]) -> AnnouncedMetadata:
    values = {name: getattr(SAID, name) for name in AnnouncedMetadata.__dataclass_fields__}
    return AnnouncedMetadata(**{**values, **changes})


AGREEING = [
    SAID,
    said(requires_dist=frozenset({"Flask (>=1)", "six"})),
    said(requires_dist=frozenset({"six ", "flask >= 1"})),
    said(requires_python=">= 3.9"),
    said(provides_extra=frozenset({"All"})),
    said(provides_extra=frozenset()),  # older clients never say it
]
DISAGREEING = [
    (said(requires_dist=frozenset()), "the form lacks 'flask>=1', 'six'"),
    (said(requires_dist=frozenset({"flask>=1"})), "the form lacks 'six'"),
    (said(requires_dist=frozenset({"flask>=1", "six", "evil"})), "only the form has 'evil'"),
    (said(requires_dist=frozenset({"flask>=2", "six"})), "only the form has 'flask>=2'"),
    (said(requires_dist=frozenset({"flask>=", "six"})), "only the form has 'flask>='"),
    (said(requires_python=""), "but the form says 'nothing'"),
    (said(requires_python=">=3.8"), "but the form says '>=3.8'"),
    (said(requires_python="any"), "but the form says 'any'"),
    (said(provides_extra=frozenset({"none"})), "only the form has 'none'"),
    (said(requires_external=frozenset()), "the form lacks 'C'"),
    (said(requires_external=frozenset({"C", "D"})), "only the form has 'D'"),
]


@pytest.mark.parametrize("announced", AGREEING)
def test_a_form_that_means_the_same_agrees(announced: AnnouncedMetadata) -> None:
    read(headers(FILE), announced=announced)


@pytest.mark.parametrize(("announced", "words"), DISAGREEING)
def test_a_form_that_means_something_else_is_refused(announced: AnnouncedMetadata, words: str) -> None:
    assert words in faults(headers(FILE), announced=announced)


@pytest.mark.parametrize("announced", [AGREEING[0], *(announced for announced, _ in DISAGREEING[-1:])])
def test_a_form_that_says_what_the_file_does_not_is_refused(announced: AnnouncedMetadata) -> None:
    found = faults(headers(), announced=announced)
    assert all(header in found for header in ("Requires-Dist", "Requires-Python", "Requires-External"))


# --- whatever comes ---


@given(st.binary(max_size=400))
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    with contextlib.suppress(MetadataFaultyError):
        read(headers().replace(b"\n\nText", b"\n" + content + b"\n\nText"), policy=PYPI)


NAMES = [
    "Requires-Dist",
    "Requires-Python",
    "License-Expression",
    "Project-URL",
    "Author-email",
    "Dynamic",
    "Classifier",
]
NAMES += ["Description-Content-Type", "License-File", "Provides-Extra", "Home-page", "Summary", "Keywords", "Version"]


@given(st.lists(st.tuples(st.sampled_from(NAMES), st.text(max_size=60)), max_size=8), st.sampled_from(KNOWN_VERSIONS))
def test_any_header_is_read_or_refused_and_nothing_of_it_is_dangerous(
    fields: list[tuple[str, str]], version: str
) -> None:
    lines = "\n".join(f"{name}: {value}" for name, value in fields).encode(errors="surrogatepass")
    content = headers(version=version).replace(b"\n\nText", b"\n" + lines + b"\n\nText")
    with contextlib.suppress(MetadataFaultyError):
        found = read(content, announced=None)
        assert not CONTROL.search(found.summary + found.requires_python)
