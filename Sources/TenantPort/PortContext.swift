public import Hummingbird
internal import Logging
public import NIOCore
internal import NIOSSL

/// What every request at the tenant's port carries: its id, its channel, and through that the client's certificate.
public struct PortContext: RequestContext {
    public var coreContext: CoreRequestContextStorage
    /// The connection; asked for the client certificate on every request, since a resumed session skips the handshake.
    public let channel: any Channel
    /// Whether the request only asks which methods its path has; `ProblemMiddleware` answers it before any handler.
    var isProbe = false

    /// The id under which logs, answers and problems name this request.
    public let requestID: String

    /// Takes the channel over from the connection.
    ///
    /// Hummingbird's `id` lives in the logger alone and is a trap where the log handler keeps no metadata.
    public init(source: ApplicationRequestContextSource) {
        coreContext = CoreRequestContextStorage(source: source)
        channel = source.channel
        requestID = source.logger[metadataKey: "hb.request.id"]?.description ?? RequestID().description
    }

    /// The address of the other end, without its port; "-" where there is none.
    public var clientAddress: String { channel.remoteAddress?.ipAddress ?? "-" }

    /// The certificate that the client showed and proved to hold the key of, in DER; nil without one.
    ///
    /// It proves a key, nothing else: whether the certificate is ours, valid and not revoked is judged for each request.
    public func clientCertificate() async -> [UInt8]? {
        guard let certificate = try? await channel.nioSSL_peerCertificate().get() else { return nil }
        return try? certificate.toDERBytes()
    }
}
