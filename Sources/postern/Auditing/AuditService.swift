internal import AuditStore
internal import EnrollmentProtocol
internal import IdentityStore
internal import Logging
internal import ServiceLifecycle

/// Writes counts that were held back, puts each new certificate on record, and closes the file in the end.
struct AuditService: Service {
    private static let interval = Duration.seconds(60)

    let audit: ConnectorAudit
    let store: FolderIdentityStore
    let identity: StoredIdentity
    let logger: Logger

    func run() async throws {
        let last = await cancelWhenGracefulShutdown {
            var known = identity
            while !Task.isCancelled {
                try? await Task.sleep(for: Self.interval)
                await audit.trail.sweep()
                await noteRenewal(&known)
            }
            return known
        }
        var known = last
        await noteRenewal(&known)
        await audit.trail.sweep(isLast: true)
        do {
            try await audit.record("service.stop", on: "connector")
        } catch {
            logger.error("Audit file cannot be written", metadata: ["reason": "\(error)"])
        }
        await audit.trail.file.close()
    }

    /// Whoever has renewed has stored the new identity first.
    private func noteRenewal(_ known: inout StoredIdentity) async {
        guard let present = try? store.load()?.record, present.generation != known.generation else { return }
        do {
            try await audit.record(
                "connector.renew", on: "connectors/\(present.connectorID)",
                ["generation": "\(present.generation)", "not_after": RFC3339.text(of: present.notAfter)])
            known = present
        } catch {
            logger.error("Audit file cannot be written", metadata: ["reason": "\(error)"])
        }
    }
}
