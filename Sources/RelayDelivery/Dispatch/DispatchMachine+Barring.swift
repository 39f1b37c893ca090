public import RelayFormat

/// Who is shut out by the tenant.
///
/// The broker closes the links of those; what it had taken of them before may still be on its way to here.
extension DispatchMachine {
    /// How many are remembered; the broker does not let the others in either.
    private static var mostBarred: Int { 10_000 }

    /// A connector was revoked or frozen: what it has goes to others or is unknown at once, and nothing that it says
    /// counts any more.
    public mutating func shutOut(_ member: MemberID, at now: Moment) -> [Action] {
        if barred.count >= Self.mostBarred { barred.removeFirst() }
        barred.insert(member)
        return follow(presence.revoked(member, at: now.steady), at: now)
    }

    /// A frozen connector may come back; it counts as there from its next beat on.
    public mutating func readmit(_ member: MemberID) {
        barred.remove(member)
    }

    /// Whether what a connector says counts.
    public func hears(_ member: MemberID) -> Bool {
        barred.isEmpty || !barred.contains(member)
    }
}
