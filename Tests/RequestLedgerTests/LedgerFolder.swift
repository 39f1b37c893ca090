import Foundation
import GRDB
import Logging
import RelayDelivery
import RelayFormat
import RequestLedger

/// A folder with the file of one ledger.
struct LedgerFolder: Sendable {
    let path: String

    init() throws {
        path = NSTemporaryDirectory() + "postern-ledger-" + BootID.random().description
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    /// Finds the folder that another process has made.
    init(path: String) {
        self.path = path
    }

    var file: String { path + "/ledger.sqlite" }

    /// Where a process that is going to be killed notes what was confirmed.
    var witness: String { path + "/confirmed" }

    func open(bounds: LedgerBounds = LedgerBounds()) async throws -> SubmissionLedger {
        try await SubmissionLedger.open(
            path: file, bounds: bounds, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    }

    /// Copies the file and its log as they are, which is what a process leaves that is killed now.
    func copyAsKilled() throws -> LedgerFolder {
        let copy = try LedgerFolder()
        for suffix in ["", "-wal"] where FileManager.default.fileExists(atPath: file + suffix) {
            try FileManager.default.copyItem(atPath: file + suffix, toPath: copy.file + suffix)
        }
        return copy
    }

    /// Looks at the file with a connection of its own.
    func read<Value: Sendable>(_ body: @escaping @Sendable (Database) throws -> Value) async throws -> Value {
        var configuration = Configuration()
        configuration.readonly = true
        let database = try DatabaseQueue(path: file, configuration: configuration)
        defer { try? database.close() }
        return try await database.read { try body($0) }
    }

    func integrity() async throws -> String? {
        try await read { try String.fetchOne($0, sql: "PRAGMA integrity_check") }
    }

    func remove() {
        try? FileManager.default.removeItem(atPath: path)
    }
}

extension RelayTime {
    /// A moment on the tests' clock.
    static func at(_ seconds: UInt64) -> RelayTime { RelayTime(milliseconds: 1_800_000_000_000 + seconds * 1000) }
}

extension DurableRequest {
    /// A request as a dispatcher submits it.
    static func sample(
        tenant: TenantID, group: GroupID = .none, service: String = "orders", caller: String = "k1",
        key: String? = nil, body: [UInt8] = Array("three nails".utf8), at moment: RelayTime = .at(0),
        webhook: String? = nil
    ) -> DurableRequest {
        DurableRequest(
            id: .random(), tenant: tenant, group: group, groupName: "site", service: service, caller: caller,
            idempotencyKey: key, fingerprint: Array(body.prefix(8)),
            operation: .http(
                HTTPRequestContent(
                    method: "POST", target: "/orders?x=1", headers: [HTTPHeaderField("Accept", "*/*")],
                    body: body[...])),
            parkUntil: moment + .seconds(60), submittedAt: moment, webhook: webhook,
            progress: RequestProgress(
                standing: .waiting, requestClass: .once, attempt: 0, losses: 0, deadline: moment + .seconds(3600),
                holder: nil),
            events: [RequestEvent(at: moment, .submitted, detail: "by k1")])
    }

    /// A change of it.
    func change(
        _ standing: RequestProgress.Standing = .granted, events: [RequestEvent] = [], ending: RequestEnding? = nil
    ) -> LedgerChange {
        var progress = progress
        progress.standing = standing
        progress.attempt = 1
        progress.holder = .init(member: .init(high: 7, low: 8), boot: .init(high: 9, low: 10), name: "gw-1")
        return LedgerChange(id: id, progress: progress, events: events, ending: ending)
    }

    /// The end of it with an answer.
    func answered(_ body: String = "done", at moment: RelayTime = .at(5)) -> LedgerChange {
        let content = HTTPResponseContent(
            status: 201, headers: [HTTPHeaderField("Location", "/orders/1")], body: Array(body.utf8)[...])
        return change(
            events: [RequestEvent(at: moment, .answered, attempt: 1, connector: "gw-1", detail: "201")],
            ending: RequestEnding(
                .http(content), connector: .init(high: 7, low: 8), connectorName: "gw-1", attempt: 1, at: moment))
    }

    /// The end of it with a failure.
    func failed(
        _ code: RequestFailure.Code, standing: RequestProgress.Standing = .granted, at moment: RelayTime = .at(5)
    ) -> LedgerChange {
        change(standing, ending: RequestEnding(.failed(.init(code, "as seen")), attempt: 1, at: moment))
    }
}
