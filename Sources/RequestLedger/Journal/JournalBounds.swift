/// How much a connector's journal keeps.
public struct JournalBounds: Sendable, Equatable {
    /// How long a request is remembered; longer where its deadline is later.
    public var retention: Duration
    /// The most bytes of answers; beyond them the oldest go, those first that were confirmed, and the requests stay.
    public var answers: Int
    /// The most requests; beyond them no more begin.
    public var requests: Int
    /// The most bytes that the file may have.
    public var file: Int

    /// Makes bounds.
    public init(
        retention: Duration = .seconds(86_400), answers: Int = 64 << 20, requests: Int = 200_000, file: Int = 512 << 20
    ) {
        self.retention = retention
        self.answers = answers
        self.requests = requests
        self.file = file
    }
}
