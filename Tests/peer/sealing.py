"""Epochs, messages for a group, sessions."""

import hashlib
import hmac
import os

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from suites import Suite
from wire import BEAT, CONNECTOR, DISPATCHER, GROUP_ROLES, Core, Header, Reader, Refused

SIZES = [320, 1280, 2560, 5120, 10240, 20480, 40960, 81920, 163840, 245760, 327680]


def sha256(*parts: bytes) -> bytes:
    return hashlib.sha256(b"".join(parts)).digest()


def expand(key: bytes, info: bytes, count: int) -> bytes:
    return HKDFExpand(hashes.SHA256(), count, info).derive(key)


def private_key(raw: bytes) -> ec.EllipticCurvePrivateKey:
    return ec.derive_private_key(int.from_bytes(raw, "big"), ec.SECP256R1())


def public_bytes(key: ec.EllipticCurvePublicKey) -> bytes:
    return key.public_bytes(Encoding.X962, PublicFormat.CompressedPoint)


def sign(key: ec.EllipticCurvePrivateKey, data: bytes) -> bytes:
    r, s = decode_dss_signature(key.sign(data, ec.ECDSA(hashes.SHA256())))
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def is_signed(public: bytes, signature: bytes, data: bytes) -> bool:
    key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), public)
    der = encode_dss_signature(int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big"))
    try:
        key.verify(der, data, ec.ECDSA(hashes.SHA256()))
        return True
    except InvalidSignature:
        return False


def seal_body(header: bytes, body: bytes, key: bytes) -> bytes:
    """header | commitment | ciphertext | tag"""
    keys = expand(key, b"msg" + header, 64)
    whole = len(body).to_bytes(4, "big") + body
    padded = whole.ljust(next(size for size in SIZES if size >= len(whole)), b"\0")
    return header + keys[32:] + AESGCM(keys[:32]).encrypt(bytes(12), padded, header)


def check_commitment(sealed: bytes, key: bytes) -> bytes:
    keys = expand(key, b"msg" + sealed[:128], 64)
    if not hmac.compare_digest(keys[32:], sealed[128:160]):
        raise Refused("commitment")
    return keys[:32]


def open_body(sealed: bytes, message_key: bytes) -> bytes:
    try:
        padded = AESGCM(message_key).decrypt(bytes(12), sealed[160:], sealed[:128])
    except InvalidTag:
        raise Refused("decryption") from None
    count = int.from_bytes(padded[:4], "big")
    size = next((size for size in SIZES if size >= count + 4), None)
    if size != len(padded) or any(padded[4 + count :]):
        raise Refused("padding")
    return padded[4 : 4 + count]


def levels(leaves: list) -> list:
    """The tree of RFC 6962, from the leaves to the root."""
    rows = [leaves]
    while len(rows[-1]) > 1:
        row = rows[-1]
        pairs = [row[index : index + 2] for index in range(0, len(row), 2)]
        rows.append([sha256(b"\1", *pair) if len(pair) == 2 else pair[0] for pair in pairs])
    return rows


def path_levels(index: int, count: int) -> list:
    """For each level: whether the node stands on the right, or None where it has no sibling."""
    steps = []
    while count > 1:
        steps.append(bool(index & 1) if index ^ 1 < count else None)
        index, count = index // 2, (count + 1) // 2
    return steps


class Epoch:
    """An epoch that a member has opened."""

    def __init__(self, manifest: bytes, member_id: bytes, hpke_private: bytes, key_authority: bytes):
        reader = Reader(manifest)
        core_bytes = reader.take(reader.number(4))
        start = reader.position
        secrets = [reader.take(reader.number(2)) for _ in range(reader.number(2))]
        sealed = manifest[start : reader.position]
        signature = reader.take(64)
        reader.end()
        self.core = Core.decode(core_bytes)
        self.core_hash = sha256(core_bytes)
        if not is_signed(key_authority, signature, b"postern manifest v1\0" + self.core_hash + sha256(sealed)):
            raise Refused("key-authority")
        self.member = self.core.member(member_id)
        if self.member is None:
            raise Refused("not-a-member")
        self.suite = Suite(self.core.suite)
        self.hpke_private = hpke_private
        box = secrets[self.core.members.index(self.member)]
        size = self.suite.encapsulated_size
        context = self.suite.recipient(box[:size], hpke_private, self.core_hash)
        self.secret = context.open(box[size:], member_id)
        self.prk = hmac.digest(self.core_hash, self.secret, "sha256")

    @staticmethod
    def make(core: Core, signer: ec.EllipticCurvePrivateKey) -> bytes:
        """A manifest with a new secret."""
        encoded = core.encode()
        core_hash, secret, suite = sha256(encoded), os.urandom(32), Suite(core.suite)
        sealed = len(core.members).to_bytes(2, "big")
        for member in sorted(core.members, key=lambda member: member.id):
            encapsulated, context = suite.sender(member.hpke, core_hash)
            box = encapsulated + context.seal(secret, member.id)
            sealed += len(box).to_bytes(2, "big") + box
        signature = sign(signer, b"postern manifest v1\0" + core_hash + sha256(sealed))
        return len(encoded).to_bytes(4, "big") + encoded + sealed + signature

    def sender_key(self, kind: int, sender: bytes, boot: bytes) -> bytes:
        return expand(self.prk, (b"beat" if kind == BEAT else b"request") + sender + boot, 32)

    def header(self, kind: int, boot: bytes, sequence: int, issued_at: int) -> Header:
        return Header(
            kind, self.core.suite, self.core.tenant, self.core.group, self.core.number, 0, self.member.id, boot,
            sequence, os.urandom(16), bytes(16), issued_at)

    def seal(self, batch: list, identity: ec.EllipticCurvePrivateKey) -> list:
        """Messages for the group, each a header and a body, under one signature."""
        sealed = [
            seal_body(header.encode(), body, self.sender_key(header.kind, header.sender, header.boot))
            for header, body in batch]
        rows = levels([sha256(b"\0", message) for message in sealed])
        number = bytes([len(sealed) - 1])
        signature = sign(identity, b"postern batch v1\0" + rows[-1][0] + number)
        out = []
        for index, message in enumerate(sealed):
            path, place = b"", index
            for row in rows[:-1]:
                path += row[place ^ 1] if place ^ 1 < len(row) else b""
                place //= 2
            out.append(message + path + bytes([index]) + number + signature)
        return out

    def open(self, message: bytes, now: int) -> bytes:
        header = Header.decode(message)
        index, count, signature = message[-66], message[-65] + 1, message[-64:]
        if index >= count:
            raise Refused("malformed")
        steps = path_levels(index, count)
        path_size = 32 * sum(step is not None for step in steps)
        sealed, path = message[: -66 - path_size], Reader(message[len(message) - 66 - path_size : -66])
        if len(sealed) - 176 not in SIZES:
            raise Refused("malformed")
        core = self.core
        for value, expected, code in [
            (header.tenant, core.tenant, "foreign-tenant"), (header.group, core.group, "foreign-group"),
            (header.epoch, core.number, "unknown-epoch"), (header.suite, core.suite, "wrong-suite")]:
            if value != expected:
                raise Refused(code)
        if now + 60_000 < core.not_before or now >= core.not_after:
            raise Refused("expired-epoch")
        sender = core.member(header.sender)
        if sender is None:
            raise Refused("sender-unknown")
        if header.kind not in GROUP_ROLES:
            raise Refused("wrong-kind")
        if GROUP_ROLES[header.kind] != sender.role:
            raise Refused("sender-role")
        message_key = check_commitment(sealed, self.sender_key(header.kind, header.sender, header.boot))
        root = sha256(b"\0", sealed)
        for is_right in steps:
            if is_right is not None:
                sibling = path.take(32)
                root = sha256(b"\1", sibling, root) if is_right else sha256(b"\1", root, sibling)
        if not is_signed(sender.identity, signature, b"postern batch v1\0" + root + bytes([count - 1])):
            raise Refused("signature")
        return open_body(sealed, message_key)


class Session:
    """The keys of a connector's and a dispatcher's boot, from the side of one of them."""

    def __init__(self, epoch: Epoch, own: tuple, peer: tuple, context):
        self.epoch, self.own, self.peer = epoch, own, peer
        keys = [context.export(b"c2d", 32), context.export(b"d2c", 32)]
        self.sealing, self.opening = keys if epoch.member.role == CONNECTOR else reversed(keys)

    @staticmethod
    def _info(epoch: Epoch, connector: tuple, dispatcher: tuple) -> bytes:
        return (b"postern session v1\0" + epoch.core_hash + connector[0] + dispatcher[0] + connector[1] + dispatcher[1])

    @staticmethod
    def begin(epoch: Epoch, boot: bytes, dispatcher: bytes, dispatcher_boot: bytes) -> tuple:
        own, peer = (epoch.member.id, boot), (dispatcher, dispatcher_boot)
        hpke = epoch.core.member(dispatcher).hpke
        encapsulated, context = epoch.suite.sender(hpke, Session._info(epoch, own, peer))
        hello = dispatcher + dispatcher_boot + epoch.core_hash + encapsulated
        return Session(epoch, own, peer, context), hello

    @staticmethod
    def accept(epoch: Epoch, boot: bytes, header: Header, hello: bytes) -> "Session":
        own, peer = (epoch.member.id, boot), (header.sender, header.boot)
        if hello[:64] != own[0] + boot + epoch.core_hash or epoch.member.role != DISPATCHER:
            raise Refused("session-mismatch")
        context = epoch.suite.recipient(hello[64:], epoch.hpke_private, Session._info(epoch, peer, own))
        return Session(epoch, own, peer, context)

    def seal(self, kind: int, body: bytes, sequence: int, issued_at: int, is_bundle: bool = False) -> bytes:
        header = self.epoch.header(kind, self.own[1], sequence, issued_at)
        header.is_bundle = is_bundle
        return seal_body(header.encode(), body, self.sealing)

    def open(self, message: bytes) -> bytes:
        header, core = Header.decode(message), self.epoch.core
        if len(message) - 176 not in SIZES:
            raise Refused("malformed")
        if header.tenant != core.tenant:
            raise Refused("foreign-tenant")
        if header.suite != core.suite:
            raise Refused("wrong-suite")
        if (header.group, header.epoch, (header.sender, header.boot)) != (core.group, core.number, self.peer):
            raise Refused("session-mismatch")
        return open_body(message, check_commitment(message, self.opening))
