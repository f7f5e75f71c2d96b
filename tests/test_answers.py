"""What is remembered: answers and counts, of one data version, and nothing longer than that."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from aiida_like.profiles import find
from aiida_like.storage.result_cache import ResultCache
from aiida_like.tuning import Tuning
from restapi.fetching import reading
from restapi.http.conditional import AnswerCache
from restapi.http.reply import CachedAnswer
from tests.conftest import NOTHING_IS_SLOW, Golden, headers_of
from tests.golden import graph
from tests.recorded import statements
from tests.urls import URLS
from tests.writable import Writable


@pytest.mark.parametrize("url", URLS)
def test_an_answer_that_was_given(target: dict[str, Any], app: Flask, client: FlaskClient, url: str) -> None:
    """The third time the database is only asked for its version."""
    first, _ = (client.get(url, buffered=True) for _ in range(2))
    with statements(app) as run:
        again = client.get(url, buffered=True)
    assert (again.status_code, again.data, headers_of(again)) == (200, first.data, headers_of(first))
    is_kept = "Content-Disposition" not in first.headers  # files are streamed
    if is_kept:
        assert len(run) == (1 if "repository" in target else 0)
        head = client.head(url, buffered=True)
        assert (head.status_code, head.data, headers_of(head)) == (200, b"", headers_of(first))


def test_what_was_answered_to_an_old_tag_is_kept(archive_client: FlaskClient) -> None:
    url = "/api/v4/users?limit=1&offset=1"
    first, _ = (archive_client.get(url, headers={"If-None-Match": '"old"'}) for _ in range(2))
    with statements(archive_client.application) as run:
        again = archive_client.get(url)
    assert (first.status_code, again.data, run) == (200, first.data, [])


def test_it_can_be_switched_off(target: dict[str, Any], serve: Callable[..., Flask]) -> None:
    app = serve(find(**target), {"CACHE": "no"}, tuning=NOTHING_IS_SLOW)
    client = app.test_client()
    for url in ("/api/v4/nodes?limit=3", "/api/v4/nodes/statistics", "/api/v2/nodes/types"):
        numbers = []
        for _ in range(2):
            with statements(app) as run:
                client.get(url, buffered=True)
            numbers.append(len(run))
        assert numbers[0] == numbers[1] > 0


COUNTED = [
    ("/api/v2/nodes?limit=1", "/api/v4/nodes?limit=2&orderby=-ctime&fields=id"),
    ("/api/v4/nodes?id>20&limit=3", "/api/v2/nodes?id>20&limit=3&offset=5"),
    ("/api/v4/nodes/statistics", "/api/v2/nodes/statistics"),
    ("/api/v4/nodes?facet=user&limit=1", "/api/v4/nodes?facet=user&limit=2"),
]


def test_a_count_serves_all_windows(golden: Golden, serve: Callable[..., Flask]) -> None:
    """The number of rows is that of the conditions, whatever part of them is shown, and in which dialect."""
    app = serve(find(str(golden.sqlite)), {}, tuning=NOTHING_IS_SLOW)
    client, storage = app.test_client(), app.extensions["aiida_like_storage"]()
    for first, second in COUNTED:
        client.get(first, buffered=True)
        before = dict(storage.caches.results._current.results)
        client.get(second, buffered=True)
        assert storage.caches.results._current.results == before
        assert before


CHANGING = [
    "/api/v2/nodes?limit=1",
    '/api/v4/nodes?node_type=like="data.%"&limit=1',
    "/api/v4/nodes?cursor=&limit=1",
    "/api/v4/nodes/page/1?perpage=3",
    "/api/v2/nodes?facet=type,user,label&limit=1",
    "/api/v2/nodes/types",
    "/api/v2/nodes/statistics",
    "/api/v4/nodes/statistics?user=1",
    "/api/v4/nodes/full_types",
    "/api/v4/nodes/full_types_count",
    f"/api/v4/nodes/{graph.silicon}",
    f"/api/v4/nodes/{graph.silicon}/contents/extras",
    f"/api/v4/nodes/{graph.silicon}/links/outgoing",
    "/api/v4/nodes?format=csv&limit=1",
]


ADDED = """
INSERT INTO db_dbnode (uuid, node_type, label, description, ctime, mtime, attributes, extras, repository_metadata,
    user_id)
SELECT '00000000-0000-4000-8000-000000000001', 'data.new.New.', 'new', '', ctime, mtime, attributes, extras,
    repository_metadata, user_id
FROM db_dbnode WHERE id = 5
"""
CHANGES = [
    ADDED,
    f"UPDATE db_dbnode SET extras = '{{\"edited\": 1}}', label = 'edited' WHERE uuid = '{graph.silicon}'",
    "UPDATE db_dbnode SET node_type = 'data.core.other.Other.' WHERE label = 'new'",
    "DELETE FROM db_dbnode WHERE label = 'new'",
]


@pytest.mark.parametrize("path", ["statistics?", "statistics?user=1&", "full_types?", "full_types_count?"])
def test_an_overview_is_made_once(
    golden: Golden, serve: Callable[..., Flask], monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    """And sent for all URLs."""
    client = serve(find(str(golden.sqlite)), {}).test_client()
    first = client.get(f"/api/v4/nodes/{path}_=1").json["data"]
    monkeypatch.delattr(reading, "dumps")
    assert client.get(f"/api/v4/nodes/{path}_=2").json["data"] == first


def test_nothing_is_ever_old(changing: Writable, serve: Callable[..., Flask]) -> None:
    """After each commit of another connection, each answer is that of a server that remembers nothing."""
    client = serve(find(**changing.target), {}).test_client()
    forgetful = serve(find(**changing.target), {"CACHE": False}).test_client()
    seen: dict[str, list[bytes]] = {url: [] for url in CHANGING}
    with changing.committing() as commit:
        for change in ["", *CHANGES]:
            if change:
                commit(change)
            for url in CHANGING:
                # The second one is kept, and the third one is the same once more.
                first, *others, right = (each.get(url, buffered=True) for each in (client, client, client, forgetful))
                assert (first.status_code, first.data) == (200, right.data), url
                assert {each.data for each in others} == {right.data}, url
                assert all(headers_of(each) == headers_of(right) for each in (first, *others)), url
                seen[url].append(first.data + first.headers.get("X-Total-Count", "").encode())
    unchanged = {url for url, answers in seen.items() if len(set(answers)) == 1}
    assert unchanged <= {f"/api/v4/nodes/{graph.silicon}/links/outgoing"}


def test_aiida_stores_and_deletes(changing: Writable, serve: Callable[..., Flask]) -> None:
    """aiida-core, in another process, between two requests."""
    client = serve(find(**changing.target), {}).test_client()

    def total() -> int:
        return int(client.get("/api/v4/nodes?limit=1", buffered=True).headers["X-Total-Count"])

    before = total()
    with changing.aiida() as change:
        for line, number in (("add 1", 1), ("add 2", 2), (f"delete {graph.plain}", 1), ("add 3", 2)):
            change(line)
            assert total() == total() == before + number


def test_while_others_commit(changing: Writable, serve: Callable[..., Flask]) -> None:
    """Counts never go back."""
    client = serve(find(**changing.target), {}).test_client()
    numbers = []
    with changing.committing() as commit:
        for number in range(20):
            commit(
                "INSERT INTO db_dbgroup (uuid, label, type_string, time, description, extras, user_id) SELECT "
                f"'00000000-0000-4000-8000-{number:012d}', 'new {number}', type_string, time, description, extras, "
                "user_id FROM db_dbgroup WHERE id = 1"
            )
            numbers += [int(client.get("/api/v4/groups?limit=1", buffered=True).headers["X-Total-Count"])] * 2
    assert numbers == [number for number in range(numbers[0], numbers[0] + 20) for _ in range(2)]


def test_the_memory_of_answers_has_an_end() -> None:
    cache = AnswerCache(Tuning(answers_bytes=1000, answer_bytes=400))

    def keep(key: str, size: int = 300) -> None:
        for _ in range(2):
            cache.keep(key, CachedAnswer("version", key.encode() * size, (("Name", "value"),)))

    def kept() -> str:
        return "".join(key for key in "labcd" if cache.get(key))

    keep("l", 400)
    for key in "abac":
        keep(key)
    assert kept() == "abc"
    cache.get("a")
    keep("d")
    assert kept() == "acd"


def test_what_is_asked_once_is_not_kept() -> None:
    cache = AnswerCache(Tuning(answers_noted=2))
    answer = CachedAnswer("version", b"body", ())

    def kept(key: str) -> bool:
        cache.keep(key, answer)
        return cache.get(key) is not None

    assert [kept(key) for key in "abab"] == [False, False, True, True]
    # A third one makes it forget who asked, but no answer.
    assert [kept(key) for key in "cdcda"] == [False, False, True, True, True]


def test_the_memory_of_counts_has_an_end() -> None:
    kept = ResultCache(most=3, most_rows=5)
    for number in range(3):
        kept.remember("1", number, [(number,)])
    kept.remember("1", "too long", [(1,)] * 6)
    assert [kept.recall("1", key) for key in (0, 1, 2, "too long")] == [[(0,)], [(1,)], [(2,)], None]
    kept.remember("1", "fourth", [(4,)])
    assert [kept.recall("1", key) for key in (1, "fourth")] == [[(1,)], [(4,)]]
    kept.remember("1", "long", [(1,)] * 5)
    # Of the first three only the one that was asked for again is known.
    assert [kept.recall("1", key) for key in (0, 2)] == [None, None]
    assert [kept.recall("1", key) for key in (1, "long")] == [[(1,)], [(1,)] * 5]
    kept.remember("1", 5, [(5,)])
    assert (kept.recall("1", 5), kept.recall("2", 5)) == ([(5,)], None)


def test_results_are_of_one_version() -> None:
    """Of two versions those of the last one are known, and the others are forgotten for good."""
    kept = ResultCache(most=3, most_rows=5)
    assert (kept.version, len(kept), kept.recall("1", "a")) == (None, 0, None)
    for key in "abcd":
        kept.remember("1", key, [(key,)])
    assert (kept.version, [kept.recall("1", key) for key in "ad"]) == ("1", [[("a",)], [("d",)]])
    kept.remember("2", "e", [])
    assert (kept.version, len(kept), kept.recall("2", "e")) == ("2", 1, [])
    assert [kept.recall(version, key) for version in "12" for key in "abcd"] == [None] * 8
    kept.remember("1", "a", [("a",)])
    assert (kept.version, kept.recall("2", "e")) == ("1", None)


def test_rows_are_counted_once_for_each_result() -> None:
    """Also where a result takes the place of another."""
    kept = ResultCache(most=10, most_rows=10)
    kept.remember("1", "a", [(1,)])
    for number in (2, 3, 1, 3):
        kept.remember("1", "b", [(number,)] * number)
        assert len(kept) == 2
    kept.remember("1", "c", [(1,)] * 5)
    assert len(kept) == 3
    kept.remember("1", "d", [(1,)] * 2)
    assert (len(kept), kept.recall("1", "d")) == (1, [(1,)] * 2)
    # Those before it are the generation that is forgotten next.
    assert kept.recall("1", "b") == [(3,)] * 3


def test_what_is_slow_stays_so_at_other_versions() -> None:
    kept = ResultCache(most=2, most_rows=5)
    kept.note_slow("a")
    kept.remember("1", "a", [])
    kept.remember("2", "b", [])
    assert [kept.is_slow(key) for key in "ab"] == [True, False]
    kept.note_slow("b")
    kept.note_slow("c")  # of too many all others are forgotten
    assert [kept.is_slow(key) for key in "abc"] == [False, False, True]


def test_each_storage_remembers_as_much_as_it_is_told(golden: Golden, serve: Callable[..., Flask]) -> None:
    app = serve(find(str(golden.sqlite)), {}, tuning=Tuning(cached_results=3))
    client, storage = app.test_client(), app.extensions["aiida_like_storage"]()
    for number in range(10):
        client.get(f"/api/v4/nodes?label=in=%22{number}%22&limit=1")
        assert 0 < len(storage.caches.results) <= 3
