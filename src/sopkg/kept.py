"""Answers of named queries that are kept as long as the published state is the same, up to a number of bytes."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable

from sopkg.results import Answer


class Kept:
    """Answers by question, of one state; those asked for longest ago go first. Safe to use from many threads."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._lock = threading.Lock()
        self._answers: OrderedDict[Hashable, Answer] = OrderedDict()
        self._state = ""
        self._bytes = 0

    def answer(self, state: str, question: Hashable, make: Callable[[], Answer]) -> Answer:
        """The answer to a question of a state: the one that is kept, or the one that is made now."""
        with self._lock:
            if state != self._state:
                self._answers.clear()
                self._state, self._bytes = state, 0
            if question in self._answers:
                self._answers.move_to_end(question)
                return self._answers[question]
        made = make()
        with self._lock:
            if state == self._state and question not in self._answers and len(made.body) <= self._size:
                self._answers[question] = made
                self._bytes += len(made.body)
                while self._bytes > self._size:
                    self._bytes -= len(self._answers.popitem(last=False)[1].body)
        return made
