internal import HummingbirdCore
internal import Logging
internal import NIOCore
internal import NIOHTTP1
internal import NIOHTTPTypes
internal import NIOHTTPTypesHTTP1
internal import NIOSSL
internal import NIOWebSocket

/// Sets one connection up: TLS, then HTTP/1.1 for the router or, at one path, a WebSocket for the link.
///
/// The TLS layer takes **any** client certificate. The handshake proves that the client holds its key, and that is all
/// it can prove for good: whether the certificate is ours, valid and not revoked is judged by the application for each
/// request, because a resumed session skips the handshake's callback, a revocation must also reach open connections, and
/// a refusal in the handshake would be an alert without a text where a problem can say what to do.
struct UpgradableChannel: HTTPChannelHandler {
    enum Upgraded: Sendable {
        case http(NIOAsyncChannel<HTTPRequestPart, HTTPResponsePart>)
        case webSocket
    }

    struct Value: ServerChildChannelValue {
        let channel: any Channel
        let upgraded: EventLoopFuture<Upgraded>
    }

    let responder: HTTPChannelHandler.Responder
    let context: NIOSSLContext
    let configuration: PortService.Configuration
    let upgrade: PortUpgrade?
    let requests: RequestGauge

    func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Value> {
        channel.eventLoop.makeCompletedFuture {
            try channel.pipeline.syncOperations.addHandler(
                NIOSSLServerHandler(
                    context: context,
                    customVerificationCallback: { _, promise in promise.succeed(.certificateVerified) }))
            return Value(channel: channel, upgraded: try addHandlers(to: channel, logger: logger))
        }
    }

    /// Adds all that stands behind TLS; the result is there when the first request has decided what the connection is.
    func addHandlers(to channel: any Channel, logger: Logger) throws -> EventLoopFuture<Upgraded> {
        let hold = ShutdownHold()
        let encoder = HTTPResponseEncoder()
        let decoder = ByteToMessageHandler(
            HTTPRequestDecoder(leftOverBytesStrategy: .forwardBytes, limitConfiguration: headLimits))
        let gate = UpgradeGate(timeout: TimeAmount(configuration.firstRequestTimeout), upgrade: upgrade, hold: hold)
        let upgrader = NIOTypedHTTPServerUpgradeHandler(
            httpEncoder: encoder, extraHTTPHandlers: [decoder, gate],
            upgradeConfiguration: NIOTypedHTTPServerUpgradeConfiguration<Upgraded>(
                upgraders: upgrade.map { [webSocketUpgrader($0)] } ?? [],
                notUpgradingCompletionHandler: { channel in setUpHTTP(channel, logger: logger) }))
        try channel.pipeline.syncOperations.addHandlers([hold, encoder, decoder, gate, upgrader])
        let upgraded = upgrader.upgradeResultFuture
        // One turn later: the upgrade handler still has to pass on what it kept, and that is part of the first request.
        upgraded.assumeIsolated().whenSuccess { _ in
            channel.eventLoop.assumeIsolated().execute { hold.complete() }
        }
        return upgraded
    }

    func handle(value: Value, logger: Logger) async {
        do {
            switch try await value.upgraded.get() {
            case .http(let channel): await handleHTTP(asyncChannel: channel, logger: logger)
            case .webSocket: try await value.channel.closeFuture.get()
            }
        } catch {
            // A failed upgrade leaves the channel open.
            value.channel.close(promise: nil)
        }
    }

    private var headLimits: NIOHTTPDecoderLimitConfiguration {
        var limits = NIOHTTPDecoderLimitConfiguration()
        limits.maxHeaderFieldSize = configuration.largestHead
        limits.maxHeaderListSize = configuration.largestHead
        return limits
    }

    private func webSocketUpgrader(_ upgrade: PortUpgrade) -> NIOTypedWebSocketServerUpgrader<Upgraded> {
        NIOTypedWebSocketServerUpgrader(
            maxFrameSize: configuration.largestFrame,
            // Never nil: the gate has decided before.
            shouldUpgrade: { channel, _ in channel.eventLoop.makeSucceededFuture(HTTPHeaders()) },
            upgradePipelineHandler: { channel, head in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(
                        UpgradedChannelGuard(
                            requests: requests, drainTimeout: TimeAmount(configuration.drainTimeout)))
                }.flatMap {
                    upgrade.handler(channel, head)
                }.map { .webSocket }
            })
    }

    private func setUpHTTP(_ channel: any Channel, logger: Logger) -> EventLoopFuture<Upgraded> {
        channel.eventLoop.makeCompletedFuture {
            let pipeline = channel.pipeline.syncOperations
            try pipeline.addHandler(HTTP1ToHTTPServerCodec(secure: true))
            try pipeline.addHandler(
                RequestGuard(
                    bodyTimeout: TimeAmount(configuration.bodyTimeout),
                    drainTimeout: TimeAmount(configuration.drainTimeout)))
            try pipeline.addHandler(HTTPConnectionStateHandler(idleTimeout: configuration.idleTimeout, logger: logger))
            return .http(
                try NIOAsyncChannel(
                    wrappingChannelSynchronously: channel, configuration: .init(isOutboundHalfClosureEnabled: true)))
        }
    }
}
