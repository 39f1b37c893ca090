internal import Foundation

/// The time that processes were on a core: it says what work costs, even where others keep the cores busy.
enum ProcessorTime {
    /// That of this process.
    static var own: Duration {
        var time = timespec()
        guard clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time) == 0 else { return .zero }
        return .seconds(time.tv_sec) + .nanoseconds(time.tv_nsec)
    }

    /// That of another process, to a hundredth of a second; zero when it is not there.
    static func of(_ process: Int32) -> Duration {
        // The name, in brackets, may have spaces in it; user and system time are the twelfth and thirteenth field behind it.
        guard let text = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8),
            let fields = text.split(separator: ")").last?.split(separator: " "), fields.count > 12,
            let user = Int(fields[11]), let system = Int(fields[12])
        else { return .zero }
        return .seconds(user + system) / sysconf(Int32(_SC_CLK_TCK))
    }
}
