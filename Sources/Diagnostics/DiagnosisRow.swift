/// One line of a diagnosis.
public struct DiagnosisRow: Sendable, Equatable, Encodable {
    /// What was looked at.
    public let check: DiagnosisCheck
    /// How it ended.
    public let finding: DiagnosisFinding
    /// How long it took, in milliseconds; nil if nobody looked.
    public let milliseconds: Double?

    /// Makes a row.
    public init(check: DiagnosisCheck, finding: DiagnosisFinding, milliseconds: Double?) {
        self.check = check
        self.finding = finding
        self.milliseconds = milliseconds
    }

    private enum CodingKeys: String, CodingKey { case check, status, note, fix, milliseconds }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(check.rawValue, forKey: .check)
        try container.encode(finding.status.rawValue, forKey: .status)
        try container.encode(finding.note, forKey: .note)
        try container.encode(finding.fix, forKey: .fix)
        try container.encodeIfPresent(milliseconds, forKey: .milliseconds)
    }
}
