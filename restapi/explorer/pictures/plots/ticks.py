"""Ticks of an axis: round numbers, at most as many as asked for, written with the decimals they need."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor, log10

_STEPS = (1, 2, 2.5, 5, 10)
_LONG = 5
"""Digits before or after the point from which numbers are written with an exponent."""

_ROUNDING = 1e-9

LARGEST = 1e300
"""The largest number that is drawn: the span of any two is still a number."""


@dataclass(frozen=True)
class Tick:
    value: float
    text: str


def ticks(low: float, high: float, at_most: int = 6) -> Sequence[Tick]:
    """Multiples of a round step from `low` to `high`; one tick where both are the same.

    >>> [tick.text for tick in ticks(-7.3, 16.2)]
    ['−5', '0', '5', '10', '15']
    """
    if not (is_drawable(low) and is_drawable(high)):
        return ()
    # No step is seen below the precision of the numbers.
    if high - low <= _ROUNDING * max(abs(low), abs(high)):
        return (Tick(low, short(low)),)
    step = _step((high - low) / at_most)
    first, last = ceil(low / step - _ROUNDING), floor(high / step + _ROUNDING)
    return tuple(Tick(count * step, _text(count * step, step)) for count in range(first, last + 1))


def is_drawable(value: float) -> bool:
    """False for NaN and the infinities too."""
    return abs(value) <= LARGEST


def short(value: float, digits: int = 6) -> str:
    """A number for people, to so many digits.

    >>> short(0.1 + 0.2), short(-1e-7), short(1234567.0)
    ('0.3', '−1e−7', '1.23457e6')
    """
    return signed(f"{value:.{digits}g}")


def signed(text: str) -> str:
    """The text of a number with a minus as typographers have it, and an exponent without zeros before it."""
    mantissa, exponent, power = text.partition("e")
    number = f"{mantissa}e{int(power)}" if exponent else mantissa
    return number.replace("-", "\N{MINUS SIGN}")


def _step(least: float) -> float:
    """The smallest round number that is not less than this."""
    power = 10.0 ** floor(log10(least))
    return next(factor * power for factor in _STEPS if factor * power >= least * (1 - _ROUNDING))


def _text(value: float, step: float) -> str:
    """As many decimals as the step has, so that all ticks of an axis have the same."""
    decimals = _decimals(step)
    size = abs(value)
    if size and (size >= 10.0 ** (_LONG + 1) or decimals > _LONG):
        digits = max(0, floor(log10(size)) - floor(log10(step) + _ROUNDING) + int(_is_two_digits(step)))
        return signed(f"{value:.{min(digits, 12)}e}")
    text = f"{value:.{0 if decimals > _LONG else decimals}f}"
    return "0" if float(text) == 0 else signed(text)


def _decimals(step: float) -> int:
    return max(0, -floor(log10(step) + _ROUNDING) + int(_is_two_digits(step)))


def _is_two_digits(step: float) -> bool:
    leading = step / 10.0 ** floor(log10(step) + _ROUNDING)
    return abs(leading - round(leading)) > _ROUNDING
