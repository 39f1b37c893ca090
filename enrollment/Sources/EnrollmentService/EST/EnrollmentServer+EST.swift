internal import CertificateAuthority
internal import EnrollmentProtocol
internal import Foundation
internal import HTTPTypes
internal import Hummingbird
internal import Logging
internal import MachineIdentity
internal import NIOCore
internal import TenantPort

/// Enrollment over Secure Transport (RFC 7030 with RFC 8951), for clients that are not Postern's own.
///
/// The same rules as those of API v1, in another dress. The nonce is not asked for: such a client cannot know it, and
/// the channel binding that the RFC has in its place needs a TLS exporter, which NIOSSL does not have.
extension EnrollmentServer {
    func addEST(to list: inout RouteList) {
        list.add(.get, APIPath.estAuthorities) { try self.estAuthorities($0) }
        list.add(.get, APIPath.estAttributes) { try self.estAttributes($0) }
        list.add(.post, APIPath.estEnroll) { try await self.estEnroll($0) }
        list.add(.post, APIPath.estReenroll) { try await self.estReenroll($0) }
    }

    /// All that a client needs to judge certificates of this installation: the root, and whatever issued or issues.
    private func estAuthorities(_ call: Call) throws -> Response {
        let authority = installation.authority
        let bundle = try CertificateBundle([authority.rootCertificate] + authority.trustedIntermediates)
        return call.base64(bundle.der, type: "application/pkcs7-mime")
    }

    private func estAttributes(_ call: Call) throws -> Response {
        call.base64(try RequestAttributes.der(), type: "application/csrattrs")
    }

    private func estEnroll(_ call: Call) async throws -> Response {
        let grant = try await authenticator.enrollee(call.request, at: call.now)
        return try await Self.naming(grant.tenant) {
            try await call.enter(as: .init(grant), of: grant.tenant)
            let registration = TenantScope.Registration(
                request: try await call.pkcs10(), displayName: nil, idempotencyKey: nil,
                address: call.context.clientAddress, needsNonce: false)
            let registered = try await register(registration, grant, call)
            return try call.certificate(registered.certificate.der)
        }
    }

    /// The next certificate for whoever shows the present one: the same rules as those of a renewal by API v1.
    private func estReenroll(_ call: Call) async throws -> Response {
        let member = try await authenticator.holder(call.request, call.context, at: call.now).member
        return try await Self.naming(member.tenant) {
            try await call.enter(as: .init(member), of: member.tenant)
            let renewal = TenantScope.Renewal(request: try await call.pkcs10(), machine: nil)
            guard renewal.request.keyFingerprint != member.keyFingerprint else {
                throw Refusal(
                    .keyReuse, "The certificate request has the key of the present certificate; make a new one.")
            }
            return try call.certificate(try await renew(renewal, of: member, call).der)
        }
    }
}

extension Call {
    /// Reads a certificate request as EST sends it: PKCS#10 in base64, wrapped or not, whatever the headers say.
    ///
    /// As `application/octet-stream` it is taken without base64, for those who send what openssl writes.
    func pkcs10() async throws -> CertificateRequest {
        let bytes = Array(try await request.body(upTo: Self.largestBody).readableBytesView)
        let media = (request.headers[.contentType] ?? "").prefix { $0 != ";" }
        let der: [UInt8]
        switch media.trimmingCharacters(in: .whitespaces).lowercased() {
        case "application/pkcs10": der = try Self.fromBase64(bytes)
        case "application/octet-stream": der = bytes
        default:
            throw Refusal(.unsupportedMediaType, "Send the certificate request as application/pkcs10, in base64.")
        }
        do { return try CertificateRequest(verifying: der) } catch {
            throw Refusal(error, in: "The certificate request")
        }
    }

    private static func fromBase64(_ bytes: [UInt8]) throws -> [UInt8] {
        let whiteSpace: Set<UInt8> = [0x09, 0x0A, 0x0D, 0x20]
        let text = bytes.filter { !whiteSpace.contains($0) }
        guard !text.isEmpty, let der = Data(base64Encoded: Data(text)) else {
            throw Refusal(.invalidCSR, "The body is not base64 of a certificate request in DER.")
        }
        return Array(der)
    }

    /// Answers with one certificate.
    func certificate(_ der: [UInt8]) throws -> Response {
        base64(try CertificateBundle([der]).der, type: "application/pkcs7-mime; smime-type=certs-only")
    }

    /// Answers in base64 on one line: strongSwan refuses it wrapped.
    ///
    /// RFC 8951 makes nothing of Content-Transfer-Encoding any more; older clients want it.
    func base64(_ bytes: [UInt8], type: String) -> Response {
        var headers: HTTPFields = [.contentType: type, .cacheControl: "no-store"]
        if let encoding = HTTPField.Name("Content-Transfer-Encoding") { headers[encoding] = "base64" }
        return Response(
            status: .ok, headers: headers,
            body: ResponseBody(byteBuffer: ByteBuffer(string: Data(bytes).base64EncodedString())))
    }
}
