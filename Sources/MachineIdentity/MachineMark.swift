internal import Crypto

/// A hash that stands for the computer a connector runs on, by which a copy on another one shows.
public enum MachineMark {
    /// SHA-256 over the system's machine id and the connector's id, hex; nil without a machine id.
    ///
    /// It says nothing of the machine id, and differs between two connectors of one machine.
    public static func make(machineID: String, connector: String) -> String? {
        let id = machineID.split(whereSeparator: \.isWhitespace).first ?? ""
        guard !id.isEmpty else { return nil }
        let bytes = Array("postern machine v1".utf8) + [0] + Array(id.utf8) + [0] + Array(connector.utf8)
        let digits = Array("0123456789abcdef".utf8)
        return String(
            decoding: SHA256.hash(data: bytes).flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] },
            as: UTF8.self)
    }
}
