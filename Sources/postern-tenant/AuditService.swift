internal import AuditLog
internal import AuditStore
internal import EnrollmentService
internal import Foundation
internal import Logging
internal import RelayFormat
internal import ServiceLifecycle

/// Puts start and stop on record, for every tenant and the installation, and what was held back meanwhile; closes the
/// audit file when all that uses it has ended.
struct AuditService: Service {
    private static let interval = Duration.seconds(60)

    let installation: Installation
    let roles: Set<ServeCommand.Role>
    let logger: Logger

    func run() async throws {
        let audit = installation.audit
        try await record("service.start")
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                await audit.sweep()
                try? await Task.sleep(for: Self.interval)
            }
        }
        await audit.sweep(isLast: true)
        do {
            try await record("service.stop")
        } catch {
            logger.error("Audit file cannot be written", metadata: ["reason": "\(error)"])
        }
        await audit.file.close()
    }

    private func record(_ action: String) async throws {
        let names = roles.map(\.rawValue).sorted().joined(separator: ",")
        let logs = [Installation.auditLog] + (try installation.registry.tenants().map(\.id))
        for log in logs {
            let event = AuditEvent(
                milliseconds: installation.audit.present, actor: .service, action: action, subject: "service",
                detail: ["version": PosternVersion.text, "roles": names])
            try await installation.audit.record([event], in: log)
        }
    }
}
