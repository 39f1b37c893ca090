import Foundation
import Testing

@testable import RequestLimits

@Suite struct RequestLimiterTests {
    private static func settings(_ change: (inout LimitSettings) -> Void = { _ in }) -> LimitSettings {
        var settings = LimitSettings()
        settings.source[.registration] = RequestRate(perSecond: 2, burst: 3)
        settings.principal[.member] = RequestRate(perSecond: 1, burst: 2)
        settings.failures.free = 2
        settings.failures.firstDelay = 1
        settings.failures.longestDelay = 5
        settings.failures.forgetAfter = 100
        settings.failures.alarm = 4
        change(&settings)
        return settings
    }

    private typealias Limited = RequestLimiter.Refusal

    private func refusal(_ body: () throws(Limited) -> Void) -> Limited? {
        do {
            try body()
            return nil
        } catch {
            return error
        }
    }

    /// Milliseconds, and after how many seconds another try is asked for; nil where there was a token.
    @Test(
        arguments: [
            ([0, 0, 0], [nil, nil, nil]), ([0, 0, 0, 0], [nil, nil, nil, 0.5]),
            ([0, 0, 0, 250, 500], [nil, nil, nil, 0.25, nil]),
            ([0, 10_000, 10_000, 10_000, 10_000], [nil, nil, nil, nil, 0.5]),
            // A clock that is set back gives nothing and takes nothing.
            ([5000, 5000, 5000, 1000, 1500], [nil, nil, nil, 0.5, nil]),
        ] as [([UInt64], [Double?])])
    func aBucketFillsAtItsPace(times: [UInt64], waits: [Double?]) {
        let rate = RequestRate(perSecond: 2, burst: 3)
        var bucket = TokenBucket(rate, at: times[0])
        #expect(times.map { bucket.take(rate, at: $0) } == waits)
    }

    @Test func theDelayDoublesToItsBoundAndIsForgottenInTheEnd() {
        let settings = Self.settings().failures
        var delay = FailureDelay(at: 0)
        var delays: [Double] = []
        var alarms: [Int] = []
        for failure in 1...8 {
            let verdict = delay.fail(settings, at: 1000)
            delays.append(verdict.delay)
            if verdict.isAlarming { alarms.append(failure) }
        }
        #expect(delays == [0, 0, 1, 2, 4, 5, 5, 5])
        #expect(alarms == [4])
        #expect(delay.wait(at: 3000) == 3)
        #expect(delay.wait(at: 6000) == nil)
        #expect(delay.fail(settings, at: 101_000) == .init(delay: 0, isAlarming: false))
        for _ in 0..<100 { #expect(delay.fail(settings, at: 101_000).delay <= 5) }
    }

    @Test func aSourceIsLimitedByItselfAndByClass() {
        var limiter = RequestLimiter(Self.settings())
        for _ in 0..<3 {
            #expect(
                refusal { () throws(Limited) in
                    try limiter.admit(from: "192.0.2.1", for: .registration, credential: nil, at: 0)
                } == nil)
        }
        #expect(
            refusal { () throws(Limited) in
                try limiter.admit(from: "192.0.2.1", for: .registration, credential: nil, at: 0)
            }
                == .init(scope: .source, retryAfter: 0.5))
        for (source, kind) in [
            ("192.0.2.2", RouteClass.registration), ("192.0.2.1", .administration), ("192.0.2.1", .member),
            ("", .registration),
        ] {
            #expect(
                refusal { () throws(Limited) in try limiter.admit(from: source, for: kind, credential: nil, at: 0) }
                    == nil)
        }
    }

    @Test func aFleetBehindOneAddressIsLimitedMemberByMember() {
        var limiter = RequestLimiter(Self.settings())
        for number in 0..<10_000 {
            #expect(
                refusal { () throws(Limited) in
                    try limiter.admit(from: "192.0.2.1", for: .member, credential: nil, at: 0)
                } == nil)
            #expect(
                refusal { () throws(Limited) in
                    try limiter.admit("connector \(number)", for: .member, credential: nil, at: 0)
                } == nil)
        }
        #expect(
            refusal { () throws(Limited) in try limiter.admit("connector 9", for: .member, credential: nil, at: 0) }
                == nil)
        #expect(
            refusal { () throws(Limited) in try limiter.admit("connector 9", for: .member, credential: nil, at: 0) }
                == .init(scope: .principal, retryAfter: 1))
    }

    @Test func failedCredentialsDelayTheirSourceAndNotThoseWhoHaveProvenThemselves() {
        var limiter = RequestLimiter(Self.settings())
        #expect(
            refusal { () throws(Limited) in try limiter.admit("admin", for: .administration, credential: "good", at: 0)
            } == nil)
        var alarms: [String] = []
        for _ in 0..<5 {
            alarms += limiter.fail(from: "192.0.2.1", account: "gw", credential: "bad", at: 0).alarms.map(\.about)
        }
        #expect(alarms == ["source 192.0.2.1", "account gw"])
        for (account, seconds) in [("gw", 4.0), ("other", nil)] {
            let found = refusal { () throws(Limited) in try limiter.admit(account: account, at: 0) }
            #expect(found?.retryAfter == seconds)
        }
        func wait(_ credential: String?, _ source: String, at now: UInt64) -> Double? {
            refusal { () throws(Limited) in
                try limiter.admit(from: source, for: .administration, credential: credential, at: now)
            }?.retryAfter
        }
        #expect(wait("bad", "192.0.2.1", at: 0) == 4)
        #expect(wait(nil, "192.0.2.1", at: 1000) == 3)
        #expect(wait("good", "192.0.2.1", at: 0) == nil)
        #expect(wait("bad", "192.0.2.2", at: 0) == nil)
        #expect(wait("bad", "192.0.2.1", at: 4000) == nil)
    }

    @Test func whoGoesOnThroughItsDelayIsAnAlarmOnce() {
        var limiter = RequestLimiter(Self.settings())
        for _ in 0..<3 { _ = limiter.fail(from: "192.0.2.1", account: nil, credential: "bad", at: 0) }
        let alarms = (0..<50).compactMap { _ in
            refusal { () throws(Limited) in
                try limiter.admit(from: "192.0.2.1", for: .administration, credential: "bad", at: 1)
            }?.alarm
        }
        #expect(alarms.map(\.about) == ["source 192.0.2.1"])
    }

    @Test func whatItRemembersIsBounded() {
        var limiter = RequestLimiter(Self.settings { $0.entries = 100 })
        for number in 0..<5000 {
            _ = refusal { () throws(Limited) in
                try limiter.admit(
                    from: "10.0.\(number / 256).\(number % 256)", for: .registration, credential: nil, at: 0)
            }
            _ = refusal { () throws(Limited) in
                try limiter.admit("c\(number)", for: .member, credential: "s\(number)", at: 0)
            }
            _ = limiter.fail(from: "10.0.0.\(number)", account: "a\(number)", credential: nil, at: 0)
        }
        #expect(limiter.count <= 400)
        // Who is in use is not forgotten for those who come once.
        var busy = RequestLimiter(Self.settings { $0.entries = 100 })
        for number in 0..<1000 {
            _ = refusal { () throws(Limited) in
                try busy.admit(from: "192.0.2.9", for: .registration, credential: nil, at: 0)
            }
            _ = refusal { () throws(Limited) in
                try busy.admit(from: "n\(number)", for: .registration, credential: nil, at: 0)
            }
        }
        #expect(
            refusal { () throws(Limited) in
                try busy.admit(from: "192.0.2.9", for: .registration, credential: nil, at: 0)
            } != nil)
    }

    @Test(arguments: [
        ("192.0.2.1", "192.0.2.1"), ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"), ("2001:db8::1", "2001:db8:0:0::/64"),
        ("::1", "0:0:0:0::/64"), ("::ffff:192.0.2.7", "192.0.2.7"), ("fe80::1:2:3:4", "fe80:0:0:0::/64"),
    ])
    func anAddressStandsForItsCustomer(address: String, origin: String) {
        #expect(RequestLimiter.origin(address) == origin)
    }

    @Test func aFileChangesWhatItNamesAndNothingElse() throws {
        let file =
            #"{"source":{"registration":{"per_second":1,"burst":5}},"failures":{"free":3},"port":{"body_seconds":5}}"#
        let settings = try JSONDecoder().decode(LimitSettings.self, from: Data(file.utf8))
        var expected = LimitSettings()
        expected.source[.registration] = RequestRate(perSecond: 1, burst: 5)
        expected.failures.free = 3
        expected.port.body = 5
        #expect(settings == expected)
    }

    @Test(arguments: [
        (#"{"sauce":{}}"#, "sauce"), (#"{"source":{"members":{"per_second":1,"burst":1}}}"#, "members"),
        (#"{"source":{"member":{"per_second":1,"burst":1}}}"#, "principal"),
        (#"{"failures":{"free":0}}"#, "free"), (#"{"source":{"open":{"burst":5}}}"#, "per_second"),
        (#"{"port":{"body_seconds":-1}}"#, "body_seconds"),
    ])
    func aWrongFileIsRefusedByTheNameOfItsField(file: String, name: String) {
        let error = #expect(throws: DecodingError.self) {
            try JSONDecoder().decode(LimitSettings.self, from: Data(file.utf8))
        }
        #expect("\(String(describing: error))".contains(name))
    }
}
