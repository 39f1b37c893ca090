import Crypto
import MachineIdentity
import SwiftASN1
import Testing
import X509

@Suite struct CertificateRequestTests {
    let key = MachineKey()

    @Test func aRequestIsReadAsItWasMade() throws {
        let made = try CertificateRequest.make(key: key, challenge: "a-nonce_of~url characters")
        let read = try CertificateRequest(verifyingPEM: made.pem)
        #expect(read.challenge == "a-nonce_of~url characters")
        #expect(read.keyFingerprint == key.fingerprint)
        #expect(read.der == made.der)
        try read.requireChallenge("a-nonce_of~url characters")
        #expect(throws: MachineIdentityError(.popFailed, "")) { try read.requireChallenge("another nonce") }
    }

    @Test func noSingleFlippedByteIsAcceptedAsAnotherKeyOrChallenge() throws {
        let made = try CertificateRequest.make(key: key, challenge: "nonce")
        for place in made.der.indices {
            var changed = made.der
            changed[place] ^= 0x01
            #expect(throws: MachineIdentityError.self) { try CertificateRequest(verifying: changed) }
        }
    }

    @Test func everyTruncationIsRefusedAsUnreadable() throws {
        let made = try CertificateRequest.make(key: key, challenge: "nonce")
        for length in 0..<made.der.count {
            #expect(throws: MachineIdentityError(.invalidCSR, "")) {
                try CertificateRequest(verifying: Array(made.der.prefix(length)))
            }
        }
        #expect(throws: MachineIdentityError(.invalidCSR, "")) { try CertificateRequest(verifying: made.der + [0]) }
        #expect(throws: MachineIdentityError(.invalidCSR, "")) { try CertificateRequest(verifyingPEM: "garbage") }
        #expect(throws: MachineIdentityError(.invalidCSR, "")) {
            try CertificateRequest(verifying: Array(repeating: 0x30, count: 20_000))
        }
    }

    @Test func attributesMayBeUnsortedAsStrongSwanSendsThem() throws {
        let challenge = attribute([1, 2, 840, 113_549, 1, 9, 7], .utf8String, "nonce")
        let other = attribute([1, 2, 840, 113_549, 1, 9, 2], .utf8String, "an unstructured name")
        for attributes in [[challenge, other], [other, challenge]] {
            let read = try CertificateRequest(verifying: request(attributes: attributes))
            #expect(read.challenge == "nonce")
        }
    }

    @Test func twoChallengesOrOneOfAnUnknownStringKindAreRefused() {
        let challenge = attribute([1, 2, 840, 113_549, 1, 9, 7], .printableString, "nonce")
        let wide = attribute([1, 2, 840, 113_549, 1, 9, 7], .bmpString, "nonce!")
        for attributes in [[challenge, challenge], [wide]] {
            #expect(throws: MachineIdentityError(.invalidCSR, "")) {
                try CertificateRequest(verifying: request(attributes: attributes))
            }
        }
    }

    @Test func aRequestForAKeyThatTheSenderDoesNotHoldIsRefused() throws {
        let victim = MachineKey()
        #expect(throws: MachineIdentityError(.popFailed, "")) {
            try CertificateRequest(verifying: request(attributes: [], naming: victim))
        }
    }

    private func attribute(_ oid: ASN1ObjectIdentifier, _ kind: ASN1Identifier, _ text: String) -> [UInt8] {
        var serializer = DER.Serializer()
        serializer.appendConstructedNode(identifier: .sequence) { attribute in
            try? attribute.serialize(oid)
            attribute.appendConstructedNode(identifier: .set) { values in
                values.appendPrimitiveNode(identifier: kind) { $0 += Array(text.utf8) }
            }
        }
        return serializer.serializedBytes
    }

    /// A request put together by hand, with the attributes in exactly the order given.
    private func request(attributes: [[UInt8]], naming named: MachineKey? = nil) throws -> [UInt8] {
        var information = DER.Serializer()
        try information.appendConstructedNode(identifier: .sequence) { part in
            try part.serialize(0)
            part.appendConstructedNode(identifier: .sequence) { _ in }
            part.serializeRawBytes((named ?? key).publicKey.derRepresentation)
            part.appendConstructedNode(identifier: .init(tagWithNumber: 0, tagClass: .contextSpecific)) { list in
                for attribute in attributes { list.serializeRawBytes(attribute) }
            }
        }
        let signature = try key.signing.signature(for: information.serializedBytes)
        var whole = DER.Serializer()
        try whole.appendConstructedNode(identifier: .sequence) { part in
            part.serializeRawBytes(information.serializedBytes)
            try part.appendConstructedNode(identifier: .sequence) {
                try $0.serialize([1, 2, 840, 10045, 4, 3, 2] as ASN1ObjectIdentifier)
            }
            try part.serialize(ASN1BitString(bytes: Array(signature.derRepresentation)[...]))
        }
        return whole.serializedBytes
    }
}
