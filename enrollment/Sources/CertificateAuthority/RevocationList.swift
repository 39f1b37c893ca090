public import Foundation
internal import SwiftASN1
internal import X509

/// A list of revoked certificates (RFC 5280 section 5), for those who do not ask the tenant on every request.
public struct RevocationList: Sendable, Equatable {
    /// A certificate that is revoked.
    public struct Entry: Sendable, Equatable {
        /// Its serial number.
        public var serial: SerialNumber
        /// Since when.
        public var revokedAt: Date

        /// Makes an entry.
        public init(serial: SerialNumber, revokedAt: Date) {
            self.serial = serial
            self.revokedAt = revokedAt
        }
    }

    /// The signed list.
    public let der: [UInt8]
    /// By when there will be a newer one.
    public let nextUpdate: Date
}

extension IssuingAuthority {
    /// Signs the list of those certificates of this authority that are revoked and have not ended.
    ///
    /// - Parameters:
    ///   - number: higher than that of any list before.
    ///   - lifetime: how many seconds until the next one has to be there.
    public func issueRevocationList(
        _ entries: [RevocationList.Entry], number: UInt64, lifetime: Int, now: Date
    ) throws(CertificateAuthorityError) -> RevocationList {
        let nextUpdate = now.addingTimeInterval(TimeInterval(lifetime))
        do {
            var body = DER.Serializer()
            try body.appendConstructedNode(identifier: .sequence) { list in
                try list.serialize(1)
                try Self.write(key.algorithm, to: &list)
                try list.serialize(intermediate.subject)
                try Self.write(now, to: &list)
                try Self.write(nextUpdate, to: &list)
                // The standard forbids an empty list here.
                if !entries.isEmpty {
                    try list.appendConstructedNode(identifier: .sequence) { revoked in
                        for entry in entries {
                            try revoked.appendConstructedNode(identifier: .sequence) { item in
                                item.appendPrimitiveNode(identifier: .integer) { $0 += entry.serial.bytes }
                                try Self.write(entry.revokedAt, to: &item)
                            }
                        }
                    }
                }
                try list.serialize(explicitlyTaggedWithTagNumber: 0, tagClass: .contextSpecific) { tagged in
                    try tagged.appendConstructedNode(identifier: .sequence) { extensions in
                        try writeExtensions(number: number, to: &extensions)
                    }
                }
            }
            let signature = try key.signature(over: body.serializedBytes)
            var whole = DER.Serializer()
            try whole.appendConstructedNode(identifier: .sequence) { list in
                list.serializeRawBytes(body.serializedBytes)
                try Self.write(key.algorithm, to: &list)
                try list.serialize(ASN1BitString(bytes: signature[...]))
            }
            return RevocationList(der: whole.serializedBytes, nextUpdate: nextUpdate)
        } catch {
            throw CertificateAuthorityError(.signing, "the list of revoked certificates could not be made: \(error)")
        }
    }

    /// Which key has signed (section 5.2.1), and which list it is (section 5.2.3).
    private func writeExtensions(number: UInt64, to extensions: inout DER.Serializer) throws {
        let identifier =
            try intermediate.extensions.subjectKeyIdentifier ?? SubjectKeyIdentifier(hash: intermediate.publicKey)
        try Self.write([2, 5, 29, 35], to: &extensions) { value in
            value.appendConstructedNode(identifier: .sequence) { authority in
                authority.appendPrimitiveNode(
                    identifier: ASN1Identifier(tagWithNumber: 0, tagClass: .contextSpecific)
                ) { $0 += identifier.keyIdentifier }
            }
        }
        try Self.write([2, 5, 29, 20], to: &extensions) { try $0.serialize(number) }
    }

    private static func write(
        _ name: ASN1ObjectIdentifier, to extensions: inout DER.Serializer,
        _ content: (inout DER.Serializer) throws -> Void
    ) throws {
        var value = DER.Serializer()
        try content(&value)
        try extensions.appendConstructedNode(identifier: .sequence) { item in
            try item.serialize(name)
            try item.serialize(ASN1OctetString(contentBytes: value.serializedBytes[...]))
        }
    }

    private static func write(_ algorithm: ASN1ObjectIdentifier, to list: inout DER.Serializer) throws {
        try list.appendConstructedNode(identifier: .sequence) { try $0.serialize(algorithm) }
    }

    /// UTCTime until 2049, GeneralizedTime from then on (section 5.1.2.4).
    private static func write(_ date: Date, to list: inout DER.Serializer) throws {
        var calendar = Calendar(identifier: .gregorian)
        calendar.timeZone = .gmt
        let parts = calendar.dateComponents([.year, .month, .day, .hour, .minute, .second], from: date)
        let (year, month, day) = (parts.year ?? 0, parts.month ?? 0, parts.day ?? 0)
        let (hours, minutes, seconds) = (parts.hour ?? 0, parts.minute ?? 0, parts.second ?? 0)
        if year < 2050 {
            try list.serialize(
                UTCTime(year: year, month: month, day: day, hours: hours, minutes: minutes, seconds: seconds))
        } else {
            try list.serialize(
                GeneralizedTime(
                    year: year, month: month, day: day, hours: hours, minutes: minutes, seconds: seconds,
                    fractionalSeconds: 0))
        }
    }
}
