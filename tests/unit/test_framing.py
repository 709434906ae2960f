"""Messages between the harness's own processes: read whole, one by one, and never without end."""

import os
import socket
from collections.abc import Callable, Iterator

import pytest

from walcrash.recorder import zygote_channel
from walcrash.values import framing
from walcrash.values.framing import LENGTH, Messages, MessageTooLong, frame, read_message

Pair = tuple[socket.socket, socket.socket]
LONG = bytes(range(256)) * 20_000


@pytest.fixture
def pair() -> Iterator[Pair]:
    ours, theirs = socket.socketpair()
    for each in (ours, theirs):
        each.settimeout(10.0)
    with ours, theirs:
        yield ours, theirs


def reader(stream: bytes, most: int = 1 << 30) -> Callable[[int], bytes]:
    """Return what reads from a stream, `most` bytes at once."""
    left = bytearray(stream)

    def receive(length: int) -> bytes:
        piece = bytes(left[: min(length, most)])
        del left[: len(piece)]
        return piece

    return receive


@pytest.mark.parametrize("most", [1, 7, 8, 9, 1 << 30])
def test_messages_are_read_as_they_were_sent_and_none_of_the_next(most: int) -> None:
    sent = [b"", b"a", b"", b"x" * 100]
    receive = reader(b"".join(map(frame, sent)) + b"rest", most)
    assert [read_message(receive) for _ in sent] == sent
    assert receive(1) == b"r"


@pytest.mark.parametrize("length", range(len(frame(b"abc"))))
def test_a_stream_that_ends_inside_a_message_has_no_message(length: int) -> None:
    whole = frame(b"abc")
    assert read_message(reader(whole[:length])) is None
    messages = Messages()
    messages.feed(whole[:length])
    assert messages.take() is None
    messages.feed(whole[length:])
    assert messages.take() == b"abc"
    assert messages.take() is None


def test_what_was_read_already_is_the_beginning_of_the_message() -> None:
    whole = frame(b"abc")
    for length in range(LENGTH.size + 1):
        assert read_message(reader(whole[length:]), begun=whole[:length]) == b"abc"


@pytest.mark.parametrize("size", [1, 5, 8, 64, 1 << 20])
def test_pieces_of_any_length_hold_the_same_messages(size: int) -> None:
    sent = [b"", b"a", b"x" * 300, b"", b"end"]
    stream = b"".join(map(frame, sent))
    messages, taken = Messages(), []
    for start in range(0, len(stream), size):
        messages.feed(stream[start : start + size])
        while (message := messages.take()) is not None:
            taken.append(message)
    assert taken == sent


def test_a_message_that_is_too_long_is_refused_before_it_is_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(framing, "MESSAGE_BYTES", 10)
    monkeypatch.setattr(framing, "REQUEST_BYTES", 20)
    messages = Messages()
    messages.feed(frame(b"x" * 10) + LENGTH.pack(11))
    assert messages.take() == b"x" * 10
    with pytest.raises(MessageTooLong, match="a message of 11 bytes; at most 10 are taken"):
        messages.take()
    assert read_message(reader(frame(b"x" * 20))) == b"x" * 20
    with pytest.raises(MessageTooLong, match="a message of 21 bytes; at most 20 are taken"):
        read_message(reader(LENGTH.pack(21)))


def test_requests_and_answers_take_descriptors_along(pair: Pair) -> None:
    ours, theirs = pair
    with open("/dev/null", "rb") as file:
        zygote_channel.send_request(ours, ("serve", b"payload", 5), [file.fileno()])
        request, fds = zygote_channel.receive_request(theirs)
        zygote_channel.send_answer(theirs, -2, b"text", [file.fileno()])
        answer = zygote_channel.receive_answer(ours)
        assert answer is not None
        assert (request, answer[:2]) == (("serve", b"payload", 5), (-2, b"text"))
        for fd in (*fds, *answer[2]):
            assert os.fstat(fd).st_rdev == os.fstat(file.fileno()).st_rdev
            os.close(fd)
    assert (len(fds), len(answer[2])) == (1, 1)


def test_a_request_longer_than_the_channel_holds_goes_through(pair: Pair) -> None:
    ours, theirs = pair
    if (pid := os.fork()) == 0:
        zygote_channel.send_request(ours, ("load", LONG), [0])
        os._exit(0)
    request, fds = zygote_channel.receive_request(theirs)
    assert os.waitpid(pid, 0)[1] == 0
    assert request == ("load", LONG)
    for fd in fds:
        os.close(fd)
    assert len(fds) == 1


@pytest.mark.parametrize("length", [0, 3, 8, 10])
def test_a_channel_that_ends_inside_a_message_ends_the_waiting(pair: Pair, length: int) -> None:
    ours, theirs = pair
    before = os.listdir("/proc/self/fd")
    head = frame(b"some bytes")[:length]
    if head:
        socket.send_fds(ours, [head], [0])
    ours.shutdown(socket.SHUT_WR)
    assert zygote_channel.receive_request(theirs) == (None, [])
    theirs.sendall(head)
    theirs.shutdown(socket.SHUT_WR)
    assert zygote_channel.receive_answer(ours) is None
    # Nor is a descriptor left that came with it.
    assert os.listdir("/proc/self/fd") == before
