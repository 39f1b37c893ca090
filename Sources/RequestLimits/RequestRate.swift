/// How many requests somebody may make.
public struct RequestRate: Sendable, Equatable {
    /// For how long it goes on.
    public var perSecond: Double
    /// How many may come at once after a pause.
    public var burst: Double

    /// Describes a rate; both numbers are positive.
    public init(perSecond: Double, burst: Double) {
        self.perSecond = perSecond
        self.burst = burst
    }
}

extension RequestRate: Codable {
    enum CodingKeys: String, CodingKey, CaseIterable {
        case burst
        case perSecond = "per_second"
    }

    /// Reads a rate; an unknown field is refused by name.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.strictContainer(CodingKeys.self)
        self.init(
            perSecond: try container.positive(.perSecond) ?? 0, burst: try container.positive(.burst, least: 1) ?? 0)
        guard perSecond > 0, burst > 0 else {
            throw DecodingError.dataCorrupted(
                .init(codingPath: decoder.codingPath, debugDescription: "“per_second” and “burst” are both needed"))
        }
    }
}
