/// Sizes that both sides hold each other to.
public enum RelayLimits {
    /// The largest request or response body that travels inside a message, in bytes.
    public static let inlineBody = 256 * 1024
    /// The most bytes that all header fields of a relayed HTTP message may take together.
    public static let httpHeaders = 32 * 1024
    /// The longest request target (path and query) in bytes.
    public static let requestTarget = 8 * 1024
    /// The largest message in bytes: an inline body with its headers, and room for the format.
    public static let message = inlineBody + httpHeaders + requestTarget + 8 * 1024
    /// The largest message in bytes once it is sealed: padded to whole steps of 80 KiB, with commitment, tag and proof.
    public static let sealedMessage = 320 * 1024 + 1024
    /// The longest time for which one dispatch may wait in a queue.
    public static let dispatch = Duration.seconds(600)
    /// The longest name of a service in bytes.
    public static let serviceName = 64
    /// The most services that one connector offers.
    public static let services = 1024
    /// The longest note of a pause or a drain in bytes.
    public static let note = 512
}
