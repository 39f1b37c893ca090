internal import DurableFiles
internal import GRDB
internal import Logging
public import RelayDelivery
public import RelayFormat

/// A dispatcher's durable requests in one SQLite file.
///
/// Whatever is submitted and changed at the same time shares one flush. Reads have a connection of their own and see
/// all that was confirmed.
public final class SubmissionLedger: DispatchLedger {
    /// How much is kept, and for how long.
    public let bounds: LedgerBounds
    let writer: LedgerWriter
    let reader: DatabaseQueue
    let logger: Logger
    private let file: LedgerFile

    init(file: LedgerFile, writer: LedgerWriter, reader: DatabaseQueue, bounds: LedgerBounds, logger: Logger) {
        self.file = file
        self.writer = writer
        self.reader = reader
        self.bounds = bounds
        self.logger = logger
    }

    /// How many transactions were committed since the opening; far fewer than submissions when many come at a time.
    public var transactions: UInt64 { writer.transactions }

    /// How many requests are kept.
    public var count: Int { writer.size.requests }

    /// How many bytes they have with their results.
    public var bytes: Int { writer.size.bytes }

    public func countBoot() async throws(LedgerError) -> UInt64 {
        try await writer.perform(.change) { database, _ in
            try database.execute(sql: "UPDATE ledger SET boots = boots + 1")
            return .success(UInt64(clamping: try Int64.fetchOne(database, sql: "SELECT boots FROM ledger") ?? 0))
        }
    }

    public func submit(_ request: DurableRequest) async throws(LedgerError) -> LedgerAdmission {
        let operation = try Self.encode(request.operation)
        let bytes = operation.count + Database.bytesPerRequest
        let bounds = bounds
        return try await writer.perform(.submission, bytes: bytes) { database, size in
            if let key = request.idempotencyKey,
                let known = try database.findRequest(
                    tenant: request.tenant, caller: request.caller, service: request.service, key: key)
            {
                let isSame = known.fingerprint == request.fingerprint
                return .success(isSame ? .known(known.id) : .keyReused(known.id))
            }
            guard size.requests < bounds.requests, size.bytes + bytes <= bounds.bytes else {
                return .failure(
                    LedgerError(
                        .full, "the ledger keeps \(size.requests) requests of \(size.bytes) bytes and takes no more"))
            }
            try database.insert(request, operation: operation, bytes: bytes)
            size.requests += 1
            size.bytes += bytes
            return .success(.stored)
        }
    }

    public func record(_ changes: [LedgerChange]) async throws(LedgerError) {
        guard !changes.isEmpty else { return }
        let bounds = bounds
        try await writer.perform(.change, bytes: changes.reduce(0) { $0 + $1.sizeHint }) { database, size in
            for change in changes { try database.apply(change, bounds: bounds, size: &size) }
            return .success(())
        }
    }

    public func unfinished(of tenant: TenantID) async throws(LedgerError) -> [DurableRequest] {
        try await read { try $0.fetchUnfinished(of: tenant) }
    }

    public func request(_ id: RequestID, of tenant: TenantID) async throws(LedgerError) -> DurableRequest? {
        try await read { try $0.fetchRequest(id, of: tenant) }
    }

    public func request(
        underKey key: String, of caller: String, service: String, tenant: TenantID
    ) async throws(LedgerError) -> RequestID? {
        try await read { try $0.findRequest(tenant: tenant, caller: caller, service: service, key: key)?.id }
    }

    public func requests(
        of tenant: TenantID, matching filter: LedgerFilter
    ) async throws(LedgerError) -> [DurableRequest] {
        try await read { try $0.fetchRequests(of: tenant, matching: filter) }
    }

    /// Forgets what was kept long enough, little at a time, so that submissions go on in between.
    ///
    /// - Returns: how many requests were forgotten.
    @discardableResult
    public func sweep(now: RelayTime) async throws(LedgerError) -> Int {
        let batch = 64
        var total = 0
        while total < bounds.requests {
            let deleted = try await writer.perform(.sweep) { database, size in
                .success(try database.deleteKept(until: now, limit: batch, size: &size))
            }
            total += deleted
            if deleted < batch { break }
        }
        return total
    }

    /// Writes what is under way and closes the file.
    public func close() async {
        // The last to close a file puts its log into it, which a reader may not.
        await reader.closeQuietly("ledger.reader", logger: logger)
        await writer.close()
        file.unlock()
    }

    /// Reads on the reader's own queue, whether or not the caller's task was cancelled.
    func read<Value: Sendable>(
        _ body: @escaping @Sendable (Database) throws -> Value
    ) async throws(LedgerError) -> Value {
        let result: Result<Value, LedgerError> = await withCheckedContinuation { continuation in
            reader.asyncRead { database in
                do {
                    continuation.resume(returning: .success(try body(try database.get())))
                } catch {
                    continuation.resume(returning: .failure(LedgerError(error)))
                }
            }
        }
        return try result.get()
    }

    private static func encode(_ operation: RequestMessage.Operation) throws(LedgerError) -> [UInt8] {
        var writer = ByteWriter(capacity: operation.encodedSizeHint)
        do throws(RelayFormatError) {
            try operation.encode(into: &writer)
        } catch {
            throw LedgerError(.unavailable, "the request cannot be stored: \(error)")
        }
        return writer.finish()
    }
}

extension SubmissionLedger: WebhookLedger {
    public func dueDeliveries(
        at now: RelayTime, perWebhook: Int, limit: Int
    ) async throws(LedgerError) -> [WebhookDelivery] {
        try await read { try $0.fetchDueDeliveries(at: now, perWebhook: perWebhook, limit: limit) }
    }

    public func note(_ delivery: WebhookDelivery) async throws(LedgerError) {
        try await writer.perform(.delivery) { database, _ in .success(try database.update(delivery)) }
    }

    public func deliveries(
        of request: RequestID, in tenant: TenantID
    ) async throws(LedgerError) -> [WebhookDelivery] {
        try await read { try $0.fetchDeliveries(of: request, in: tenant) }
    }
}

extension LedgerChange {
    /// How many bytes it writes, roughly.
    fileprivate var sizeHint: Int {
        guard case .http(let content) = ending?.outcome else { return 512 }
        return 512 + content.encodedSizeHint
    }
}
