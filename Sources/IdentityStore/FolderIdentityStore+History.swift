internal import EnrollmentProtocol
internal import Foundation

extension FolderIdentityStore {
    static let historyFile = "renewals.json"

    /// The last renewals; empty when there were none, or the file cannot be understood.
    public func renewalHistory() throws(IdentityStoreError) -> RenewalHistory {
        guard folder.exists, let bytes = try folder.read(Self.historyFile),
            let history = try? EnrollmentJSON.decode(RenewalHistory.self, from: Data(bytes))
        else { return RenewalHistory() }
        return history
    }

    /// Adds a renewal to the history.
    public func note(_ entry: RenewalHistory.Entry) throws(IdentityStoreError) {
        var history = try renewalHistory()
        history.add(entry)
        try folder.write(text(of: history), to: Self.historyFile)
    }
}
