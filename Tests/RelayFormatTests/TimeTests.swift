import RelayFormat
import Testing

@Suite("Times")
struct TimeTests {
    @Test(
        "a time is read as people write it",
        arguments: [
            ("5", Duration.seconds(5)), ("5s", .seconds(5)), ("500ms", .milliseconds(500)), ("2m", .seconds(120)),
            ("1h", .seconds(3600)), ("1.5s", .milliseconds(1500)), ("0", .zero), ("0.25h", .seconds(900)),
            ("1000000000", .seconds(1_000_000_000)),
        ])
    func durations(text: String, duration: Duration) {
        #expect(Duration(text: text) == duration)
    }

    @Test(
        "what is no time is refused",
        arguments: [
            "", " ", "s", "-1", "-5s", "+5", "5 s", " 5", "5s ", "5S", "5d", "1e3", "0x10", "1.2.3", ".", "inf", "nan",
            "٣s", "5\u{301}s", "1000000001", "99999999999999999999h", String(repeating: "9", count: 400), "5ms5",
        ])
    func refusedDurations(text: String) {
        #expect(Duration(text: text) == nil)
    }

    @Test("a moment never passes the ends of time")
    func saturation() {
        let epoch = RelayTime(milliseconds: 0)
        let last = RelayTime(milliseconds: .max)
        #expect(last == .never)
        #expect(RelayTime.never + .seconds(1) == .never)
        #expect(RelayTime(milliseconds: .max - 5) + .milliseconds(5) == .never)
        #expect(RelayTime(milliseconds: .max - 5) + .milliseconds(4) == RelayTime(milliseconds: .max - 1))
        #expect(epoch + .seconds(-1) == epoch)
        #expect(RelayTime(milliseconds: 500) + .milliseconds(-500) == epoch)
        #expect(RelayTime(milliseconds: 500) + .milliseconds(-501) == epoch)
        #expect(RelayTime(milliseconds: 5) + .milliseconds(7) == RelayTime(milliseconds: 12))
        #expect(epoch + .seconds(Int64.min) == epoch)
        #expect(RelayTime.never + .seconds(Int64.min) == RelayTime(milliseconds: .max - (1 << 63)))
        #expect(epoch + .seconds(Int64.max) == RelayTime(milliseconds: UInt64(Int64.max)))
    }

    @Test("the time between two moments has a sign and is clamped")
    func differences() {
        let early = RelayTime(milliseconds: 100)
        let late = RelayTime(milliseconds: 350)
        #expect(late - early == .milliseconds(250))
        #expect(early - late == .milliseconds(-250))
        #expect(early - early == .zero)
        #expect(RelayTime.never - RelayTime(milliseconds: 0) == .milliseconds(Int64.max))
        #expect(RelayTime(milliseconds: 0) - .never == .milliseconds(-Int64.max))
        #expect(early < late)
    }

    @Test(
        "a duration in milliseconds is rounded towards zero and clamped",
        arguments: [
            (Duration.milliseconds(1), Int64(1)), (.microseconds(1999), 1), (.microseconds(-1999), -1), (.zero, 0),
            (.seconds(Int64.max), .max), (.seconds(Int64.min), .min),
            (Duration(secondsComponent: .max / 1000, attosecondsComponent: 900_000_000_000_000_000), .max),
            (Duration(secondsComponent: .min / 1000, attosecondsComponent: -900_000_000_000_000_000), .min),
        ])
    func milliseconds(duration: Duration, milliseconds: Int64) {
        #expect(duration.inMilliseconds == milliseconds)
    }
}
