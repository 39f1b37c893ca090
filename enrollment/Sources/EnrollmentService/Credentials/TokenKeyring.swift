internal import Crypto
internal import DurableFiles
internal import Foundation
internal import IdentityStore
internal import JWTKit
internal import Synchronization

/// The keys of tokens as they stand now: the registry says which ones, the state folder has the private halves.
///
/// Every process asks the registry anew, so that a rotation by the command line holds at once everywhere.
final class TokenKeyring: Sendable {
    private struct Known {
        var verifiers: (ids: [String], keys: JWTKeyCollection)?
        var signer: (id: String, keys: JWTKeyCollection)?
    }

    private let registry: Registry
    private let folder: StateFolder
    private let known = Mutex(Known())

    init(registry: Registry, folder: StateFolder) {
        self.registry = registry
        self.folder = folder
    }

    /// All keys whose credentials count or will count, the newest first.
    func published(at now: Date) async throws -> [TokenKey] {
        try await registry.tokenKeys().filter { $0.counts(at: now) }
    }

    /// What verifies credentials.
    func verifiers(at now: Date) async throws -> JWTKeyCollection {
        let keys = try await published(at: now)
        let ids = keys.map(\.id)
        if let held = known.withLock({ $0.verifiers }), held.ids == ids { return held.keys }
        let collection = JWTKeyCollection()
        for key in keys {
            let (x, y) = key.coordinates
            await collection.add(
                ecdsa: try ES256PublicKey(parameters: (x: x, y: y)), kid: JWKIdentifier(string: key.id))
        }
        known.withLock { $0.verifiers = (ids, collection) }
        return collection
    }

    /// Writes a token of claims, under the key that signs now.
    ///
    /// - Parameter type: what its header says that it is; JWT where nothing is said.
    func sign(_ claims: some JWTPayload, as type: String? = nil, at now: Date) async throws -> String {
        let (id, keys) = try await signer(at: now)
        let header: JWTHeader = type.map { ["typ": .string($0)] } ?? [:]
        return try await keys.sign(claims, kid: JWKIdentifier(string: id), header: header)
    }

    /// What signs, and under which name.
    private func signer(at now: Date) async throws -> (id: String, keys: JWTKeyCollection) {
        guard let current = TokenKey.current(of: try await registry.tokenKeys(), at: now) else {
            throw EnrollmentServiceError(
                .unreadable, "No key signs queue credentials: postern-tenant keys rotate --at-once")
        }
        if let held = known.withLock({ $0.signer }), held.id == current.id { return held }
        let folder = folder
        let pem = try await Blocking.run { try Self.pem(of: current, in: folder) }
        let key: ES256PrivateKey
        do { key = try ES256PrivateKey(pem: pem) } catch {
            throw EnrollmentServiceError(.unreadable, "The token key \(current.file) cannot be read: \(error)")
        }
        let collection = await JWTKeyCollection().add(ecdsa: key, kid: JWKIdentifier(string: current.id))
        known.withLock { $0.signer = (current.id, collection) }
        return (current.id, collection)
    }

    private static func pem(of key: TokenKey, in folder: StateFolder) throws -> String {
        guard let content = try folder.read(key.file) else {
            throw EnrollmentServiceError(
                .unreadable, "\(folder.path)/\(key.file) is missing; restore it from the installation's backup.")
        }
        let pem = String(decoding: content, as: UTF8.self)
        guard let read = try? P256.Signing.PrivateKey(pemRepresentation: pem),
            Array(read.publicKey.x963Representation) == key.publicKey
        else {
            throw EnrollmentServiceError(
                .unreadable, "\(folder.path)/\(key.file) is not the token key \(key.id) of the registry.")
        }
        return pem
    }
}
