"""Which files of requirements are refused: those that name a source, however they do."""

import codecs

import pytest

from indexsite_client.errors import SourceRefusedError
from indexsite_client.requirements import check_requirement_files


def check(files: dict[str, str | bytes], **environment: str) -> None:
    def read(path: str) -> bytes:
        data = files[path]
        return data if isinstance(data, bytes) else data.encode()

    check_requirement_files([next(iter(files))], read=read, environment=environment)


@pytest.mark.parametrize(
    "line",
    [
        "-i u",
        "-iu",
        "--index-url=u",
        "--extra-index u",
        "--find-links d",
        "-fd",
        "a --find-links d",
        "a @ https://h/x",
        "a@https://h/x",
        "https://h/x",
        "-e git+ssh://h/x",
        "file:x",
        "a @ https:h/x",
        "https:h/x",
        "a@http:/h",
        "-esvn+ssh:h/x",
        '-e "svn+ssh:h/x"',
        '-e sv"n+s"sh:h/x',
        "-e bzr+lp:x",
        "--f d",
        "a @ ${NOWHERE}",
        "--trusted-host h",
        "-r http://h/r",
        "-rhttp://h/r",
        "-c https://h/c",
        "--requirement=https://h/r",
        "a\n--pre '--index-url' u",
        'a\n--pre --ind"ex-url" u',
        "--index\\\n-url u",
        "# note \\\n-i u",
        "a # b\u2028-i u",
        "a @ ${WHERE}",
        "--default-index u",
    ],
)
def test_a_line_that_names_a_source_is_refused_with_its_place(line: str) -> None:
    with pytest.raises(SourceRefusedError, match=r"r\.txt:\d"):
        check({"r.txt": f"fine\n{line}\nfine\n"}, WHERE="https://h/x")


@pytest.mark.parametrize(
    "text",
    [
        "a==1 --hash=sha256:00",
        "a==1 \\\n    --hash=sha256:0f \\\n    --hash=sha384:ff",
        "a==1+local ; python_version>='3' and extra == 'x'",
        "# https://h/x",
        "a # -i u",
        "-e .",
        "./here.whl",
        "a;python_version<'3'",
        "--no-binary :all:",
        "--pre",
        "-r other.txt",
    ],
)
def test_a_line_that_names_none_passes(text: str) -> None:
    check({"r.txt": text, "other.txt": "b"})


@pytest.mark.parametrize(
    "include", ["-r d/o.txt", "-rd/o.txt", "--requirement d/o.txt", "-c d/o.txt", "--constr=d/o.txt"]
)
def test_included_files_are_looked_through(include: str) -> None:
    with pytest.raises(SourceRefusedError, match=r"d/p\.txt:1"):
        check({"r.txt": include, "d/o.txt": "-r p.txt\n-r ../r.txt", "d/../r.txt": "", "d/p.txt": "-i u"})


@pytest.mark.parametrize(
    "data",
    [
        codecs.BOM_UTF16_LE + "-i u".encode("utf-16-le"),
        b"# -*- coding: utf-7 -*-\n+AC0-i u",
        b"\n# coding=rot13\n-v h",
        b"caf\xe9",
    ],
)
def test_a_file_in_another_encoding_is_refused(data: bytes) -> None:
    with pytest.raises(SourceRefusedError, match="UTF-8"):
        check({"r.txt": data})


def test_a_byte_order_mark_hides_nothing() -> None:
    with pytest.raises(SourceRefusedError):
        check({"r.txt": codecs.BOM_UTF8 + b"-i u"})


@pytest.mark.parametrize("name", ["pylock.toml", "setup.py", "script.py", "script.pyw", "setup.cfg", "uv.toml"])
def test_files_that_name_sources_in_other_ways_are_refused(name: str) -> None:
    with pytest.raises(SourceRefusedError):
        check({name: ""})


def test_a_pyproject_is_looked_through() -> None:
    check({"pyproject.toml": '[project]\nname = "x"\ndependencies = ["a>1"]\n[project.urls]\nx = "https://h/"'})
    for table in ("[project]\ndependencies =", "[dependency-groups]\ntest =", "[build-system]\nrequires ="):
        with pytest.raises(SourceRefusedError):
            check({"pyproject.toml": f'{table} ["a @ https://h/a.whl"]'})
