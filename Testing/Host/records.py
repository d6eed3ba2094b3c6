"""What happened behind a test's back: exceptions in slots and observers, and modal dialogs.

In Slicer an exception in a slot or observer is printed to the Python console and forgotten, and a
modal dialog waits for a person. Here both are recorded, and dialogs are answered at once.
"""

from __future__ import annotations

import contextlib
import logging
import re
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

Answer = Any  # what the dialog call returns, or a function of the dialog that returns it


@dataclass(frozen=True)
class Dialog:
    """A modal dialog that was opened: its class or static function, its title and text."""

    kind: str
    title: str
    text: str

    def __str__(self) -> str:
        return f"{self.kind} {self.title!r}: {self.text!r}"


@dataclass
class _Expectation:
    pattern: str
    answer: Answer
    seen: list[Dialog]


class Records:
    """Collects errors and dialogs; one instance, ``records``, serves the process."""

    def __init__(self) -> None:
        self.errors: list[BaseException] = []
        self.dialogs: list[Dialog] = []
        self.unexpected_dialogs: list[Dialog] = []
        self._expectations: list[_Expectation] = []

    def clear(self) -> None:
        for kept in (self.errors, self.dialogs, self.unexpected_dialogs):
            kept.clear()

    def error(self, error: BaseException, where: str) -> None:
        self.errors.append(error)
        logging.error("exception in %s", where, exc_info=error)

    @contextlib.contextmanager
    def expecting_dialog(self, pattern: str, answer: Answer = None) -> Iterator[list[Dialog]]:
        """Allow dialogs whose title or text fit ``pattern``; fail if none came.

        ``answer`` is returned by ``exec_()``; a function is called with the dialog first, for
        instance to press a button in it. Without one the dialog's own default is returned.
        """
        expectation = _Expectation(pattern, answer, [])
        self._expectations.append(expectation)
        try:
            yield expectation.seen
        finally:
            self._expectations.remove(expectation)
        if not expectation.seen:
            raise AssertionError(f"no dialog matching {pattern!r} opened; had {self.dialogs}")

    def dialog_opened(self, dialog: Dialog, default: Answer, widget: Any = None) -> Any:
        """Record a dialog and return what the user would have answered."""
        self.dialogs.append(dialog)
        for expectation in reversed(self._expectations):
            if re.search(expectation.pattern, f"{dialog.title}\n{dialog.text}"):
                expectation.seen.append(dialog)
                return self._resolve(expectation.answer, default, widget)
        self.unexpected_dialogs.append(dialog)
        return default

    @staticmethod
    def _resolve(answer: Answer, default: Answer, widget: Any) -> Any:
        if callable(answer):
            answer = answer(widget)
        return default if answer is None else answer

    def install_hooks(self) -> None:
        """Catch what VTK observers, Qt overrides and threads would only print."""
        previous = sys.excepthook

        def on_exception(kind: type, error: BaseException, trace: Any) -> None:
            self.errors.append(error)
            previous(kind, error, trace)

        def on_thread_exception(args: Any) -> None:
            name = args.thread.name if args.thread else "a thread"
            self.error(args.exc_value, name)

        sys.excepthook = on_exception
        threading.excepthook = on_thread_exception

    def guarded(self, function: Callable[..., Any], where: str) -> Callable[..., Any]:
        """A slot that records what it raises, as PythonQt prints it, and goes on."""

        def call(*values: Any) -> Any:
            try:
                return function(*values)
            except Exception as error:
                self.error(error, where)
                return None

        return call


records = Records()
