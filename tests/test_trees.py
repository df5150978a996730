"""Syntax trees that are kept: the same as those read, and what is no tree of ours makes nothing."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from sopkg import trees
from sopkg.catalog import query_files
from sopkg.reader import read_query

TEXT = next(iter(query_files("gaps").values())).text


@pytest.mark.parametrize("spoilt", [None, b"", b"no tree", pickle.dumps(print), pickle.dumps(Path("x"))])
def test_a_kept_tree_is_the_one_that_is_read(
    spoilt: bytes | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trees, "_folder", lambda: tmp_path / "trees")
    assert trees.read_file_query.__wrapped__(TEXT) == read_query(TEXT)
    (kept,) = (tmp_path / "trees").iterdir()
    if spoilt is not None:
        kept.write_bytes(spoilt)
    assert trees.read_file_query.__wrapped__(TEXT) == read_query(TEXT)
