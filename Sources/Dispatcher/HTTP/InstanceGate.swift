internal import DispatcherProtocol
internal import Foundation
internal import HTTPProblems
internal import HTTPTypes
internal import Hummingbird
internal import NIOCore
internal import RelayDelivery
internal import RelayFormat
internal import TenantPort

/// Answers here what this instance has, and hands the rest on to the instance that has it.
///
/// What was handed on is never handed on again. Its credential is checked at both ends.
struct InstanceGate: Sendable {
    /// How a request was handed on.
    private enum Handing: String {
        /// To the owner of a request.
        case owner
        /// To where its key is at home.
        case home
        /// To a former home of its key, which answers if it knows the key.
        case known
    }

    /// Why an instance does not answer what was handed on to it.
    private enum Refusal: String {
        /// It is not the key's home, by a newer register.
        case misdirected
        /// It does not know the key, and never takes it.
        case unknownKey = "key-unknown"
    }

    /// What another instance said, as far as it matters here.
    private enum Reply {
        case answer(Response)
        case refusal(Refusal)
    }

    /// Where a request under a key goes.
    private enum Decision {
        /// It was answered.
        case here(Response)
        /// To the key's home.
        case elsewhere(InstanceRecord)
        /// The register has changed meanwhile.
        case unsettled
    }

    /// How much longer than its caller an instance waits for another.
    private static let margin = Duration.seconds(5)
    /// The fields that concern one connection, or are written anew.
    private static let hopByHop: Set<String> = [
        "connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "proxy-connection", "host",
        "content-length", "expect", "date", "server",
    ]

    /// All instances; nil where there is one alone.
    let network: InstanceNetwork?

    /// Answers a request about one that has an id.
    func owned(
        _ id: RelayFormat.RequestID, _ request: Request, _ body: ArraySlice<UInt8> = [],
        within limit: Duration = .seconds(10), local: () async throws -> Response
    ) async throws -> Response {
        guard let network, request.headers[.posternForwarded] == nil else { return try await local() }
        var owner = try await network.map().owner(of: id)
        if owner == nil { owner = try await network.refresh().owner(of: id) }
        guard let owner, owner.id != network.own else { return try await local() }
        if owner.removedAt != nil {
            throw RelayAnswer.notFound(
                "the request \"\(id)\" was kept by the dispatcher instance \"\(owner.name)\", which was removed")
        }
        switch try await hand(request, body, to: owner, as: .owner, within: limit, network) {
        case .answer(let response): return response
        case .refusal: throw Self.disagreement
        }
    }

    /// Answers a request that comes under a key: wherever it comes in, it is the same request.
    ///
    /// - Parameters:
    ///   - limit: how long the answer may take.
    ///   - local: takes the request here.
    func keyed(
        _ key: IdempotencyKey?, of caller: Caller, service: String, at tenant: TenantDispatcher, _ request: Request,
        _ body: ArraySlice<UInt8>, within limit: Duration, local: () async throws -> Response
    ) async throws -> Response {
        guard let network, let key else { return try await local() }
        let digest = KeyDigest(tenant: caller.tenant, caller: caller.keyID, service: service, key: key.text)
        let isKnown = {
            do throws(SubmissionError) {
                return try await tenant.knows(key.text, of: caller.keyID, service: service)
            } catch {
                throw RelayAnswer.problem(error)
            }
        }
        let handing = request.headers[.posternForwarded].flatMap(Handing.init(rawValue:))
        if handing == .known {
            try await check(digest, isKnown, network)
            return try await local()
        }
        _ = try await network.map()
        for _ in 0..<2 {
            switch try await network.deciding(
                on: digest,
                { map in
                    try await takeHere(map, digest, isKnown, request, body, within: limit, network, local)
                })
            {
            case .here(let response): return response
            case .unsettled: break
            case .elsewhere(let home) where handing == nil:
                let reply = try await hand(request, body, to: home, as: .home, within: limit, network)
                if case .answer(let response) = reply { return response }
            case .elsewhere: break
            }
            _ = try await network.refresh()
        }
        throw handing == nil ? Self.disagreement : Self.refusal(.misdirected)
    }

    /// What the other instances list, and the names of those that did not answer.
    func lists(
        _ request: Request, within limit: Duration = .seconds(3)
    ) async throws -> (lists: [RequestList], missing: [String]) {
        guard let network, request.headers[.posternForwarded] == nil else { return ([], []) }
        let others = try await network.map().instances.filter { $0.removedAt == nil && $0.id != network.own }
        return await withTaskGroup(of: (String, RequestList?).self) { group in
            for other in others {
                group.addTask {
                    let asked = Self.request(request, [], as: .owner)
                    guard let answer = try? await network.send(asked, to: other, within: limit), answer.status == 200,
                        let list = try? JSONDecoder().decode(RequestList.self, from: Data(answer.body))
                    else { return (other.name, nil) }
                    return (other.name, list)
                }
            }
            var (lists, missing) = ([RequestList](), [String]())
            for await (name, list) in group {
                if let list { lists.append(list) } else { missing.append(name) }
            }
            return (lists, missing.sorted())
        }
    }

    // MARK: Parts

    /// Takes a request here when its key is at home here, unless a former home knows it.
    private func takeHere(
        _ map: InstanceMap?, _ digest: KeyDigest, _ isKnown: () async throws -> Bool, _ request: Request,
        _ body: ArraySlice<UInt8>, within limit: Duration, _ network: InstanceNetwork,
        _ local: () async throws -> Response
    ) async throws -> Decision {
        if let home = map?.home(of: digest), home.id != network.own { return .elsewhere(home) }
        let former = map?.formerHomes(of: digest, since: network.oldestKey).filter { $0.id != network.own } ?? []
        if former.isEmpty { return .here(try await local()) }
        if try await isKnown() { return .here(try await local()) }
        switch try await ask(former, request, body, within: limit, network) {
        case .answer(let response)?: return .here(response)
        case .refusal?: return .unsettled
        case nil: return .here(try await local())
        }
    }

    /// Lets pass what this instance knows, whose key was at home here before.
    ///
    /// The register is read first: from then on no new request of the key begins here, unless it is at home here again.
    private func check(
        _ digest: KeyDigest, _ isKnown: () async throws -> Bool, _ network: InstanceNetwork
    ) async throws {
        let map = try await network.refresh()
        guard map.home(of: digest)?.id != network.own else { throw Self.refusal(.misdirected) }
        let wasHeld = network.isHeld(digest)
        if try await isKnown() { return }
        guard !wasHeld else {
            throw Self.unreachable(
                "a request of the same key is just being decided on; try again with the same key", retryAfter: 1)
        }
        throw Self.refusal(.unknownKey)
    }

    /// Asks the former homes of a key whether they know it; nil when none does.
    private func ask(
        _ former: [InstanceRecord], _ request: Request, _ body: ArraySlice<UInt8>, within limit: Duration,
        _ network: InstanceNetwork
    ) async throws -> Reply? {
        for instance in former {
            let reply = try await hand(request, body, to: instance, as: .known, within: limit, network)
            if case .refusal(.unknownKey) = reply { continue }
            return reply
        }
        return nil
    }

    private func hand(
        _ request: Request, _ body: ArraySlice<UInt8>, to instance: InstanceRecord, as handing: Handing,
        within limit: Duration, _ network: InstanceNetwork
    ) async throws -> Reply {
        let answer: InstanceAnswer
        do {
            answer = try await network.send(
                Self.request(request, body, as: handing), to: instance, within: limit + Self.margin)
        } catch {
            let what =
                switch handing {
                case .owner: "has this request"
                case .home: "has this idempotency key, whether or not it was used before,"
                case .known: "may have this idempotency key, which was its own before,"
                }
            let advice = handing == .owner ? "try again" : "try again with the same key"
            throw Self.unreachable(
                "the dispatcher instance \"\(instance.name)\" \(what) and cannot be reached (\(error.reason)): \(advice)"
            )
        }
        if let refusal = answer.headers[.posternForwarded].flatMap(Refusal.init(rawValue:)) {
            return .refusal(refusal)
        }
        var headers = HTTPFields()
        for field in answer.headers where !Self.hopByHop.contains(field.name.canonicalName) { headers.append(field) }
        // A HEAD's answer has the length of a body that does not come with it.
        if request.method == .head { headers[.contentLength] = answer.headers[.contentLength] }
        let content = answer.body.isEmpty ? ResponseBody() : .init(byteBuffer: ByteBuffer(bytes: answer.body))
        return .answer(Response(status: .init(code: answer.status), headers: headers, body: content))
    }

    private static func request(
        _ request: Request, _ body: ArraySlice<UInt8>, as handing: Handing
    ) -> InstanceRequest {
        var headers = HTTPFields()
        for field in request.headers where !hopByHop.contains(field.name.canonicalName) { headers.append(field) }
        headers[.posternForwarded] = handing.rawValue
        return InstanceRequest(
            method: request.method, target: request.head.path ?? "/", headers: headers, body: Array(body))
    }

    private static func unreachable(_ detail: String, retryAfter: Int = 5) -> ProblemResponse {
        ProblemResponse(
            ProblemDetails(
                code: "instance-unreachable", title: "The dispatcher that has it cannot be asked", status: 503,
                detail: detail, retryable: true, retryAfter: retryAfter))
    }

    private static var disagreement: ProblemResponse {
        unreachable("the dispatcher instances are just being changed; try again", retryAfter: 1)
    }

    private static func refusal(_ refusal: Refusal) -> ProblemResponse {
        let (title, status) =
            switch refusal {
            case .misdirected: ("The key is at home at another dispatcher", 421)
            case .unknownKey: ("The key is not known here", 404)
            }
        return ProblemResponse(
            ProblemDetails(
                code: refusal.rawValue, title: title, status: status,
                detail: "this answer is for the dispatcher that has handed the request on"),
            headers: [.posternForwarded: refusal.rawValue])
    }
}
