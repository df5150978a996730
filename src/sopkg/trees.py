"""The syntax trees of our own query files, kept in the cache folder: to read them takes each process seconds."""

from __future__ import annotations

import hashlib
import os
import pickle
from contextlib import suppress
from functools import cache, lru_cache
from io import BytesIO
from pathlib import Path
from typing import Any

import pyoxigraph

from sopkg import reader, syntax
from sopkg.settings import Settings
from sopkg.syntax import Query

_MODULES = {syntax.__name__: syntax, pyoxigraph.__name__: pyoxigraph}


@lru_cache(maxsize=512)
def read_file_query(text: str) -> Query:
    """The syntax tree of a query file's text, as `reader.read_query` gives it: kept, or read now and kept."""
    path = _folder() / hashlib.sha256(text.encode()).hexdigest()
    with suppress(OSError, pickle.UnpicklingError, EOFError, AttributeError, TypeError, ValueError):
        return _Trees(BytesIO(path.read_bytes())).load()  # type: ignore[no-any-return]
    tree = reader.read_query(text)
    with suppress(OSError):  # a folder that can't be written to costs time and nothing else
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_suffix(f".{os.getpid()}")
        draft.write_bytes(pickle.dumps(tree))
        draft.replace(path)
    return tree


class _Trees(pickle.Unpickler):
    """Makes terms and nodes of a syntax tree, and calls nothing else that a file names."""

    def find_class(self, module: str, name: str) -> Any:
        if module not in _MODULES or "." in name:
            raise pickle.UnpicklingError(f"{module}.{name} is no part of a syntax tree")
        return getattr(_MODULES[module], name)


@cache
def _folder() -> Path:
    """The folder of the trees that this program reads and makes."""
    made_by = b"".join(Path(str(module.__file__)).read_bytes() for module in (reader, syntax))
    return Settings.from_environment().cache / "trees" / hashlib.sha256(made_by).hexdigest()[:16]
