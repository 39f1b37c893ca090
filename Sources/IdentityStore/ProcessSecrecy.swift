internal import Foundation

/// Keeps what a process knows out of core dumps, and out of reach of other processes of the same user.
public enum ProcessSecrecy {
    /// The variable that leaves it undone, for whoever has to attach a debugger.
    public static let exception = "POSTERN_ALLOW_DEBUGGER"

    /// `PR_SET_DUMPABLE` of prctl(2).
    private static let setDumpable: CInt = 4

    /// Forbids core dumps and debuggers (`RLIMIT_CORE` 0, `PR_SET_DUMPABLE` 0) to this process and its children.
    public static func begin(_ environment: [String: String]) {
        guard (environment[exception] ?? "").isEmpty else { return }
        var none = rlimit(rlim_cur: 0, rlim_max: 0)
        _ = setrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &none)
        // prctl takes a variable number of arguments, which Swift cannot call by its own declaration; called through one
        // of five whole numbers it gets them in the same registers.
        typealias Control = @convention(c) (CInt, CUnsignedLong, CUnsignedLong, CUnsignedLong, CUnsignedLong) -> CInt
        guard let symbol = dlsym(nil, "prctl") else { return }
        _ = unsafeBitCast(symbol, to: Control.self)(setDumpable, 0, 0, 0, 0)
    }
}
