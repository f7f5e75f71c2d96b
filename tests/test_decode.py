"""Raw query strings and their text."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from querylang.decode import decode

DECODED = {
    b'type=like="%data%"': 'type=like="%data%"',
    b"type=like=%22%data%%22": 'type=like="%data%"',
    b"type=like=%22%25data%25%22": 'type=like="%data%"',
    b'like="%45ab%"': 'like="Eab%"',
    b'like="%2545ab%25"': 'like="%45ab%"',
    b"orderby=+id": "orderby=+id",
    b"a%2Bb+c%20d": "a+b+c d",
    b"%C3%A9%c3%a9": "éé",
    "é".encode(): "é",
    b"\xe9": "é",
    b"%E9": "%E9",
    b"%C0%80%ED%A0%80%F5%80%80%80%": "%C0%80%ED%A0%80%F5%80%80%80%",
    b"%E2%98%83%F0%9F%90%8D": "☃🐍",
    b"%22%C3": '"%C3',
    b"%%25%2": "%%%2",
    b"%zz": "%zz",
    b"": "",
}


@pytest.mark.parametrize("raw", DECODED)
def test_decode(raw: bytes) -> None:
    assert decode(raw) == DECODED[raw]


@given(st.text(st.characters(blacklist_categories=["Cs"])))
def test_what_is_fully_encoded_comes_back(text: str) -> None:
    assert decode(quote(text, safe="").encode()) == text


@given(st.binary())
def test_any_bytes_are_text(raw: bytes) -> None:
    assert len(decode(raw).encode(errors="surrogatepass")) <= 2 * len(raw)
