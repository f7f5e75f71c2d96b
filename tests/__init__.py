"""Tests, and what they share: what is asserted there is shown, too, where it does not hold."""

import pytest

pytest.register_assert_rewrite(
    *(f"{__name__}.{name}" for name in ("exchanges", "golden_cache", "lists", "manual", "nginx", "servers", "writable"))
)
