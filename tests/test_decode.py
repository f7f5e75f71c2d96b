"""Raw query strings and their text."""

from __future__ import annotations

import codecs
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
    b"a=%00": "a=\0",
    b"%c3%a9%7e": "é~",
    b"\xe9=%C3%A9": "é=é",
    "é=%E9".encode(): "é=%E9",
    b"%C3%28": "%C3(",
    b"%E2%98A": "%E2%98A",
    b"%E0%80%80": "%E0%80%80",
    b"%ED%9F%BF%EE%80%80": "\ud7ff\ue000",
    b"%F0%80%80%80": "%F0%80%80%80",
    b"%F4%8F%BF%BF": "\U0010ffff",
    b"%F4%90%80%80": "%F4%90%80%80",
    b"id%3E45%26a": "id>45&a",
    b"%2525": "%25",
    b"": "",
}


@pytest.mark.parametrize("raw", DECODED)
def test_decode(raw: bytes) -> None:
    assert decode(raw) == DECODED[raw]


@given(st.text(st.characters(blacklist_categories=["Cs"])))
def test_what_is_fully_encoded_comes_back(text: str) -> None:
    assert decode(quote(text, safe="").encode()) == text


def _escapes(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeDecodeError)
    return quote(error.object[error.start : error.end], safe=""), error.end


codecs.register_error("tests.escapes", _escapes)


@given(
    st.one_of(st.binary(), st.lists(st.sampled_from(b"a%\x80\x8f\x90\x9f\xa0\xbf\xc1\xc2\xe0\xed\xf0\xf4")).map(bytes))
)
def test_python_finds_the_same_bytes_well_formed(raw: bytes) -> None:
    escapes = "".join(f"%{byte:02X}" for byte in raw)
    assert decode(escapes.encode()) == raw.decode(errors="tests.escapes")


@given(st.binary())
def test_any_bytes_are_text(raw: bytes) -> None:
    assert len(decode(raw).encode(errors="surrogatepass")) <= 2 * len(raw)
