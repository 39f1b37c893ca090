"""A second implementation of the relay's sealing, written from Documentation/Protocol.md alone.

  peer.py check FILE           opens all vectors of a file, and refuses what is to be refused
  peer.py speak FILE           makes messages of its own with the keys of a file, as JSON
  peer.py answer FILE SPOKEN   opens what another peer made in the form of `speak`, and answers it
"""

import json
import os
import sys

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

import wire
from sealing import Epoch, Session, expand, is_signed, private_key, public_bytes, seal_body, sha256, sign
from suites import Suite
from wire import Core, Header, Reader, Refused


def expect(condition, what):
    if not condition:
        raise SystemExit(f"error: {what}")


class Vectors:
    def __init__(self, path):
        with open(path) as file:
            self.data = json.load(file)
        self.suite = Suite(self.data["suite"])
        self.authority = bytes.fromhex(self.data["keyAuthority"]["public"])
        self.now = self.data["now"]
        self.members = {member["name"]: member for member in self.data["members"]}

    def field(self, name, key):
        value = self.members[name][key]
        return bytes.fromhex(value)

    def identity(self, name):
        return private_key(bytes.fromhex(self.members[name]["identity"]["private"]))

    def epoch(self, name, manifest=None):
        return Epoch(
            manifest or bytes.fromhex(self.data["epoch"]["manifest"]), self.field(name, "id"),
            bytes.fromhex(self.members[name]["hpke"]["private"]), self.authority)


def check_keys(vectors):
    data, epoch = vectors.data, vectors.data["epoch"]
    expect(public_bytes(private_key(bytes.fromhex(data["keyAuthority"]["private"])).public_key()) == vectors.authority,
           "the Key Authority's key")
    members = []
    for name, member in vectors.members.items():
        hpke = vectors.suite.public(bytes.fromhex(member["hpke"]["private"]))
        identity = public_bytes(vectors.identity(name).public_key())
        expect(hpke.hex() == member["hpke"]["public"], f"the HPKE key of {name}")
        expect(identity.hex() == member["identity"]["public"], f"the identity key of {name}")
        members.append(wire.Member(vectors.field(name, "id"), member["role"], identity, hpke))
    core = Core(
        data["suite"], bytes.fromhex(epoch["tenant"]), bytes.fromhex(epoch["group"]), epoch["number"],
        bytes.fromhex(epoch["previous"]), epoch["notBefore"], epoch["notAfter"], members)
    expect(core.encode().hex() == epoch["core"], "the core")
    expect(sha256(core.encode()).hex() == epoch["coreHash"], "the core hash")
    for name in vectors.members:
        opened = vectors.epoch(name)
        expect(opened.secret.hex() == epoch["secret"], f"the epoch secret for {name}")
        expect(opened.prk.hex() == epoch["prk"], "the PRK")
    for vector in data["senderKeys"]:
        info = vector["label"].encode() + bytes.fromhex(vector["sender"]) + bytes.fromhex(vector["boot"])
        expect(expand(opened.prk, info, 32).hex() == vector["key"], "a sender key")


def check_message(vector, key):
    """That sealing gives the same bytes."""
    header, body = bytes.fromhex(vector["header"]), bytes.fromhex(vector["body"])
    keys = expand(key, b"msg" + header, 64)
    expect(keys[:32].hex() == vector["messageKey"] and keys[32:].hex() == vector["commitment"], vector["name"])
    sealed = seal_body(header, body, key)
    expect(vector["message"].startswith(sealed.hex()), f"{vector['name']} sealed anew")
    expect(Header.decode(header).encode() == header, f"the header of {vector['name']}")


def check_statements(vectors):
    data = vectors.data["statements"]
    tenant = bytes.fromhex(vectors.data["epoch"]["tenant"])
    member = vectors.members[data["hpkeKeyOf"]]
    statement = bytes.fromhex(data["hpkeKey"])
    expect(statement[1:-64].hex() == member["hpke"]["public"] and statement[0] == vectors.data["suite"], "a statement")
    signed = b"postern hpke key v1\0" + tenant + bytes.fromhex(member["id"]) + statement[:-64]
    expect(is_signed(bytes.fromhex(member["identity"]["public"]), statement[-64:], signed), "a statement's signature")
    reader = Reader(bytes.fromhex(data["succession"]))
    expect(reader.take(4) == b"PSK1" and reader.take(16) == tenant, "a succession")
    expect(reader.take(33) == vectors.authority and reader.take(33).hex() == data["newKey"], "a succession's keys")
    reader.take(8)
    signed = reader.data[: reader.position]
    expect(is_signed(vectors.authority, reader.take(64), signed), "a succession's signature")
    root = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP384R1(), bytes.fromhex(data["root"]))
    try:
        root.verify(reader.take(reader.number(2)), signed, ec.ECDSA(hashes.SHA384()))
    except InvalidSignature:
        expect(False, "the root's signature of a succession")
    reader.end()


def check(vectors):
    check_keys(vectors)
    data, session = vectors.data, vectors.data["session"]
    epochs = {name: vectors.epoch(name) for name in vectors.members}
    for vector in data["groupMessages"] + [session["hello"]]:
        message = bytes.fromhex(vector["message"])
        for name, epoch in epochs.items():
            expect(epoch.open(message, vectors.now).hex() == vector["body"], f"{vector['name']} for {name}")
        header = Header.decode(message)
        check_message(vector, epoch.sender_key(header.kind, header.sender, header.boot))
    hello = session["hello"]
    accepted = Session.accept(
        epochs[session["dispatcher"]], vectors.field(session["dispatcher"], "boot"),
        Header.decode(bytes.fromhex(hello["message"])), bytes.fromhex(hello["body"]))
    expect(accepted.opening.hex() == session["toDispatcher"], "c2d")
    expect(accepted.sealing.hex() == session["toConnector"], "d2c")
    for vector in session["fromConnector"]:
        expect(accepted.open(bytes.fromhex(vector["message"])).hex() == vector["body"], vector["name"])
        check_message(vector, accepted.opening)
    single, _, bundled = session["fromConnector"]
    messages = wire.unbundle(bytes.fromhex(bundled["body"]))
    expect(Header.decode(bytes.fromhex(bundled["message"])).is_bundle, "a bundle")
    expect([attempt for attempt, _, _ in messages] == [1, 2, 3], "the attempts of a bundle")
    expect(all(body.hex() == single["body"] for _, _, body in messages), "the bodies of a bundle")
    expect(wire.bundle(messages).hex() == bundled["body"], "a bundle made anew")
    for vector in session["fromDispatcher"]:
        check_message(vector, accepted.sealing)
    for vector in data["refused"]:
        message = bytes.fromhex(vector["message"])
        try:
            if vector["place"] == "session":
                accepted.open(message)
            else:
                epochs["dispatcher"].open(message, vectors.now)
            expect(False, f"{vector['name']} is taken")
        except Refused as refusal:
            expect(str(refusal) == vector["reason"], f"{vector['name']}: {refusal}, not {vector['reason']}")
    check_statements(vectors)
    count = len(data["groupMessages"]) + 1 + len(session["fromConnector"]) + len(session["fromDispatcher"])
    print(f"suite {data['suite']}: {count} messages opened and sealed alike, {len(data['refused'])} refused")


def speak(vectors):
    """A next epoch, requests, a HELLO, replies and receipts, with fresh randomness everywhere."""
    last = Core.decode(bytes.fromhex(vectors.data["epoch"]["core"]))
    core = Core(
        last.suite, last.tenant, last.group, last.number + 1, bytes.fromhex(vectors.data["epoch"]["coreHash"]),
        vectors.now, vectors.now + 3_600_000, last.members)
    manifest = Epoch.make(core, private_key(bytes.fromhex(vectors.data["keyAuthority"]["private"])))
    dispatcher, connector = vectors.epoch("dispatcher", manifest), vectors.epoch("connector 2", manifest)
    boots = {name: vectors.field(name, "boot") for name in vectors.members}

    def batch(kind, epoch, name, bodies, first):
        headers = [epoch.header(kind, boots[name], first + index, vectors.now) for index in range(len(bodies))]
        sealed = epoch.seal(list(zip(headers, bodies)), vectors.identity(name))
        return [{"message": message.hex(), "body": body.hex()} for message, body in zip(sealed, bodies)]

    session, hello = Session.begin(
        connector, boots["connector 2"], vectors.field("dispatcher", "id"), boots["dispatcher"])
    replies = [b"", b"a reply", os.urandom(40_000), os.urandom(200_000)]
    groups = batch(wire.REQUEST, dispatcher, "dispatcher", [os.urandom(size) for size in (0, 252, 253, 70_000)], 1)
    groups += batch(wire.REQUEST, dispatcher, "dispatcher", [b"alone"], 10)
    groups += batch(wire.BEAT, connector, "connector 2", [bytes([number]) for number in range(7)], 20)
    hello_message = batch(wire.HELLO, connector, "connector 2", [hello], 30)[0]
    replies_together = wire.bundle([(number + 1, os.urandom(16), reply) for number, reply in enumerate(replies[:3])])
    statement = bytes([core.suite]) + connector.member.hpke
    statement += sign(
        vectors.identity("connector 2"), b"postern hpke key v1\0" + core.tenant + connector.member.id + statement)
    return {
        "manifest": manifest.hex(), "groupMessages": groups, "hello": hello_message, "hpkeKey": statement.hex(),
        "fromConnector": [
            {"message": session.seal(wire.RESPONSE, body, index + 1, vectors.now).hex(), "body": body.hex()}
            for index, body in enumerate(replies)],
        "bundle": {
            "message": session.seal(
                wire.RESPONSE, replies_together, len(replies) + 1, vectors.now, is_bundle=True).hex(),
            "body": replies_together.hex()}}


def answer(vectors, spoken):
    """Opens what another peer made in the form of `speak`; the dispatcher's answers to each reply as JSON."""
    manifest = bytes.fromhex(spoken["manifest"])
    dispatcher = vectors.epoch("dispatcher", manifest)
    for vector in spoken["groupMessages"]:
        expect(dispatcher.open(bytes.fromhex(vector["message"]), vectors.now).hex() == vector["body"], "a group message")
    hello = bytes.fromhex(spoken["hello"]["message"])
    session = Session.accept(
        dispatcher, vectors.field("dispatcher", "boot"), Header.decode(hello), dispatcher.open(hello, vectors.now))
    answers = []
    for index, vector in enumerate(spoken["fromConnector"]):
        body = session.open(bytes.fromhex(vector["message"]))
        expect(body.hex() == vector["body"], "a reply")
        said = b"received " + sha256(body)
        answers.append(
            {"message": session.seal(wire.RECEIPT, said, index + 1, vectors.now).hex(), "body": said.hex()})
    bundled = bytes.fromhex(spoken["bundle"]["message"])
    expect(Header.decode(bundled).is_bundle and session.open(bundled).hex() == spoken["bundle"]["body"], "a bundle")
    bodies = [body.hex() for _, _, body in wire.unbundle(bytes.fromhex(spoken["bundle"]["body"]))]
    expect(bodies == [vector["body"] for vector in spoken["fromConnector"]], "the replies of a bundle")
    return {"fromDispatcher": answers}


def main():
    command, *files = sys.argv[1:] or [""]
    if (command, len(files)) not in (("check", 1), ("speak", 1), ("answer", 2)):
        raise SystemExit(__doc__)
    vectors = Vectors(files[0])
    if command == "check":
        check(vectors)
    elif command == "speak":
        json.dump(speak(vectors), sys.stdout)
    else:
        with open(files[1]) as file:
            json.dump(answer(vectors, json.load(file)), sys.stdout)


if __name__ == "__main__":
    main()
