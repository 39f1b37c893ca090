internal import EnrollmentProtocol
internal import Foundation
internal import Hummingbird
internal import NIOCore

extension EnrollmentServer {
    /// The public keys of queue credentials (RFC 7517), for brokers that verify them on their own.
    func keySet(_ call: Call) async throws -> Response {
        let keys = try await installation.tokens.published(at: call.now).map { key in
            let (x, y) = key.coordinates
            return KeySetAnswer.Key(id: key.id, x: x, y: y)
        }
        return Response(
            status: .ok,
            headers: [
                .contentType: "application/jwk-set+json",
                .cacheControl: "public, max-age=\(Int(TokenKey.cacheLife))",
            ],
            body: ResponseBody(byteBuffer: ByteBuffer(bytes: try EnrollmentJSON.encode(KeySetAnswer(keys: keys)))))
    }
}

/// The answer to `GET /.well-known/jwks.json`.
struct KeySetAnswer: Codable, Sendable {
    /// A key on P-256 that signs by ES256.
    struct Key: Codable, Sendable {
        let id: String
        let x: String
        let y: String
        var kind = "EC"
        var curve = "P-256"
        var use = "sig"
        var algorithm = "ES256"

        enum CodingKeys: String, CodingKey {
            case x, y, use
            case id = "kid"
            case kind = "kty"
            case curve = "crv"
            case algorithm = "alg"
        }
    }

    let keys: [Key]
}
