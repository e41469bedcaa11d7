"""The environment in which an installer runs: one index, no configuration, no way to other hosts. Pure."""

import os
from collections.abc import Mapping

# What pip and uv read of the environment is removed, but for what says where to install or asks for more caution.
_KEPT = frozenset(
    [
        "PIP_PYTHON",
        "PIP_TARGET",
        "PIP_PREFIX",
        "PIP_ROOT",
        "PIP_USER",
        "PIP_REQUIRE_VIRTUALENV",
        "PIP_REQUIRE_HASHES",
        "PIP_ONLY_BINARY",
        "PIP_NO_BINARY",
        "PIP_BREAK_SYSTEM_PACKAGES",
        "UV_PYTHON",
        "UV_SYSTEM_PYTHON",
        "UV_BREAK_SYSTEM_PACKAGES",
        "UV_REQUIRE_HASHES",
        "UV_NO_BUILD",
        "UV_NO_BINARY",
        "UV_EXCLUDE_NEWER",
        "UV_LINK_MODE",
    ]
)
_PROXY_NAMES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
_PATIENCE = "3600"  # seconds: a file is handed over only after it is complete and verified


def installer_environment(inherited: Mapping[str, str], *, index_url: str, proxy_url: str | None) -> dict[str, str]:
    """The installer's environment: one index, no configuration files, and no way to other hosts but the proxy.

    Without `proxy_url` (the unsafe mode) the inherited proxy variables stay.
    """
    environment = {name: value for name, value in inherited.items() if _is_kept(name, keep_proxies=proxy_url is None)}
    environment |= {
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_INDEX_URL": index_url,
        "PIP_NO_CACHE_DIR": "1",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_DEFAULT_TIMEOUT": _PATIENCE,
        "UV_NO_CONFIG": "1",
        "UV_NO_SOURCES": "1",
        "UV_DEFAULT_INDEX": index_url,
        "UV_NO_CACHE": "1",
        "UV_PYTHON_DOWNLOADS": "never",
        "UV_HTTP_TIMEOUT": _PATIENCE,
        "GIT_ALLOW_PROTOCOL": "none",
        "SVN_SSH": "false",
        "BZR_SSH": "false",
    }
    if proxy_url is not None:
        for name in _PROXY_NAMES:
            environment[name] = environment[name.lower()] = proxy_url
        environment["NO_PROXY"] = environment["no_proxy"] = ""
    return environment


def _is_kept(name: str, *, keep_proxies: bool) -> bool:
    upper = name.upper()
    if upper in _KEPT:
        return True
    if upper.endswith("_PROXY"):
        return keep_proxies
    return not upper.startswith(("PIP_", "UV_", "INDEXSITE_"))
