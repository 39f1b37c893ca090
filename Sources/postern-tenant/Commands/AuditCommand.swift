internal import ArgumentParser
internal import AuditLog
internal import AuditStore
internal import EnrollmentProtocol
internal import EnrollmentService
internal import Foundation

/// `postern-tenant audit`.
struct AuditCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "audit", abstract: "The audit logs on this disk: one for each tenant, and the installation's own.",
        discussion: """
            The log is a tenant's name, or 'installation' for what concerns no tenant or nobody that is known.
            Administrators read their tenant's from afar: posternctl audit.
            """,
        subcommands: [Export.self, Verify.self, Archive.self], defaultSubcommand: Verify.self)

    struct Export: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Prints a log as JSON lines.")
        @OptionGroup var state: StateOptions
        @Argument(help: "A tenant's name, or 'installation'.") var log = Installation.auditLog

        func run() async throws {
            try await report {
                let installation = try await Installation.open(state.folder)
                let id = try AuditCommand.id(of: log, in: installation)
                try await AuditCommand.write(
                    id, of: installation, before: .max, to: FileHandle.standardOutput)
            }
        }
    }

    struct Verify: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Reads the logs from their first rows and names the first that is not as it was written.",
            discussion: "Exit codes: 0 all are right; 5 a row was edited, deleted or moved, or the log rewritten.")
        @OptionGroup var state: StateOptions
        @Argument(help: "A tenant's name, or 'installation'; all logs unless given.") var log: String?
        @Option(help: "A file of heads that somebody else has kept, as 'postern audit heads' prints them.")
        var head: [String] = []

        func run() async throws {
            try await report {
                let installation = try await Installation.open(state.folder)
                let names =
                    try log.map { [$0] }
                    ?? [Installation.auditLog] + installation.registry.tenants().map(\.slug)
                let witnesses = try head.flatMap(AuditCommand.witnesses)
                guard witnesses.isEmpty || log != nil else {
                    throw CommandFailure(.usage, "--head needs the name of the log that the heads are of")
                }
                for name in names {
                    let id = try AuditCommand.id(of: name, in: installation)
                    let found = try await installation.audit.file.verify(id, witnesses: witnesses)
                    print("\(name): \(found.size) rows are as they were written, root \(found.root)")
                }
            }
        }
    }

    struct Archive: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Moves the oldest rows into a file of JSON lines; their hashes stay, and so does every proof.")
        @OptionGroup var state: StateOptions
        @Argument(help: "A tenant's name, or 'installation'.") var log: String
        @Option(help: "Rows older than this many days.") var olderThanDays: Int
        @Option(help: "The new file.") var file: String

        func run() async throws {
            try await report {
                guard olderThanDays >= 0 else { throw CommandFailure(.usage, "--older-than-days is not negative") }
                let installation = try await Installation.open(state.folder)
                let id = try AuditCommand.id(of: log, in: installation)
                let store = installation.audit.file
                let days = UInt64(olderThanDays) * 86_400_000
                let now = installation.audit.present
                let end = try await store.firstRow(of: id, since: now - min(now, days))
                _ = try await store.verify(id, witnesses: [])
                guard
                    FileManager.default.createFile(
                        atPath: file, contents: nil, attributes: [.posixPermissions: 0o600]),
                    let handle = FileHandle(forWritingAtPath: file)
                else { throw CommandFailure(.usage, "cannot write the file \(file)") }
                try await AuditCommand.write(id, of: installation, before: end, to: handle)
                try handle.synchronize()
                let count = try await store.archive(id, before: end)
                try await installation.audit.record(
                    [
                        AuditEvent(
                            milliseconds: now, actor: .machineUser, action: "audit.archive",
                            subject: "rows before \(end)", detail: ["rows": "\(count)"])
                    ], in: id)
                print("\(count) rows are in \(file); 'audit verify' still knows them by their hashes.")
            }
        }
    }

    fileprivate static func id(of log: String, in installation: Installation) throws -> String {
        guard log != Installation.auditLog else { return log }
        guard let tenant = try installation.registry.tenants().first(where: { $0.slug == log }) else {
            throw CommandFailure(.usage, "there is no tenant \"\(log)\"; 'postern-tenant tenants list' shows all")
        }
        return tenant.id
    }

    fileprivate static func witnesses(in path: String) throws -> [AuditVerifier.Witness] {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw CommandFailure(.usage, "cannot read the file of heads \(path)")
        }
        do {
            return try AuditLines.witnesses(in: data, name: path)
        } catch {
            throw CommandFailure(.usage, "\(path) is no file of heads: \(error.message)")
        }
    }

    fileprivate static func write(
        _ log: String, of installation: Installation, before end: UInt64, to handle: FileHandle
    ) async throws {
        var from: UInt64 = 0
        while true {
            let entries = try await installation.audit.file.entries(of: log, from: from, limit: 1000, matching: .init())
                .filter { $0.sequence < end }
            guard let last = entries.last else { return }
            for entry in entries {
                try handle.write(contentsOf: try EnrollmentJSON.encode(AuditRow(entry)) + Data("\n".utf8))
            }
            from = last.sequence + 1
        }
    }
}
