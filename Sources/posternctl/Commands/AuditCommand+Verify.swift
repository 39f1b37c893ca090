internal import ArgumentParser
internal import AuditLog
internal import EnrollmentProtocol
internal import Foundation

extension AuditCommand {
    struct Verify: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Finds the first row that is not as it was written.",
            discussion: """
                Reads the tenant's whole log, hashes every row anew, and compares with the heads that connectors say to
                keep. --head adds heads from a file, as 'postern audit heads' prints them at a connector: with those it
                does not depend on what the tenant says.

                With --log it verifies an export instead, and needs no tenant for it: of this tenant, or with --connector
                one that 'postern audit export' made at that connector, compared with the heads that the tenant keeps.

                Exit codes: 0 all rows are right; 7 a row was edited, deleted or moved, or the log rewritten.
                """)
        @Option(help: "A file of heads, JSON lines; may be repeated.") var head: [String] = []
        @Option(help: "An export to be verified in place of the tenant's log.") var log: String?
        @Option(help: "The id of the connector whose export it is.") var connector: String?

        func validate() throws {
            if connector != nil, log == nil { throw ValidationError("--connector needs --log FILE") }
        }

        func run() async throws {
            try await report {
                var witnesses: [AuditVerifier.Witness] = []
                for path in head {
                    witnesses += try AuditCommand.lines(path) { try AuditLines.witnesses(in: $0, name: path) }
                }
                if let log {
                    let rows = try AuditCommand.lines(log) { try AuditLines.rows(in: $0) }
                    if let connector {
                        let kept = try await TenantAPI.loggedIn { api in
                            let answer: AuditHeadAnswer = try await api.get(APIPath.auditHead)
                            return try await api.keptHeads(of: connector)
                                + answer.connectors.filter { $0.of == connector }
                        }
                        witnesses += kept.compactMap { reference in
                            reference.head.map { .init(name: reference.keptBy ?? "the tenant", head: $0) }
                        }
                    }
                    var verifier = AuditVerifier(witnesses: witnesses)
                    for row in rows { try verifier.take(AuditCommand.stored(row)) }
                    return AuditCommand.tell(try verifier.finish(), witnesses)
                }
                try await verifyTenant(witnesses)
            }
        }

        private func verifyTenant(_ given: [AuditVerifier.Witness]) async throws {
            try await TenantAPI.loggedIn { api in
                // Asked first: what is added meanwhile belongs to a later head.
                let answer: AuditHeadAnswer = try await api.get(APIPath.auditHead)
                guard let stored = answer.head.head else {
                    throw CommandFailure(.unexpected, "the tenant's head cannot be read")
                }
                let witnesses =
                    given
                    + answer.witnesses.compactMap { reference in
                        reference.head.map { .init(name: "connector \(reference.keptBy ?? "-")", head: $0) }
                    }
                var verifier = AuditVerifier(
                    witnesses: witnesses.filter { $0.head.size <= stored.size || given.contains($0) })
                try await api.auditRows("") { rows in
                    for row in rows where verifier.size < stored.size { try verifier.take(AuditCommand.stored(row)) }
                }
                AuditCommand.tell(try verifier.finish(stored: stored), witnesses)
            }
        }
    }

    fileprivate static func stored(_ row: AuditRow) throws -> AuditVerifier.StoredRow {
        guard let stored = row.stored else { throw AuditVerifier.Finding.unreadable(row: row.sequence) }
        return stored
    }

    fileprivate static func tell(_ head: AuditHead, _ witnesses: [AuditVerifier.Witness]) {
        print("\(head.size) rows are as they were written, root \(head.root)")
        print(
            witnesses.isEmpty
                ? "no head of the other end was there to compare with; --head FILE adds some"
                : "heads compared: \(witnesses.count), the longest of \(witnesses.map(\.head.size).max() ?? 0) rows")
    }

    fileprivate static func lines<Value>(_ path: String, _ read: (Data) throws -> Value) throws -> Value {
        let data =
            path == "-" ? try? FileHandle.standardInput.readToEnd() : FileManager.default.contents(atPath: path)
        guard let data else { throw CommandFailure(.usage, "cannot read the file \(path)") }
        do {
            return try read(data)
        } catch let error as EnrollmentProtocolError {
            throw CommandFailure(.usage, "\(path): \(error.message)")
        }
    }
}
