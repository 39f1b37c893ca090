import ConnectorServices
import RelayFormat
import Testing

@Suite("The gate that holds services to their limits")
struct ServiceGateTests {
    private let start = ContinuousClock.now

    @Test("a service without limits, or one that nobody named, is never held")
    func noLimits() {
        var gate = ServiceGate(["free": ServiceLimits()])
        for _ in 0..<1000 {
            #expect(gate.enter("free", at: start) == .enter)
            #expect(gate.enter("unnamed", at: start) == .enter)
        }
        gate.leave("unnamed")
        #expect(gate.running("free") == 1000)
    }

    @Test("as many run at a time as may, and the next enters when one has left")
    func concurrency() {
        var gate = ServiceGate(["a": ServiceLimits(concurrency: 2), "b": ServiceLimits(concurrency: 1)])
        #expect(gate.enter("a", at: start) == .enter)
        #expect(gate.enter("a", at: start) == .enter)
        #expect(gate.enter("a", at: start) == .full)
        #expect(gate.enter("b", at: start) == .enter)
        gate.leave("a")
        #expect(gate.enter("a", at: start) == .enter)
        #expect(gate.enter("a", at: start) == .full)
        #expect(gate.running("a") == 2)
    }

    @Test("one that never entered cannot leave for another")
    func leavingTwice() {
        var gate = ServiceGate(["a": ServiceLimits(concurrency: 1)])
        gate.leave("a")
        gate.leave("a")
        #expect(gate.enter("a", at: start) == .enter)
        #expect(gate.enter("a", at: start) == .full)
    }

    /// One step of a table: when a request comes, counted from the start, and what it is told.
    struct Step: Sendable {
        var at: Duration
        var answer: ServiceGate.Answer

        init(_ at: Duration, _ answer: ServiceGate.Answer) {
            self.at = at
            self.answer = answer
        }
    }

    static let rates: [(ServiceLimits.Rate, [Step])] = [
        // Evenly, one at a time.
        (
            .init(10, per: .seconds(60), burst: 1),
            [
                Step(.zero, .enter), Step(.zero, .tooFast(.seconds(6))), Step(.seconds(4), .tooFast(.seconds(2))),
                Step(.seconds(6), .enter), Step(.seconds(11), .tooFast(.seconds(1))), Step(.seconds(20), .enter),
            ]
        ),
        // A burst, then evenly; a pause earns a burst again and no more than that.
        (
            .init(10, per: .seconds(1), burst: 3),
            [
                Step(.zero, .enter), Step(.zero, .enter), Step(.zero, .enter),
                Step(.zero, .tooFast(.milliseconds(100))), Step(.milliseconds(100), .enter),
                Step(.milliseconds(100), .tooFast(.milliseconds(100))), Step(.seconds(100), .enter),
                Step(.seconds(100), .enter), Step(.seconds(100), .enter),
                Step(.seconds(100), .tooFast(.milliseconds(100))),
            ]
        ),
        // Without a word about it, a burst is a second's worth.
        (.init(2, per: .seconds(1)), [Step(.zero, .enter), Step(.zero, .enter), Step(.zero, .tooFast(.milliseconds(500)))]),
    ]

    @Test("starts keep to the rate", arguments: rates)
    func rate(_ rate: ServiceLimits.Rate, _ steps: [Step]) {
        var gate = ServiceGate(["a": ServiceLimits(rate: rate)])
        for step in steps {
            #expect(gate.enter("a", at: start + step.at) == step.answer, "at \(step.at)")
            gate.leave("a")
        }
    }

    @Test("what the concurrency refuses costs nothing of the rate")
    func refusedByConcurrency() {
        var gate = ServiceGate(["a": ServiceLimits(concurrency: 1, rate: .init(2, per: .seconds(1), burst: 2))])
        #expect(gate.enter("a", at: start) == .enter)
        for _ in 0..<5 { #expect(gate.enter("a", at: start) == .full) }
        gate.leave("a")
        #expect(gate.enter("a", at: start) == .enter)
    }

    @Test("a stated class holds for every method, an honoured key for POST and PATCH alone")
    func classes() {
        func request(_ method: String) -> RequestMessage.Operation {
            .http(HTTPRequestContent(method: method, target: "/", headers: [], body: []))
        }
        struct Termed: ConnectorService {
            let kind = "termed"
            let terms: ServiceTerms
            func authorize(_ operation: RequestMessage.Operation) throws(RequestFailure) {}
            func perform(
                _ operation: RequestMessage.Operation, as requestClass: RequestClass, timeout: Duration
            ) async -> ResponseMessage.Outcome { .failed(RequestFailure(.targetFailed, "")) }
        }
        let keyed = Termed(terms: ServiceTerms(honoursIdempotencyKey: true))
        let once = Termed(terms: ServiceTerms(requestClass: .once))
        #expect(keyed.requestClass(of: request("POST")) == .keyed)
        #expect(keyed.requestClass(of: request("PATCH")) == .keyed)
        #expect(keyed.requestClass(of: request("GET")) == .safe)
        #expect(once.requestClass(of: request("GET")) == .once)
        let catalog = ServiceCatalog(["b": keyed, "a": once])
        #expect(
            catalog.offers == [
                ServiceOffer("a", requestClass: .once), ServiceOffer("b", honoursIdempotencyKey: true),
            ])
    }
}
