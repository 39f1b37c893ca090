internal import RelayFormat

/// Which instance has what: a request by its id, an idempotency key by its digest.
///
/// It counts instances that are in the register, running or not: a key's home does not move because a process died, or
/// work that may run once could run at its next home again.
struct InstanceMap: Sendable {
    let instances: [InstanceRecord]

    /// Where a key is at home; nil when no instance takes keys.
    func home(of key: KeyDigest) -> InstanceRecord? { Self.home(of: key, among: instances.filter(\.takesKeys)) }

    /// Where a key was at home before instances came and went, the latest home first; removed ones not.
    ///
    /// - Parameter start: when the oldest key that still lives was used first.
    func formerHomes(of key: KeyDigest, since start: RelayTime) -> [InstanceRecord] {
        let changes = Set(
            instances.flatMap { [$0.addedAt, $0.retiredAt, $0.removedAt].compactMap { $0 } }.filter { $0 > start })
        var homes: [InstanceRecord] = []
        let present = home(of: key)
        for change in changes.sorted(by: >) {
            let candidates = instances.filter { $0.tookKeys(before: change) }
            guard let home = Self.home(of: key, among: candidates), home.removedAt == nil, home.id != present?.id,
                !homes.contains(where: { $0.id == home.id })
            else { continue }
            homes.append(home)
        }
        return homes
    }

    /// The instance whose request it is; nil when none is known that begins its ids so.
    func owner(of request: RequestID) -> InstanceRecord? {
        instances.first { $0.id.high >> 32 == request.high >> 32 }
    }

    private static func home(of key: KeyDigest, among candidates: [InstanceRecord]) -> InstanceRecord? {
        guard candidates.count > 1 else { return candidates.first }
        return candidates.map { (record: $0, score: key.score(of: $0.id)) }
            .max { ($0.score, $0.record.id.description) < ($1.score, $1.record.id.description) }?.record
    }
}
