"""SVG as markup: every text and attribute that goes in is escaped, so stored text cannot become markup."""

from __future__ import annotations

from markupsafe import Markup, escape


def element(name: str, *children: str, **attributes: str | float | None) -> Markup:
    """`<name key="value">children</name>`: children that are no markup are text; an attribute of None is left out.

    `class_` is `class`, and other underscores are hyphens, as in `text_anchor`.

    >>> print(element("text", "a < b", class_="tick", x=0.5))
    <text class="tick" x="0.5">a &lt; b</text>
    """
    given = "".join(
        f' {_key(key)}="{number(value) if isinstance(value, int | float) else escape(value)}"'
        for key, value in attributes.items()
        if value is not None
    )
    content = "".join(escape(child) for child in children)
    # Everything in it is escaped, a line above.
    return Markup(f"<{name}{given}>{content}</{name}>" if content else f"<{name}{given}/>")  # noqa: S704


def group(*children: str, **attributes: str | float | None) -> Markup:
    return element("g", *children, **attributes)


def number(value: float) -> str:
    """A coordinate with at most two decimals.

    >>> number(1.50), number(-0.001), number(12)
    ('1.5', '0', '12')
    """
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def document(width: float, height: float, label: str, *children: str, **attributes: str | None) -> Markup:
    """`<svg>` of a size in its own units, which a page may scale, with a label for who does not see it."""
    box = f"0 0 {number(width)} {number(height)}"
    return element(
        "svg",
        *children,
        xmlns="http://www.w3.org/2000/svg",
        viewBox=box,
        width=width,
        height=height,
        role="img",
        aria_label=label,
        **attributes,
    )


def _key(key: str) -> str:
    return key.rstrip("_").replace("_", "-")
