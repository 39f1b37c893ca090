internal import ArgumentParser
internal import RelayFormat

/// A time as people write it: 90s, 10m, 2h.
struct TimeSpan: ExpressibleByArgument {
    let duration: Duration

    init?(argument: String) {
        guard let duration = Duration(text: argument), duration > .zero, duration <= .seconds(366 * 86_400) else {
            return nil
        }
        self.duration = duration
    }

    var seconds: Double { duration / .seconds(1) }
}
