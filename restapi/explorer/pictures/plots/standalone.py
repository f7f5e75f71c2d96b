"""A plot that stands alone, as a file: with a style sheet of few words in it, that most programs understand."""

from __future__ import annotations

from markupsafe import Markup

_STYLE = """
text{font-family:"Segoe UI",Roboto,"DejaVu Sans",sans-serif;font-size:12px;fill:#566473}
.axis{font-size:13px;fill:#1c2733}
.paper{fill:#fff}
.frame{fill:none;stroke:#566473}
.grid{stroke:#dde3e9}
.place{stroke:#566473;stroke-width:.8;opacity:.6}
.rules line{stroke:#c2571a;stroke-width:1.2;stroke-dasharray:6 4}
.rules text{fill:#c2571a}
.line{fill:none;stroke-width:1.5;stroke-linejoin:round;stroke-linecap:round}
.plot1{stroke:#0b63c5}.plot2{stroke:#c2571a}.plot3{stroke:#2f7d57}
.plot4{stroke:#8a4bb3}.plot5{stroke:#b23a48}.plot6{stroke:#5d6b7a}
.heat{image-rendering:pixelated}
"""
"""The light colours of pages."""


def standalone(plot: Markup) -> Markup:
    """`plot` is the SVG of a page, which has the style sheet of the page."""
    opening, end, rest = plot.partition(">")
    paper = Markup('<rect class="paper" width="100%" height="100%"/>')
    return opening + end + Markup(f"<style>{_STYLE}</style>") + paper + rest  # noqa: S704
