internal import Crypto
internal import EnrollmentProtocol
internal import Foundation
internal import HTTPTypes
internal import Hummingbird
internal import Logging
internal import MachineIdentity
internal import NIOCore
internal import RelayFormat
internal import RelaySealing
internal import TenantPort

/// What members need to seal: their HPKE keys go in, the epochs of their groups come out.
extension EnrollmentServer {
    func addSealing(to list: inout RouteList) {
        member(.put, APIPath.hpkeKeys, in: &list) { call, member, _ in try await self.keepHPKEKey(call, member) }
        member(.get, APIPath.currentEpoch, in: &list) { call, member, _ in
            try await self.presentEpoch(call, member)
        }
        member(.get, APIPath.keyAuthority, in: &list) { call, member, _ in
            try call.answer(try await self.keyAuthority(of: member.tenant))
        }
    }

    private func keepHPKEKey(_ call: Call, _ member: MemberRecord) async throws -> Response {
        let body = try await call.body(HPKEKeyRequest.self)
        guard member.role == .connector else {
            throw Refusal(.notPermitted, "Only connectors hand in HPKE keys.")
        }
        guard let tenant = TenantID(member.tenant.id), let id = MemberID(member.id) else {
            throw Refusal(.internalError, "The registry holds an id of another form.")
        }
        let identity = try P256.Signing.PublicKey(x963Representation: member.publicKey)
        let statement = try Self.statement(body)
        do { try statement.verify(tenant: tenant, member: id, identityKey: identity) } catch {
            throw error.code == .signature
                ? Refusal(
                    .proofOfPossessionFailed,
                    "The field “signature” is not that of the certified key over this key, for this tenant and"
                        + " connector.")
                : Refusal(.unsupportedKey, "Nothing can be sealed to the field “key”.")
        }
        let isNew = try await scope(member.tenant).keep(
            KeptHPKEKey(
                key: statement.key, identityKey: Array(identity.compressedRepresentation),
                keyFingerprint: Data(member.keyFingerprint.bytes), signature: statement.signature),
            of: member.id, at: call.now)
        let digest = HPKEKeyDigest(suite: body.suite, key: statement.key.rawRepresentation)
        call.record?.concerns(
            "connectors/\(member.id)", ["suite": "\(digest.suite)", "key": digest.sha256, "new": "\(isNew)"])
        if isNew {
            call.context.logger.info(
                "HPKE key handed in",
                metadata: [
                    "tenant": "\(member.tenant.slug)", "connector": "\(member.id)", "suite": "\(digest.suite)",
                    "key": "\(digest.sha256)",
                ])
        }
        return call.answer()
    }

    private static func statement(_ body: HPKEKeyRequest) throws -> HPKEKeyStatement {
        guard let number = UInt8(exactly: body.suite), let suite = SealingSuite(rawValue: number) else {
            throw Refusal(.unsupportedKey, "The field “suite” needs 1 (X25519) or 2 (X-Wing).")
        }
        guard body.key.count == suite.publicKeySize else {
            throw Refusal(
                .unsupportedKey, "The field “key” needs \(suite.publicKeySize) bytes in base64, of suite \(number).")
        }
        guard body.signature.count == 64 else {
            throw Refusal(.malformedRequest, "The field “signature” needs 64 bytes in base64: r and s.")
        }
        return try HPKEKeyStatement(decoding: [number] + body.key + body.signature)
    }

    private func presentEpoch(_ call: Call, _ member: MemberRecord) async throws -> Response {
        let group = try call.parameter("group")
        guard member.groups.contains(where: { $0.id == group }) else { throw Refusal.notFound("group", group) }
        guard let epoch = try await scope(member.tenant).presentEpoch(ofGroup: group) else {
            throw Refusal(.notFound, "The group has no epoch yet; it has one as soon as a member has an HPKE key.")
        }
        let tag = EpochTag.text(of: epoch.coreHash)
        let headers: HTTPFields = [.eTag: tag, .cacheControl: "private, no-cache"]
        if EpochTag.matches(call.request.headers[.ifNoneMatch], tag) {
            return Response(status: .notModified, headers: headers)
        }
        var described = headers
        described[.contentType] = "application/octet-stream"
        return Response(
            status: .ok, headers: described, body: ResponseBody(byteBuffer: ByteBuffer(bytes: epoch.manifest)))
    }

    /// The Key Authority of a tenant as it is now, with how it came to its key.
    private func keyAuthority(of tenant: Tenant) async throws -> KeyAuthorityAnswer {
        let (tenant, successions) = try await scope(tenant).keyAuthority()
        return KeyAuthorityAnswer(
            keyAuthority: KeyAuthorityReference(pin: try tenant.keyAuthorityPin(), publicKey: tenant.keyAuthority),
            successions: successions.map {
                .init(statement: $0.statement, authority: CertificatePEM.encode([$0.authority]))
            })
    }
}

/// The entity tag of an epoch: its core's hash, so that a member may ask with what it remembers.
enum EpochTag {
    static func text(of coreHash: [UInt8]) -> String {
        "\"" + coreHash.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined() + "\""
    }

    /// Whether a field `If-None-Match` names a tag.
    static func matches(_ field: String?, _ tag: String) -> Bool {
        guard let field else { return false }
        return field == "*"
            || field.split(separator: ",").contains { name in
                let name = name.drop { $0 == " " }
                return (name.hasPrefix("W/") ? name.dropFirst(2) : name).prefix { $0 != " " } == tag
            }
    }
}
