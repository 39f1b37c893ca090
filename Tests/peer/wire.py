"""Layouts: the header, a core, a manifest."""

import struct
from dataclasses import dataclass

REQUEST, INVITE, RECEIPT, PONG, RESPONSE, PING, HELLO, BEAT = 1, 2, 3, 4, 18, 19, 22, 32
CONNECTOR, DISPATCHER = 1, 2
# Who says what for the group; all else belongs to a session.
GROUP_ROLES = {REQUEST: DISPATCHER, INVITE: DISPATCHER, HELLO: CONNECTOR, BEAT: CONNECTOR}


class Refused(Exception):
    """Something that a peer must not take; its text is the reason's code."""


_HEADER = struct.Struct(">4sBBH16s16sII16s16sQ16s16sQ")


@dataclass
class Header:
    kind: int
    suite: int
    tenant: bytes
    group: bytes
    epoch: int
    attempt: int
    sender: bytes
    boot: bytes
    sequence: int
    message: bytes
    correlation: bytes
    issued_at: int
    is_bundle: bool = False

    def encode(self) -> bytes:
        return _HEADER.pack(
            b"PST1", self.kind, self.suite, int(self.is_bundle), self.tenant, self.group, self.epoch, self.attempt, self.sender,
            self.boot, self.sequence, self.message, self.correlation, self.issued_at)

    @staticmethod
    def decode(message: bytes) -> "Header":
        if len(message) < _HEADER.size:
            raise Refused("malformed")
        magic, kind, suite, flags, *rest = _HEADER.unpack(message[: _HEADER.size])
        if magic != b"PST1" or flags not in (0, 1) or suite not in (1, 2):
            raise Refused("malformed")
        if flags == 1 and kind != RESPONSE:
            raise Refused("malformed")
        return Header(kind, suite, *rest, is_bundle=flags == 1)


class Reader:
    def __init__(self, data: bytes):
        self.data, self.position = data, 0

    def take(self, count: int) -> bytes:
        part = self.data[self.position : self.position + count]
        if len(part) != count:
            raise Refused("malformed")
        self.position += count
        return part

    def number(self, count: int) -> int:
        return int.from_bytes(self.take(count), "big")

    def end(self) -> None:
        if self.position != len(self.data):
            raise Refused("malformed")


def bundle(messages: list) -> bytes:
    """The body of a bundle of messages, each an attempt, a correlation and a body."""
    return b"".join(
        struct.pack(">I", attempt) + correlation + struct.pack(">I", len(body)) + body
        for attempt, correlation, body in messages)


def unbundle(data: bytes) -> list:
    reader, messages = Reader(data), []
    while not messages or reader.position < len(data):
        messages.append((reader.number(4), reader.take(16), reader.take(reader.number(4))))
    return messages


@dataclass
class Member:
    id: bytes
    role: int
    identity: bytes
    hpke: bytes


@dataclass
class Core:
    suite: int
    tenant: bytes
    group: bytes
    number: int
    previous: bytes
    not_before: int
    not_after: int
    members: list

    def encode(self) -> bytes:
        members = sorted(self.members, key=lambda member: member.id)
        out = b"PSE1" + bytes([1, self.suite]) + self.tenant + self.group + struct.pack(">I", self.number)
        out += self.previous + struct.pack(">QQH", self.not_before, self.not_after, len(members))
        for member in members:
            out += member.id + bytes([member.role]) + member.identity + struct.pack(">H", len(member.hpke))
            out += member.hpke
        return out

    @staticmethod
    def decode(data: bytes) -> "Core":
        reader = Reader(data)
        if reader.take(4) != b"PSE1" or reader.number(1) != 1:
            raise Refused("malformed")
        core = Core(
            reader.number(1), reader.take(16), reader.take(16), reader.number(4), reader.take(32), reader.number(8),
            reader.number(8), [])
        for _ in range(reader.number(2)):
            core.members.append(
                Member(reader.take(16), reader.number(1), reader.take(33), reader.take(reader.number(2))))
        reader.end()
        if core.encode() != data or not core.members or core.not_before >= core.not_after:
            raise Refused("malformed")
        return core

    def member(self, member_id: bytes):
        return next((member for member in self.members if member.id == member_id), None)
