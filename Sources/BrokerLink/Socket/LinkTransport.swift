#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif
internal import NIOCore

/// How the connection under a link is set.
enum LinkTransport {
    /// Keeps what has not been sent in this process, where beats pass bodies, and out of the kernel, where they cannot.
    static let unsentLimit = ChannelOptions.Types.SocketOption(
        level: .tcp, name: NIOBSDSocket.Option(rawValue: TCP_NOTSENT_LOWAT))
    /// In bytes.
    static let unsentBytes: SocketOptionValue = 64 << 10
}
