"""`make real`: files of well-known projects go through the upload path, unmodified; a new refusal fails.

Fetched with pip from wherever it is configured to look, once, into a folder. The index runs with the settings for
older names, and says of each file whether it needed them.
"""

import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

from indexsite_client.protocol import normalize_name, parse_distribution_filename
from packages.names import filename_faults
from packages.policy import LENIENT
from tests.real import read_list
from tests.real.documented import disagreements, read_stands
from tests.running import CHECKOUT, RunningIndex, eventually, free_port

LIST = Path(__file__).parent / "files.txt"
DOCUMENT = CHECKOUT / "docs" / "uploads.md"
OLDER_NAMES = {"INDEXSITE_OLDER_SDIST_NAMES": "1", "INDEXSITE_ZIP_SDISTS": "1"}


def main(folder: Path) -> int:
    """The exit status: 0 where what is refused is what the document says."""
    wanted = read_list(LIST.read_text().splitlines())
    tried = [file for files in wanted.values() for file in files]
    fetch(folder)
    refused = dict[str, tuple[str, str]]()
    with tempfile.TemporaryDirectory(prefix="indexsite-real-") as data:
        index = RunningIndex(Path(data) / "data", free_port(), OLDER_NAMES).start()
        try:
            token = index.token()
            for filename in tried:
                if said := upload(index, folder / filename, token):
                    refused[filename] = said
            for project, files in wanted.items():
                expect_listed(index, project, [file for file in files if file not in refused])
        finally:
            index.stop()
    return report(tried, refused, folder)


def fetch(folder: Path) -> None:
    """Fetch what the folder lacks of the list."""
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "tests.real.fetching", str(folder)]
    done = subprocess.run(command, cwd=CHECKOUT, input=LIST.read_text(), stdout=subprocess.PIPE, text=True)
    if done.returncode or done.stdout:
        sys.exit(f"These files could not be fetched; is pip's index at hand?\n{done.stdout}")


def upload(index: RunningIndex, path: Path, token: str) -> tuple[str, str] | None:
    """Upload one file as twine does; the code and the first sentence of a refusal."""
    reply = index.post_upload(path.name, path.read_bytes(), token=token, accept="application/json")
    if reply.status == 200:
        return None
    if reply.status != 400:
        sys.exit(f"{path.name} was answered {reply.status}: {reply.text}")
    return reply.json()["code"], reply.json()["message"]


def expect_listed(index: RunningIndex, project: str, files: list[str]) -> None:
    """Until the project's signed page lists exactly these."""

    def is_listed() -> bool:
        page = index.page(normalize_name(project))
        return {file["filename"] for file in page["files"]} == set(files) if page else not files

    eventually(is_listed, within=120, what=f"{project} with {files}")


def report(tried: list[str], refused: dict[str, tuple[str, str]], folder: Path) -> int:
    """Print the table, and where it and the document differ."""
    stands = read_stands(DOCUMENT.read_text())
    wrong = disagreements(stands, {filename: code for filename, (code, _) in refused.items()}, tried)
    print(f"{'rule':18} {'verdict':8} file and reason")
    for filename, (code, sentence) in sorted(refused.items(), key=lambda item: (item[1][0], item[0])):
        print(f"{code:18} {'stands' if filename in stands else 'NEW':8} {filename}\n{'':27} {sentence}")
    needing = [name for name in tried if filename_faults(parse_distribution_filename(name), LENIENT)]
    kinds = Counter("wheels" if name.endswith(".whl") else "sdists" for name in tried)
    size = sum((folder / name).stat().st_size for name in tried)
    print(f"\n{kinds['wheels']} wheels and {kinds['sdists']} sdists, {size / 1e6:.0f} MB: {len(refused)} refused.")
    print(f"{len(needing)} sdists need the settings for older names: {', '.join(needing)}.")
    for sentence in wrong:
        print(sentence)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
