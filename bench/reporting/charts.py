"""Horizontal bars as SVG, readable on light and on dark paper: names at the left, values at the bars' ends."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

WIDTH = 760
_NAME, _VALUE, _EDGE = 214, 76, 24  # columns for names and for values, and the margin
_ROW, _BAR, _HEAD, _GAP = 24, 14, 34, 20

_LEGEND = "Dashed: no index, but a bound."
_STYLE = """\
text { font: 13px system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif; fill: #53635c; }
.paper { fill: #ffffff; stroke: #dde5e1; }
.title { font-size: 16px; font-weight: 650; fill: #14201c; }
.group { font-weight: 600; fill: #14201c; }
.ours { font-weight: 600; fill: #0b6e59; }
.value { font-variant-numeric: tabular-nums; paint-order: stroke; stroke: #ffffff; stroke-width: 5px; }
rect.bar { fill: #b9c8c1; }
rect.bar.ours { fill: #0b6e59; }
rect.bar.bound { fill: none; stroke: #8fa39a; stroke-dasharray: 3 2; }
.grid { stroke: #dde5e1; }
.tick { font-size: 11px; }
@media (prefers-color-scheme: dark) {
  text { fill: #9db0a8; }
  .paper { fill: #0f1513; stroke: #27332e; }
  .title, .group { fill: #e4ebe8; }
  .value { stroke: #0f1513; }
  .ours { fill: #5fd0b1; }
  rect.bar { fill: #55675f; }
  rect.bar.ours { fill: #5fd0b1; }
  rect.bar.bound { fill: none; stroke: #7d9188; }
  .grid { stroke: #27332e; }
}"""


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar; `label` is its value as people read it."""

    name: str
    value: float
    label: str
    kind: str = ""  # `ours`, `bound`, or empty for a peer


@dataclass(frozen=True, slots=True)
class Group:
    """Bars of one case, longest first or as given."""

    title: str
    bars: tuple[Bar, ...]


@dataclass(frozen=True, slots=True)
class _Scale:
    """From values to lengths. A logarithmic one begins at a power of ten at or below the smallest value."""

    low: float
    high: float
    logarithmic: bool

    def length(self, value: float) -> float:
        room = WIDTH - 2 * _EDGE - _NAME - _VALUE
        if not self.logarithmic:
            return max(1.5, room * value / self.high)
        share = math.log(max(value, self.low) / self.low) / math.log(self.high / self.low)
        return max(1.5, room * share)

    def ticks(self) -> list[float]:
        if not self.logarithmic:
            return []
        first, last = round(math.log10(self.low)), math.floor(math.log10(self.high))
        return [10.0**power for power in range(first, last + 1)]


def bar_chart(title: str, unit: str, groups: Sequence[Group], *, logarithmic: bool = False) -> str:
    """An SVG document. Where the scale is logarithmic the chart says so, for bars then mislead the eye."""
    scale = _scale([bar.value for group in groups for bar in group.bars], logarithmic=logarithmic)
    body = list(_rows(groups, scale))
    below = 64 + sum(_HEAD + _ROW * len(group.bars) for group in groups) + _GAP * (len(groups) - 1)
    bounds = any(bar.kind == "bound" for group in groups for bar in group.bars)
    if bounds:
        body.append(f'<text class="tick" x="{_EDGE}" y="{below + 20}">{_LEGEND}</text>')
    height = below + _EDGE + (12 if bounds else 0)
    subtitle = f"{unit}, logarithmic scale" if logarithmic else unit
    said = "; ".join(f"{g.title}: " + ", ".join(f"{bar.name} {bar.label}" for bar in g.bars) for g in groups)
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}"'
            ' role="img" aria-labelledby="title description">',
            f'<title id="title">{escape(title)}: {escape(subtitle)}</title>',
            f'<desc id="description">{escape(said)}</desc>',
            f"<style>\n{_STYLE}\n</style>",
            f'<rect class="paper" x="0.5" y="0.5" width="{WIDTH - 1}" height="{height - 1}" rx="10"/>',
            f'<text class="title" x="{_EDGE}" y="36">{escape(title)}</text>',
            f'<text x="{WIDTH - _EDGE}" y="36" text-anchor="end">{escape(subtitle)}</text>',
            *body,
            "</svg>\n",
        ]
    )


def _scale(values: list[float], *, logarithmic: bool) -> _Scale:
    high = max(values)
    low = 10.0 ** math.floor(math.log10(max(min(values), 1e-3))) if logarithmic else 0
    return _Scale(low, max(high, low * 10), logarithmic)


def _rows(groups: Sequence[Group], scale: _Scale) -> Iterator[str]:
    top, left = 64, _EDGE + _NAME
    for group in groups:
        bottom = top + _HEAD + _ROW * len(group.bars)
        yield f'<text class="group" x="{_EDGE}" y="{top + 17}">{escape(group.title)}</text>'
        for tick in scale.ticks():
            x = left + (scale.length(tick) if tick > scale.low else 0)
            yield f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{top + 22}" y2="{bottom - 4}"/>'
            yield f'<text class="tick" x="{x:.1f}" y="{top + 16}" text-anchor="middle">{tick:,g}</text>'
        for number, bar in enumerate(group.bars):
            yield from _bar(bar, scale, top + _HEAD + _ROW * number)
        top = bottom + _GAP


def _bar(bar: Bar, scale: _Scale, y: float) -> Iterator[str]:
    left, length = _EDGE + _NAME, scale.length(bar.value)
    kind = f" {bar.kind}" if bar.kind else ""
    middle = y + _BAR / 2 + 4.5
    yield f'<text class="name{kind}" x="{left - 12}" y="{middle}" text-anchor="end">{escape(bar.name)}</text>'
    yield f'<rect class="bar{kind}" x="{left}" y="{y}" width="{length:.1f}" height="{_BAR}" rx="2"/>'
    yield f'<text class="value{kind}" x="{left + length + 8:.1f}" y="{middle}">{escape(bar.label)}</text>'
