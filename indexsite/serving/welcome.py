"""What `serve` prints when the index is ready: where it is, and the commands to copy."""

from pathlib import Path

from indexsite.pages import TrustSummary


def welcome(*, address: str, trust: TrustSummary | None, sign_in: Path) -> str:
    """The text, for an index whose first publication is done."""
    fingerprint = trust.fingerprint if trust else "(no root yet)"
    development = " --development" if trust and trust.development else ""
    whose = f" (user and password in {sign_in})" if sign_in.exists() else ""  # it is in no backup
    note = "\n  This is a development index: its keys lie in the data folder. Do not rely on it." if development else ""
    return f"""
  Indexsite is ready at {address}/
  {"First sign-in:" if whose else "Sign-in:      "}        {address}/admin/{whose}
  Trusted root, sha256: {fingerprint}{note}

  A token to upload with:
    .venv/bin/python manage.py create_token --user admin
  Upload:
    twine upload --verbose --repository-url {address}/legacy/ -u __token__ -p TOKEN dist/*
    uv publish --publish-url {address}/legacy/ --token TOKEN
  Install:
    pip install --index-url {address}/simple/ NAME
  Install, every download verified:
    .venv/bin/indexsite trust {address}/ --fingerprint {fingerprint}{development}
    .venv/bin/indexsite run -- pip install NAME

"""
