/// A port of this machine alone, as `127.0.0.1:9464`, `[::1]:9464` or `localhost:9464`.
public struct LoopbackAddress: Sendable, Equatable, CustomStringConvertible {
    /// The address without brackets.
    public let host: String
    /// The port.
    public let port: Int

    /// Reads an address; throws for one that others could reach, and for what is none.
    public init(_ text: String) throws(MetricsExportError) {
        guard let colon = text.lastIndex(of: ":"), let port = Int(text[text.index(after: colon)...]),
            (1...65_535).contains(port)
        else { throw MetricsExportError("\"\(text)\" is no address with a port, as in 127.0.0.1:9464") }
        let host = text[..<colon]
        let octets = host.split(separator: ".", omittingEmptySubsequences: false)
        let isFourth = octets.count == 4 && octets.first == "127" && octets.allSatisfy { UInt8($0) != nil }
        guard isFourth || host == "[::1]" || host == "localhost" else {
            throw MetricsExportError(
                "\"\(text)\" is not of this machine alone: metrics are served on 127.0.0.1, [::1] or localhost, and what"
                    + " reads them from afar has an agent here")
        }
        self.host = host == "[::1]" ? "::1" : host == "localhost" ? "127.0.0.1" : String(host)
        self.port = port
    }

    public var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}
