internal import BrokerCore
internal import Connector
internal import EnrollmentClient
internal import EnrollmentProtocol
internal import IdentityStore
internal import RelayFormat
internal import RequestLedger

extension ConnectorRuntime {
    /// The status of the connector.
    func status() async -> ConnectorStatus {
        var status = await session.fullStatus(
            link: queue.connectivity, localDrift: clock.localDrift,
            certificateNotAfter: RFC3339.text(of: connection.identity.record.notAfter), journal: await journalStatus())
        status.tell(queue.place, advice: queue.advice)
        if let renewal { status.tell(ConnectorStatus.Certificate(await renewal.standing, at: clock.now)) }
        return status
    }

    /// What the journal holds; a disk that does not answer keeps nobody waiting.
    private func journalStatus() async -> ConnectorStatus.Journal? {
        guard let journal else { return nil }
        let answer = Mailbox<RelayTime?>()
        // Owned by this call: ends with the journal's answer.
        Task {
            answer.put([(try? await journal.oldestUnconfirmed()) ?? nil])
            answer.close()
        }
        // Owned by this call, which cancels it when the answer has come.
        let patience = Task {
            try await Task.sleep(for: .seconds(1))
            answer.close()
        }
        let oldest = await answer.take()?.first ?? nil
        patience.cancel()
        let now = clock.clock.now
        return ConnectorStatus.Journal(
            rows: journal.count, bytes: journal.bytes,
            oldestUnreceiptedSeconds: oldest.map { max(0, (now - $0) / .seconds(1)) })
    }
}
