internal import ArgumentParser
internal import EnrollmentProtocol
internal import EnrollmentService
internal import Foundation
internal import RelayDelivery
internal import RelayFormat
internal import RequestLedger

/// `postern-tenant instances`.
struct InstancesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "instances", abstract: "The dispatchers of the installation, side by side.",
        discussion: """
            'postern-tenant serve --roles dispatcher --instance NAME' adds one beside the first, which is named default.
            Each has a ledger of its own; callers may ask any of them. Documentation/Operating.md has the rest.
            """,
        subcommands: [List.self, Retire.self, Remove.self], defaultSubcommand: List.self)

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Lists them, removed ones too.")
        @OptionGroup var state: StateOptions
        @Flag(help: "Print JSON, with the identity keys.") var json = false

        func run() async throws {
            try await report {
                let installation = try await Installation.open(state.folder)
                let instances = try await InstanceRegister(installation).all()
                if json {
                    let keys = try await installation.dispatcherKeys()
                    let encoder = JSONEncoder()
                    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
                    encoder.dateEncodingStrategy = .iso8601
                    let rows = instances.map { Row($0, key: keys["\($0.id)"], at: .now) }
                    return print(String(decoding: try encoder.encode(rows), as: UTF8.self))
                }
                guard !instances.isEmpty else { return print("No dispatcher has run yet.") }
                for instance in instances {
                    let row = Row(instance, key: nil, at: .now)
                    let parts = [
                        row.name, row.state, row.address ?? "-",
                        instance.seenAt.map { "seen \(RFC3339.text(of: $0))" } ?? "never seen",
                        row.slot.map { "inbox \($0)" } ?? "",
                    ]
                    print(parts.filter { !$0.isEmpty }.joined(separator: "\t"))
                }
            }
        }

        /// An instance in JSON.
        private struct Row: Encodable {
            let name, id, state: String
            let address, version: String?
            let added: Date
            let seen, retired, removed: Date?
            let slot: Int32?
            /// Compressed, as `key-authority.json` has it.
            let identityKey: Data?

            init(_ instance: DispatcherInstance, key: [UInt8]?, at now: Date) {
                name = instance.name
                id = "\(instance.id)"
                state =
                    instance.removedAt != nil
                    ? "removed"
                    : (instance.isRunning(at: now) ? "running" : "not running")
                        + (instance.retiredAt == nil ? "" : ", retired")
                address = instance.address
                version = instance.version
                added = instance.addedAt
                seen = instance.seenAt
                retired = instance.retiredAt
                removed = instance.removedAt
                slot = instance.slot
                identityKey = key.map { Data($0) }
            }

            enum CodingKeys: String, CodingKey {
                case name, id, state, address, version, added, seen, retired, removed, slot
                case identityKey = "identity_key"
            }
        }
    }

    struct Retire: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Has an instance take no new idempotency keys; it goes on with all else.",
            discussion: """
                The first step to remove one without a gap in 'the same key is the same request': new keys go to the
                others, who ask it about those that it may know. Let it run until its ledger holds nothing more, which
                'instances remove' tells, then stop and remove it.
                """)
        @OptionGroup var state: StateOptions
        @Argument(help: "The instance's name.") var name: String

        func run() async throws {
            try await report {
                let installation = try await Installation.open(state.folder)
                let register = InstanceRegister(installation)
                let others = try await register.all().filter {
                    $0.name != name && $0.retiredAt == nil && $0.removedAt == nil
                }
                guard !others.isEmpty else {
                    throw CommandFailure(
                        .usage, "\"\(name)\" is the last instance that takes keys; add another one first.")
                }
                _ = try await OperatorAct(installation: installation).perform(
                    "instances.retire", on: "instances/\(name)", { try await register.retire(name, at: .now) })
                print(
                    "\(name) takes no new idempotency keys; new ones go to \(others.map(\.name).joined(separator: ", "))."
                )
            }
        }
    }

    struct Remove: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Removes an instance for good; it must not run.",
            discussion: """
                It leaves all groups at once, its keys are erased, its name is given to no other. Its ledger stays on the
                disk, and nobody answers from it any more: its unfinished submissions never end, and what came under its
                idempotency keys is a new request when it comes again. So one that still has either is refused without
                --forget.
                """)
        @OptionGroup var state: StateOptions
        @Argument(help: "The instance's name.") var name: String
        @Flag(help: "Remove it with what its ledger still stands for.") var forget = false

        func run() async throws {
            try await report {
                let installation = try await Installation.open(state.folder)
                let register = InstanceRegister(installation)
                guard try await register.all().contains(where: { $0.name == name }) else {
                    throw CommandFailure(
                        .usage,
                        "there is no dispatcher instance \"\(name)\"; 'postern-tenant instances list' names them")
                }
                guard let lock = try register.lock(name) else {
                    throw CommandFailure(.usage, "\"\(name)\" is running: stop it first.")
                }
                let path = installation.ledgerPath(ofInstance: name)
                let now = RelayTime(milliseconds: UInt64(max(0, Date.now.timeIntervalSince1970 * 1000)))
                let remains = try await LedgerRemains.read(path: path, now: now)
                if let remains, !remains.isEmpty, !forget { throw Self.refusal(name, remains) }
                _ = try await OperatorAct(installation: installation).perform(
                    "instances.remove", on: "instances/\(name)",
                    detail: { _ in
                        ["open_requests": "\(remains?.open ?? 0)", "living_keys": "\(remains?.keys ?? 0)"]
                    }, { try await register.remove(name, at: .now) })
                withExtendedLifetime(lock) {}
                print("\(name) is removed; all groups get an epoch without it.")
                if remains != nil { print("Its ledger is still in \(path); nothing reads it any more.") }
            }
        }

        private static func refusal(_ name: String, _ remains: LedgerRemains) -> CommandFailure {
            let until = remains.keysUntil.map {
                ", those of ended requests until "
                    + RFC3339.text(of: Date(timeIntervalSince1970: Double($0.milliseconds) / 1000))
            }
            return CommandFailure(
                .usage,
                "the ledger of \"\(name)\" still has \(remains.open) requests that have not ended, and \(remains.keys)"
                    + " living idempotency keys\(until ?? ""). 'postern-tenant instances retire \(name)', let it run until"
                    + " then, and remove it; or give all of that up with --forget.")
        }
    }
}
