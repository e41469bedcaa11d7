"""What an import shows of how far it is."""

import io

from packages.moving.progress import Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_on_a_terminal_one_line_is_drawn_anew_and_not_too_often() -> None:
    out = Terminal()
    progress = Progress(out, total=1000, now=0)
    for number in range(1000):
        progress.advance(now=number * 0.01)
    progress.end()
    drawn = out.getvalue().split("\r\x1b[2K")[1:]
    assert 90 <= len(drawn) <= 101
    assert "50 %, 100 a second, 0:05 left" in out.getvalue()
    assert drawn[-1].startswith(f"[{'█' * 30}] 1000 of 1000 files, 100 %")
    assert out.getvalue().count("\n") == 1


def test_elsewhere_each_tenth_is_a_line() -> None:
    out = io.StringIO()
    progress = Progress(out, total=7, now=0)
    for _ in range(7):
        progress.advance(now=0)
    progress.end()
    assert [line.split(",")[0] for line in out.getvalue().splitlines()] == [
        f"{done} of 7 files" for done in range(1, 8)
    ]
    assert "\r" not in out.getvalue()


def test_nothing_to_import_shows_nothing() -> None:
    for out in (Terminal(), io.StringIO()):
        Progress(out, total=0, now=0).end()
        assert out.getvalue() == ""
