"""The handler of the log writes every line, in order, and no thread waits for another one."""

import logging
from collections.abc import Iterator
from io import StringIO
from threading import Event, Thread

import pytest

from project.web import log_handler
from project.web.log_handler import PIPE_BUF, LineHandler

logger = logging.getLogger("tests.log_handler")


class Stream(StringIO):
    """A stream that notes each piece, and whose next write can be made to wait or to fail."""

    def __init__(self) -> None:
        super().__init__()
        self.pieces: list[str] = []
        self.may_write, self.writes = Event(), Event()
        self.may_write.set()
        self.error: OSError | None = None

    def write(self, text: str) -> int:
        self.writes.set()
        assert self.may_write.wait(10)
        if self.error is not None:
            error, self.error = self.error, None
            raise error
        self.pieces.append(text)
        return len(text)

    def lines(self) -> list[str]:
        return "".join(self.pieces).splitlines()


@pytest.fixture
def stream(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stream]:
    """The stream of a handler that the logger has for this test."""
    stream, handler = Stream(), LineHandler()
    handler.setStream(stream)
    monkeypatch.setattr(logger, "handlers", [handler])
    monkeypatch.setattr(logger, "propagate", False)
    logger.setLevel("INFO")
    yield stream
    stream.may_write.set()


def log_in_thread(line: str) -> Thread:
    thread = Thread(target=logger.info, args=[line], daemon=True)
    thread.start()
    return thread


def test_a_line_is_written_before_the_call_returns(stream: Stream) -> None:
    logger.info("one")
    logger.info("two")
    assert stream.pieces == ["one\n", "two\n"]


def test_no_thread_waits_for_the_write_of_another_one(stream: Stream) -> None:
    """A handler with a lock, as logging has it, makes the second thread wait."""
    stream.may_write.clear()
    writer = log_in_thread("one")
    assert stream.writes.wait(10)
    other = log_in_thread("two")
    other.join(10)
    assert not other.is_alive()
    assert stream.pieces == []
    stream.may_write.set()
    writer.join(10)
    assert stream.pieces == ["one\n", "two\n"]


def test_a_thread_waits_if_too_many_lines_wait(
    stream: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards the bound of the memory that lines need while their reader is slow."""
    monkeypatch.setattr(log_handler, "MAX_LINES", 2)
    stream.may_write.clear()
    log_in_thread("one")
    assert stream.writes.wait(10)
    for line in ("two", "three"):
        log_in_thread(line).join(10)
    waiting = log_in_thread("four")
    waiting.join(0.2)
    assert waiting.is_alive()
    stream.may_write.set()
    waiting.join(10)
    assert not waiting.is_alive()
    assert sorted(stream.lines()) == ["four", "one", "three", "two"]


def test_every_line_of_many_threads_is_written_whole_and_in_order(stream: Stream) -> None:
    def count(name: str) -> None:
        for number in range(300):
            logger.info("%s %s %s", name, number, name * 100)

    threads = [Thread(target=count, args=[name]) for name in "abcdefgh"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    found: dict[str, list[int]] = {}
    for line in stream.lines():
        name, number, rest = line.split()
        assert rest == name * 100
        found.setdefault(name, []).append(int(number))
    assert found == {name: [*range(300)] for name in "abcdefgh"}


def test_a_piece_is_no_longer_than_a_pipe_takes_at_once(stream: Stream) -> None:
    stream.may_write.clear()
    writer = log_in_thread("first")
    assert stream.writes.wait(10)
    for number in range(40):
        log_in_thread(f"{number:03} {'x' * 300}").join(10)
    log_in_thread("y" * 2 * PIPE_BUF).join(10)
    stream.may_write.set()
    writer.join(10)
    assert len(stream.lines()) == 42
    assert all(piece.endswith("\n") for piece in stream.pieces)
    assert [len(piece) > PIPE_BUF for piece in stream.pieces[1:]] == [False] * 3 + [False, True]


def test_an_error_of_the_stream_loses_its_line_only(
    stream: Stream, capsys: pytest.CaptureFixture[str]
) -> None:
    stream.error = OSError("no space left")
    logger.info("one")
    logger.info("two")
    assert "no space left" in capsys.readouterr().err
    assert stream.lines() == ["two"]
