"""Which commands are driven, which arguments are refused, and what is left of the environment."""

from collections.abc import Callable

import pytest

from indexsite_client.environment import installer_environment
from indexsite_client.errors import InstallerRefusedError, SourceRefusedError
from indexsite_client.installers import RequirementFile, check_arguments, recognize

Check = Callable[..., None]


@pytest.mark.parametrize(
    "command",
    [
        "pip install x",
        "pip3.12 install x",
        "/v/bin/pip download x",
        "python -m pip install x",
        "/v/bin/python3.11 -I -m pip install x",
        "uv pip install x",
        "uv --quiet pip sync r.txt",
    ],
)
def test_pip_and_uv_pip_are_driven(command: str) -> None:
    assert recognize(command.split()).command == tuple(command.split())


@pytest.mark.parametrize(
    "command",
    [
        "",
        "npm install",
        "uv add x",
        "uv run pip install",
        "uvx pip",
        "python setup.py install",
        "python -c pip",
        "sh -c pip",
    ],
)
def test_other_commands_are_refused_with_what_is_supported(command: str) -> None:
    with pytest.raises(InstallerRefusedError, match="uv pip"):
        recognize(command.split())


@pytest.mark.parametrize(
    "arguments",
    [
        "--index-url u",
        "--index-url=u",
        "--index u",
        "--extra-index=u",
        "--ext u",
        "--f d",
        "--i u",
        "--pro p",
        "--t=h",
        "--b -fd",
        "-r -fd",
        "--extra u",
        "--find d",
        "--find-links=d",
        "-i u",
        "-iu",
        "-f d",
        "-qfd",
        "-Ui u",
        "--proxy p",
        "--trusted-host h",
        "--isolated",
        "--isol",
        "--pypi-url u",
        "a@https://h/x.whl",
        "git+https://h/x",
        "-egit+ssh://h/x",
        "file:///x.whl",
        "file:x.whl",
        "a@file:x.whl",
        "-r https://h/r.txt",
        "HTTP://h/x.whl",
        "http:/h/x.whl",
        "https:h/x.whl",
        r"https:\\h\x.whl",
        "a@https:h/x.whl",
        "a[b]@http:/h/x.whl",
        "svn+ssh:h/x",
        "-esvn+ssh:h/x",
        "-ehg+https:h",
        "-qebzr+lp:x",
        "-e git+git@h:x",
        "ssh:h/x",
        "--editable=svn+http:h",
        "-rhttps:h/r.txt",
        "a@${WHERE}",
        "--hash=sha256:00@https:h",
    ],
)
def test_pips_arguments_that_name_a_source_are_refused(arguments: str) -> None:
    for command in (["pip", "install"], ["python", "-m", "pip", "install"]):
        with pytest.raises(SourceRefusedError):
            check_arguments(recognize([*command, *arguments.split()]))


@pytest.mark.parametrize(
    "arguments",
    [
        "--default-index u",
        "--index u",
        "--index=n=u",
        "--index-url u",
        "-i u",
        "-f d",
        "--config-file f",
        "--allow-insecure-host h",
        "--directory d",
        "--torch-backend cpu",
    ],
)
def test_uvs_arguments_that_name_a_source_are_refused(arguments: str) -> None:
    with pytest.raises(SourceRefusedError):
        check_arguments(recognize(["uv", "pip", "install", *arguments.split()]))
    with pytest.raises(SourceRefusedError):
        check_arguments(recognize(["uv", arguments.split()[0] + "=x", "pip", "install"]))


@pytest.mark.parametrize(
    "arguments",
    [
        "-U --pre x",
        "--prefix p x",
        "-t d x",
        "--no-deps -qq x[a,b]>=1",
        ". -e ./here",
        "--no-index x",
        "-C a=b x",
        r"C:\x.whl",
        "--only-binary :all: x",
    ],
)
def test_other_arguments_pass(arguments: str) -> None:
    for command in (["pip"], ["uv", "pip"]):
        assert check_arguments(recognize([*command, "install", *arguments.split()])) == ()


@pytest.mark.parametrize(
    "word",
    ["a @ https:h/x", " https:h", "a@ http:/h", "a @\tht\ttps\n:h", "\x01https:h", "a@\u00a0http:h", "a @ 'https:h'"],
)
def test_white_space_and_controls_hide_no_source(word: str) -> None:
    with pytest.raises(SourceRefusedError):
        check_arguments(recognize(["uv", "pip", "install", word]))


@pytest.mark.parametrize("options", [["--group=sub/pyproject.toml:dev"], ["--group", "sub/pyproject.toml:dev"]])
def test_the_file_of_a_group_is_found(options: list[str]) -> None:
    assert check_arguments(recognize(["uv", "pip", "install", *options])) == (RequirementFile("sub/pyproject.toml"),)


def test_uvs_extras_are_no_abbreviation() -> None:
    words = ["uv", "pip", "install", "--extra", "a", "--python", "3.11", "--exclude-newer", "2026-01-01", "x"]
    assert check_arguments(recognize(words)) == ()


@pytest.mark.parametrize(
    "arguments",
    ["-r f", "-rf", "-qrf", "-r=f", "--requirement f", "--requirement=f", "--req f", "-c f", "--constr=f", "-Ucf"],
)
def test_pips_requirement_files_are_found(arguments: str) -> None:
    assert check_arguments(recognize(["pip", "install", *arguments.split()])) == (RequirementFile("f"),)


@pytest.mark.parametrize(
    "arguments", ["-b f", "--overrides f", "--override=f", "--constraints f", "--build-constraint f"]
)
def test_uvs_requirement_files_are_found(arguments: str) -> None:
    assert check_arguments(recognize(["uv", "pip", "install", *arguments.split()])) == (RequirementFile("f"),)


def test_files_without_an_option_are_found_for_uv_sync() -> None:
    assert check_arguments(recognize(["uv", "pip", "sync", "f"])) == (RequirementFile("f", certain=False),)


def test_the_environment_has_one_index_and_keeps_where_to_install() -> None:
    inherited = {
        "PATH": "/bin",
        "VIRTUAL_ENV": "/v",
        "PIP_TARGET": "/t",
        "PIP_REQUIRE_HASHES": "1",
        "UV_PYTHON": "3.11",
        "PIP_EXTRA_INDEX_URL": "u",
        "pip_find_links": "d",
        "UV_INDEX": "u",
        "uv_find_links": "d",
        "https_proxy": "http://company",
        "No_Proxy": "*",
        "INDEXSITE_TOKEN": "t",
    }
    made = installer_environment(inherited, index_url="http://i/simple/", proxy_url="http://p")

    assert {name for name in inherited if name in made} == {
        "PATH",
        "VIRTUAL_ENV",
        "PIP_TARGET",
        "PIP_REQUIRE_HASHES",
        "UV_PYTHON",
        "https_proxy",
    }
    assert made["PIP_INDEX_URL"] == made["UV_DEFAULT_INDEX"] == "http://i/simple/"
    assert {made[name] for name in made if name.lower() in {"http_proxy", "https_proxy", "all_proxy"}} == {"http://p"}
    assert made["NO_PROXY"] == made["no_proxy"] == ""


def test_the_unsafe_environment_keeps_the_proxies_and_nothing_else() -> None:
    made = installer_environment({"HTTPS_PROXY": "c", "UV_INDEX": "u"}, index_url="http://i/simple/", proxy_url=None)

    assert made["HTTPS_PROXY"] == "c"
    assert "UV_INDEX" not in made
