import Foundation
import HTTPTypes
import NIOCore
import NIOHTTP1

/// One connection of the recording service.
final class RecordingHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private let service: RecordingService
    private var head: HTTPRequestHead?
    private var running: RecordingService.Ticket?

    init(service: RecordingService) { self.service = service }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head): self.head = head
        case .body: break
        case .end:
            guard let head else { return }
            self.head = nil
            execute(head, context)
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        if let running { service.end(running, wasAbandoned: true) }
        running = nil
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    private func execute(_ head: HTTPRequestHead, _ context: ChannelHandlerContext) {
        let (connector, target) = Self.split(head.uri)
        let parts = URLComponents(string: target)
        let path = String(target.prefix { $0 != "?" })
        let query = Dictionary(
            (parts?.queryItems ?? []).map { ($0.name, $0.value ?? "") }, uniquingKeysWith: { _, last in last })
        running = service.begin(Self.request(head), path: path, via: connector)
        let loop = context.eventLoop
        let held: EventLoopFuture<Void> =
            switch query["hold"] {
            case "gate": service.gate(on: loop)
            case let text?: loop.scheduleTask(in: .milliseconds(Int64(text) ?? 0)) {}.futureResult
            case nil: loop.makeSucceededVoidFuture()
            }
        let bound = NIOLoopBound((self, context), eventLoop: loop)
        held.whenComplete { _ in
            let (own, context) = bound.value
            own.answer(path, query, isHead: head.method == .HEAD, context)
        }
    }

    private func answer(_ path: String, _ query: [String: String], isHead: Bool, _ context: ChannelHandlerContext) {
        // A connection that has gone has given up its execution.
        guard let ticket = running else { return }
        running = nil
        service.end(ticket, wasAbandoned: false)
        let body =
            query["size"].flatMap { Int($0) }.map { Self.pattern($0) } ?? ByteBuffer(string: "served \(path)")
        let status = HTTPResponseStatus(statusCode: query["status"].flatMap { Int($0) } ?? 200)
        let head = HTTPResponseHead(
            version: .http1_1, status: status,
            headers: ["content-type": "text/plain; charset=utf-8", "content-length": "\(body.readableBytes)"])
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        if let end = query["break"].flatMap({ Int($0) }), let part = body.getSlice(at: 0, length: end) {
            context.writeAndFlush(wrapOutboundOut(.body(.byteBuffer(part))), promise: nil)
            return context.close(promise: nil)
        }
        if !isHead { context.write(wrapOutboundOut(.body(.byteBuffer(body))), promise: nil) }
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
    }

    /// So many bytes that tell where they stand, so that a missing or doubled part shows.
    static func pattern(_ size: Int) -> ByteBuffer {
        var buffer = ByteBuffer()
        buffer.reserveCapacity(size + 8)
        var number = 0
        while buffer.readableBytes < size {
            buffer.writeString(String(number, radix: 36) + " ")
            number += 1
        }
        return buffer.getSlice(at: 0, length: size) ?? buffer
    }

    private static func split(_ uri: String) -> (String?, String) {
        guard uri.hasPrefix("/via/") else { return (nil, uri) }
        let rest = uri.dropFirst("/via/".count)
        guard let slash = rest.firstIndex(of: "/") else { return (String(rest), "/") }
        return (String(rest[..<slash]), String(rest[slash...]))
    }

    private static func request(_ head: HTTPRequestHead) -> HTTPRequest {
        var fields = HTTPFields()
        for (name, value) in head.headers where name.lowercased() != "host" {
            if let name = HTTPField.Name(name) { fields.append(HTTPField(name: name, value: value)) }
        }
        return HTTPRequest(
            method: HTTPRequest.Method(head.method.rawValue) ?? .get, scheme: "http",
            authority: head.headers.first(name: "host"), path: head.uri, headerFields: fields)
    }
}
