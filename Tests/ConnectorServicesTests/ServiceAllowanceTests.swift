import ConnectorServices
import RelayFormat
import Testing

@Suite("What may be used of a service")
struct ServiceAllowanceTests {
    private let start = ContinuousClock.now

    @Test("without limits nothing is held, and there is no gate")
    func noLimits() {
        var allowance = ServiceAllowance(ServiceLimits())
        for _ in 0..<1000 { #expect(allowance.enter(at: start) == .enter) }
        #expect(allowance.running == 1000)
        #expect(ServiceGate(ServiceLimits()) == nil)
    }

    @Test("as many run at a time as may, and the next enters when one has left")
    func concurrency() {
        var allowance = ServiceAllowance(ServiceLimits(concurrency: 2))
        #expect(allowance.enter(at: start) == .enter)
        #expect(allowance.enter(at: start) == .enter)
        #expect(allowance.enter(at: start) == .full)
        allowance.leave()
        #expect(allowance.enter(at: start) == .enter)
        #expect(allowance.enter(at: start) == .full)
        #expect(allowance.running == 2)
    }

    @Test("one that never entered cannot leave for another")
    func leavingTwice() throws {
        let gate = try #require(ServiceGate(ServiceLimits(concurrency: 1)))
        gate.leave()
        gate.leave()
        #expect(gate.enter())
        #expect(!gate.enter())
        gate.leave()
        #expect(gate.enter())
    }

    /// One step of a table: when a request comes, counted from the start, and what it is told.
    struct Step: Sendable {
        var at: Duration
        var answer: ServiceAllowance.Answer

        init(_ at: Duration, _ answer: ServiceAllowance.Answer) {
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
        (
            .init(2, per: .seconds(1)),
            [Step(.zero, .enter), Step(.zero, .enter), Step(.zero, .tooFast(.milliseconds(500)))]
        ),
    ]

    @Test("starts keep to the rate", arguments: rates)
    func rate(_ rate: ServiceLimits.Rate, _ steps: [Step]) {
        var allowance = ServiceAllowance(ServiceLimits(rate: rate))
        for step in steps {
            let answer = allowance.enter(at: start + step.at)
            #expect(answer == step.answer, "at \(step.at)")
            allowance.leave()
        }
    }

    @Test("what the concurrency refuses costs nothing of the rate")
    func refusedByConcurrency() {
        var allowance = ServiceAllowance(
            ServiceLimits(concurrency: 1, rate: .init(2, per: .seconds(1), burst: 2)))
        #expect(allowance.enter(at: start) == .enter)
        for _ in 0..<5 { #expect(allowance.enter(at: start) == .full) }
        allowance.leave()
        #expect(allowance.enter(at: start) == .enter)
    }

    @Test("a stated class holds for every method, an honoured key for POST and PATCH alone")
    func classes() {
        func request(_ method: String) -> RequestMessage.Operation {
            .http(HTTPRequestContent(method: method, target: "/", headers: [], body: []))
        }
        struct Termed: ConnectorService {
            let kind = "termed"
            let terms: ServiceTerms
            func offer(as name: String) -> ServiceOffer { terms.offer(as: name) }
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
