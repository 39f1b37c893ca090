"""HPKE of the two suites: Documentation/Protocol.md, "Sealing"."""

import hashlib
import os
from types import SimpleNamespace

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from kyber_py.ml_kem import ML_KEM_768
from pyhpke import AEADId, CipherSuite, KDFId, KEMId, KEMKey


def x25519_public(private: bytes) -> bytes:
    return X25519PrivateKey.from_private_bytes(private).public_key().public_bytes_raw()


class XWing:
    """X-Wing (draft-connolly-cfrg-xwing-kem) in the shape of a KEM of pyhpke; keys are their bytes."""

    id = SimpleNamespace(value=0x647A)

    @staticmethod
    def _expand(seed: bytes):
        bytes_ = hashlib.shake_256(seed).digest(96)
        public, private = ML_KEM_768.key_derive(bytes_[:64])
        return private, public, bytes_[64:]

    @staticmethod
    def _combine(first: bytes, second: bytes, share: bytes, public: bytes) -> bytes:
        return hashlib.sha3_256(first + second + share + public + b"\\.//^\\").digest()

    @classmethod
    def public(cls, seed: bytes) -> bytes:
        _, public, private_x = cls._expand(seed)
        return public + x25519_public(private_x)

    def encap(self, pkr: bytes, sks=None, eks=None):
        public_m, public_x = pkr[:1184], pkr[1184:]
        ephemeral = os.urandom(32)
        share = x25519_public(ephemeral)
        second = X25519PrivateKey.from_private_bytes(ephemeral).exchange(X25519PublicKey.from_public_bytes(public_x))
        first, ciphertext = ML_KEM_768.encaps(public_m)
        return self._combine(first, second, share, public_x), ciphertext + share

    def decap(self, enc: bytes, skr: bytes, pks=None) -> bytes:
        private_m, _, private_x = self._expand(skr)
        ciphertext, share = enc[:1088], enc[1088:]
        first = ML_KEM_768.decaps(private_m, ciphertext)
        second = X25519PrivateKey.from_private_bytes(private_x).exchange(X25519PublicKey.from_public_bytes(share))
        return self._combine(first, second, share, x25519_public(private_x))


class Suite:
    """Sets HPKE up in mode base, from the bytes of keys."""

    def __init__(self, number: int):
        self.number = number
        base = CipherSuite.new(KEMId.DHKEM_X25519_HKDF_SHA256, KDFId.HKDF_SHA256, AEADId.AES256_GCM)
        self._suite = base if number == 1 else CipherSuite(XWing(), base.kdf, base.aead)
        self.public_size, self.encapsulated_size = {1: (32, 32), 2: (1216, 1120)}[number]

    def public(self, private: bytes) -> bytes:
        return x25519_public(private) if self.number == 1 else XWing.public(private)

    def sender(self, public: bytes, info: bytes):
        if self.number == 1:
            public = KEMKey.from_pyca_cryptography_key(X25519PublicKey.from_public_bytes(public))
        return self._suite.create_sender_context(public, info=info)

    def recipient(self, encapsulated: bytes, private: bytes, info: bytes):
        if self.number == 1:
            private = KEMKey.from_pyca_cryptography_key(X25519PrivateKey.from_private_bytes(private))
        return self._suite.create_recipient_context(encapsulated, private, info=info)
