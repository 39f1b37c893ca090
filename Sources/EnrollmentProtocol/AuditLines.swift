public import AuditLog
public import Foundation

/// Files of heads and of rows: JSON lines.
public enum AuditLines {
    /// Reads heads, each line `{"size":…,"root":"…"}`.
    ///
    /// - Parameter name: who has kept them, where a line does not say.
    public static func witnesses(
        in data: Data, name: String
    ) throws(EnrollmentProtocolError) -> [AuditVerifier.Witness] {
        var witnesses: [AuditVerifier.Witness] = []
        for line in try lines(of: data, as: AuditHeadReference.self) {
            guard let head = line.head else {
                throw EnrollmentProtocolError(.invalidField, "A root is 64 hexadecimal digits.", field: "root")
            }
            witnesses.append(.init(name: line.keptBy ?? name, head: head))
        }
        return witnesses
    }

    /// Reads an export.
    public static func rows(in data: Data) throws(EnrollmentProtocolError) -> [AuditRow] {
        try lines(of: data, as: AuditRow.self)
    }

    private static func lines<Line: Decodable>(
        of data: Data, as type: Line.Type
    ) throws(EnrollmentProtocolError) -> [Line] {
        var lines: [Line] = []
        for line in data.split(separator: UInt8(ascii: "\n")) {
            lines.append(try EnrollmentJSON.decode(type, from: Data(line)))
        }
        return lines
    }
}
