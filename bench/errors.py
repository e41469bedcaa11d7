"""What can keep a measurement from being made; each message says what to do."""

from pathlib import Path


class BenchError(Exception):
    """Base of everything that the benchmarks report instead of a figure."""

    code = "bench"


class ToolMissingError(BenchError):
    """A program that the benchmark needs cannot be had on this machine."""

    code = "tool-missing"

    def __init__(self, program: str, reason: str) -> None:
        super().__init__(f"{program} is not here and could not be fetched ({reason}); install it and run again.")
        self.program = program


class InstallFailedError(BenchError):
    """A peer's virtual environment could not be made."""

    code = "install-failed"

    def __init__(self, name: str, said: str) -> None:
        super().__init__(f"{name} could not be installed; check the machine's package index. {last_line(said)}")
        self.name = name


class CommandFailedError(BenchError):
    """A command that prepares a server ended with an error."""

    code = "command-failed"

    def __init__(self, what: str, said: str) -> None:
        super().__init__(f"{what} failed; mend that first. {last_line(said)}")
        self.what = what


class NotReadyError(BenchError):
    """A server ended, or did not answer in time."""

    code = "not-ready"

    def __init__(self, name: str, reason: str, log: Path) -> None:
        super().__init__(f"{name} {reason}; read bench/.work/logs/{log.name}.")
        self.name = name


class NotRunningError(BenchError):
    """A server stands in front of another one that does not run."""

    code = "not-running"

    def __init__(self, name: str, behind: str) -> None:
        super().__init__(f"{name} needs {behind}, which does not run; measure both.")
        self.name = name


class UploadFailedError(BenchError):
    """A server did not take a distribution that every server must hold."""

    code = "upload-failed"

    def __init__(self, filename: str, status: int, body: str) -> None:
        super().__init__(f"The upload of {filename} was answered {status}: {body.strip()[:200]!r}.")
        self.filename = filename
        self.status = status


class NeverListedError(BenchError):
    """Uploads were answered 200 and did not appear on their project's page."""

    code = "never-listed"

    def __init__(self, project: str, seconds: int) -> None:
        super().__init__(f"Uploads of {project} were answered 200 and are not all listed after {seconds} s.")
        self.project = project


class InstallFaultyError(BenchError):
    """An install failed, or did not install what it should."""

    code = "install-faulty"

    def __init__(self, command: str, fault: str) -> None:
        super().__init__(f"`{command}` cannot be measured: {fault}")
        self.command = command


class WrongAnswerError(BenchError):
    """The answer is not what the case asks for, so its speed would mean nothing."""

    code = "wrong-answer"

    def __init__(self, url: str, fault: str) -> None:
        super().__init__(f"{url} {fault}; the figure would mean nothing.")
        self.url = url


class LoadFailedError(BenchError):
    """The load generator failed, or saw errors that make its figure meaningless."""

    code = "load-failed"

    def __init__(self, url: str, fault: str) -> None:
        super().__init__(f"Loading {url}: {fault}.")
        self.url = url


class DocumentFaultyError(BenchError):
    """A document of results is not one from which a whole report can be made."""

    code = "document-faulty"

    def __init__(self, path: Path, fault: str) -> None:
        super().__init__(f"{path.name} {fault}; run `make bench` to make it anew.")
        self.path = path


def last_line(text: str) -> str:
    """The end of what a program said, where its reason usually is."""
    lines = text.strip().splitlines()
    return lines[-1][:300] if lines else ""
