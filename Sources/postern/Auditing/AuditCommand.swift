internal import ArgumentParser
internal import AuditLog
internal import AuditStore
internal import EnrollmentClient
internal import EnrollmentProtocol
internal import Foundation
internal import IdentityStore
internal import Logging

/// `postern audit`.
struct AuditCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "audit", abstract: "What happened at this connector, and whether its log was changed.",
        discussion: """
            The log is append-only and chained by hashes. Its heads travel to the tenant in heartbeats and the tenant's
            come back, so that neither end can rewrite its own unnoticed. It works beside a running service.
            """,
        subcommands: [List.self, Verify.self, Export.self, Heads.self], defaultSubcommand: List.self)

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Lists what happened, oldest first.")
        @OptionGroup var state: StateOptions
        @Option(help: "Only the newest of them.") var last = 200
        @Option(help: "Rows of this action, as policy.deny, or of all that begin so, as policy.") var action: String?

        func run() async throws {
            try await report {
                var rows: [AuditEntry] = []
                try await AuditCommand.entries(state, .init(action: action)) { page in
                    rows += page
                    if rows.count > max(1, last) { rows.removeFirst(rows.count - max(1, last)) }
                }
                for row in rows { print(Self.line(row)) }
                if rows.isEmpty { print("nothing on record") }
            }
        }

        private static func line(_ row: AuditEntry) -> String {
            let event = row.event
            let time = Date(timeIntervalSince1970: Double(event.milliseconds) / 1000).formatted(.iso8601)
            let who = [event.actor.kind, event.actor.name.isEmpty ? event.actor.id : event.actor.name]
                .filter { !$0.isEmpty }.joined(separator: ":")
            let detail = event.detail.filter { !$0.value.isEmpty }.sorted { $0.key < $1.key }
                .map { "\($0.key)=\($0.value)" }.joined(separator: " ")
            return
                "\(row.sequence)  \(time)  \(who)  \(event.action)  \(event.subject)  \(event.outcome.rawValue)  \(detail)"
        }
    }

    struct Export: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Prints the log as JSON lines.",
            discussion: "'posternctl audit verify --log FILE --connector ID' compares it with what the tenant has kept."
        )
        @OptionGroup var state: StateOptions

        func run() async throws {
            try await report {
                try await AuditCommand.entries(state, .init()) { page in
                    for entry in page {
                        try FileHandle.standardOutput.write(
                            contentsOf: try EnrollmentJSON.encode(AuditRow(entry)) + Data("\n".utf8))
                    }
                }
            }
        }
    }

    struct Heads: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Prints the heads of the tenant's log that are kept here, as JSON lines.",
            discussion: "'posternctl audit verify --head FILE' compares the tenant's log with them.")
        @OptionGroup var state: StateOptions
        @Flag(help: "The head of this connector's own log instead, to be kept elsewhere.") var own = false

        func run() async throws {
            try await report {
                let audit = try await AuditCommand.open(state)
                var heads: [AuditHeadReference] = []
                if own {
                    heads = [AuditHeadReference(try await audit.trail.file.head(of: ConnectorAudit.log))]
                } else {
                    try await AuditCommand.entries(state, .init(action: "audit.head")) { page in
                        for entry in page { heads += [AuditCommand.reference(entry)].compactMap { $0 } }
                    }
                    heads += try await audit.trail.file.peerHeads(in: ConnectorAudit.log, limit: 100)
                        .map { AuditHeadReference($0.head, keptBy: "the connector", of: $0.peer) }
                }
                for head in heads { print(String(decoding: try EnrollmentJSON.encode(head), as: UTF8.self)) }
                await audit.trail.file.close()
            }
        }
    }

    struct Verify: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Finds the first row that is not as it was written.",
            discussion: """
                Reads the whole log, hashes every row anew, and compares with the head that the tenant keeps, which it
                asks for unless told --offline. --head adds heads from a file, as 'posternctl audit heads' prints them.

                Exit codes: 0 all rows are right; 1 a row was edited, deleted or moved, or the log rewritten.
                """)
        @OptionGroup var state: StateOptions
        @Option(help: "A file of heads, JSON lines; may be repeated.") var head: [String] = []
        @Flag(help: "Do not ask the tenant.") var offline = false

        func run() async throws {
            try await report {
                var witnesses: [AuditVerifier.Witness] = []
                for path in head { witnesses += try Self.read(path) }
                if !offline { witnesses += try await askTenant() }
                let audit = try await AuditCommand.open(state)
                let found = try await audit.trail.file.verify(ConnectorAudit.log, witnesses: witnesses)
                await audit.trail.file.close()
                print("\(found.size) rows are as they were written, root \(found.root)")
                print(
                    witnesses.isEmpty
                        ? "no head of the other end was there to compare with; --head FILE adds some"
                        : "heads compared: \(witnesses.count), the longest of \(witnesses.map(\.head.size).max() ?? 0) rows"
                )
            }
        }

        private func askTenant() async throws -> [AuditVerifier.Witness] {
            guard let identity = try state.store.load() else { return [] }
            let network = try NetworkSettings.fromEnvironment()
            let http = try TenantHTTPClient(
                identity: identity, proxies: network.proxies, systemAuthorityFile: network.authorityFile)
            do {
                let answer = try await http.use { http async throws(EnrollmentClientError) in
                    try await EnrollmentCalls.registered(over: http).ownState()
                }
                return answer.auditHead.flatMap(\.head).map { [.init(name: "the tenant", head: $0)] } ?? []
            } catch {
                throw EnrollmentClientError(
                    error.code, "The tenant could not be asked for the head that it keeps: \(error.message)",
                    advice: "With --offline the log is verified by itself. \(error.advice)", problem: error.problem)
            }
        }

        private static func read(_ path: String) throws -> [AuditVerifier.Witness] {
            guard let data = FileManager.default.contents(atPath: path) else {
                throw CommandFailure(
                    .usage, "cannot read the file of heads \(path)", advice: "Look whether the file is there.")
            }
            do {
                return try AuditLines.witnesses(in: data, name: path)
            } catch {
                throw CommandFailure(
                    .usage, "\(path) is no file of heads: \(error.message)",
                    advice: "'posternctl audit heads' prints one.")
            }
        }
    }

    fileprivate static func open(_ state: StateOptions) async throws -> ConnectorAudit {
        guard FileManager.default.fileExists(atPath: state.audit) else {
            throw CommandFailure(
                .notRegistered, "nothing is on record in \(state.stateDir)",
                advice: "Name the state folder with --state-dir.", reason: "no-audit")
        }
        return try await ConnectorAudit.open(state, logger: Logger(label: "postern"))
    }

    fileprivate static func entries(
        _ state: StateOptions, _ filter: AuditFile.Filter, _ take: ([AuditEntry]) throws -> Void
    ) async throws {
        let audit = try await open(state)
        var from: UInt64 = 0
        while true {
            let page = try await audit.trail.file.entries(
                of: ConnectorAudit.log, from: from, limit: 1000, matching: filter)
            guard let last = page.last else { break }
            try take(page)
            from = last.sequence + 1
        }
        await audit.trail.file.close()
    }

    fileprivate static func reference(_ entry: AuditEntry) -> AuditHeadReference? {
        guard let size = entry.event.detail["size"].flatMap({ UInt64($0) }),
            let root = entry.event.detail["root"].flatMap({ AuditHash(hex: $0) })
        else { return nil }
        return AuditHeadReference(
            AuditHead(size: size, root: root), keptBy: "row \(entry.sequence) of the connector's log",
            of: entry.event.actor.id)
    }
}
