import NIOCore
import NIOPosix
import NIOSSL
import TestCertificates

/// A TLS connection that sends and receives bytes as they are.
final class RawClient: Sendable {
    private let channel: NIOAsyncChannel<ByteBuffer, ByteBuffer>

    init(_ stage: PortStage, tls: TLSConfiguration? = nil) async throws {
        var configuration = try tls ?? stage.authority.clientTLS()
        configuration.shutdownTimeout = .milliseconds(50)
        let context = try NIOSSLContext(configuration: configuration)
        channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connect(host: "127.0.0.1", port: stage.port) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(
                        NIOSSLClientHandler(context: context, serverHostname: nil))
                    return try NIOAsyncChannel(wrappingChannelSynchronously: channel)
                }
            }
    }

    /// Sends texts one by one and reads until the condition holds or the connection ends; gives back all that was read.
    func talk(_ texts: String..., until condition: @escaping @Sendable (String) -> Bool) async throws -> String {
        try await withThrowingTaskGroup(of: String.self) { group in
            group.addTask { [channel] in
                try await channel.executeThenClose { inbound, outbound in
                    var read = ""
                    var rest = texts[...]
                    if let text = rest.popFirst() { try await outbound.write(ByteBuffer(string: text)) }
                    do {
                        for try await buffer in inbound {
                            read += String(buffer: buffer)
                            if condition(read) { break }
                            if let text = rest.popFirst() { try await outbound.write(ByteBuffer(string: text)) }
                        }
                    } catch {
                        // A reset ends the connection as well as a farewell.
                    }
                    return read
                }
            }
            return try await group.next() ?? ""
        }
    }

    func close() async { try? await channel.channel.close() }
}

extension String {
    /// How often the text is in this one.
    func count(of text: String) -> Int {
        var count = 0
        var rest = self[...]
        while let range = rest.firstRange(of: text) {
            count += 1
            rest = rest[range.upperBound...]
        }
        return count
    }
}
