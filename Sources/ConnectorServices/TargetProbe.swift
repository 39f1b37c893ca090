public import Foundation
internal import NIOCore
internal import NIOPosix
internal import NIOSSL
internal import NIOTLS

/// Looks whether a service's target can be reached: by TCP, and by TLS as the service itself would check it.
///
/// Nothing is asked of the service.
public struct TargetProbe: Sendable {
    private let target: URL
    private let timeout: TimeAmount

    /// Why a target cannot be reached, for people.
    public struct Failure: Error, CustomStringConvertible {
        public let description: String
    }

    /// Prepares a look at a target.
    public init(_ target: URL, timeout: Duration) {
        self.target = target
        self.timeout = TimeAmount(timeout)
    }

    /// The host and port of the target.
    public var place: String {
        let host = target.host ?? ""
        return (host.contains(":") && !host.hasPrefix("[") ? "[\(host)]" : host) + ":\(port)"
    }

    /// Connects and closes.
    ///
    /// - Returns: how long connecting took.
    public func run() async throws(Failure) -> Duration {
        let begun = ContinuousClock.now
        do {
            let host = (target.host ?? "").trimmingCharacters(in: CharacterSet(charactersIn: "[]"))
            let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .connectTimeout(timeout).connect(host: host, port: port).get()
            do {
                if target.scheme == "https" { try await handshake(on: channel, host: host) }
                channel.close(promise: nil)
            } catch {
                channel.close(promise: nil)
                throw error
            }
        } catch {
            throw Failure(description: Self.words(of: error))
        }
        return ContinuousClock.now - begun
    }

    private var port: Int { target.port ?? (target.scheme == "https" ? 443 : 80) }

    private func handshake(on channel: any Channel, host: String) async throws {
        let isAddress = (try? SocketAddress(ipAddress: host, port: 0)) != nil
        let context = try NIOSSLContext(configuration: .makeClientConfiguration())
        let done = channel.eventLoop.makePromise(of: Void.self)
        let deadline = channel.eventLoop.scheduleTask(in: timeout) { done.fail(ChannelError.connectTimeout(timeout)) }
        done.futureResult.whenComplete { _ in deadline.cancel() }
        try await channel.eventLoop.submit {
            let sync = channel.pipeline.syncOperations
            try sync.addHandler(NIOSSLClientHandler(context: context, serverHostname: isAddress ? nil : host))
            try sync.addHandler(HandshakeWatch(done: done))
        }.get()
        try await done.futureResult.get()
    }

    private static func words(of error: any Error) -> String {
        switch error {
        case let error as NIOConnectionError where error.connectionErrors.isEmpty: return "the name has no address"
        case let error as NIOConnectionError: return words(of: error.connectionErrors.last?.error ?? ChannelError.eof)
        case let error as IOError: return String(cString: strerror(error.errnoCode))
        case ChannelError.connectTimeout: return "no answer in time"
        default:
            let text = String(describing: error)
            return text.contains("CERTIFICATE_VERIFY_FAILED")
                ? "its TLS certificate is not trusted" : String(text.prefix(200))
        }
    }

    /// Tells when TLS stands, or that it will not.
    private final class HandshakeWatch: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        private let done: EventLoopPromise<Void>

        init(done: EventLoopPromise<Void>) { self.done = done }

        func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
            if case .handshakeCompleted = event as? TLSUserEvent { done.succeed() }
            context.fireUserInboundEventTriggered(event)
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) { done.fail(error) }

        func channelInactive(context: ChannelHandlerContext) { done.fail(ChannelError.eof) }
    }
}
