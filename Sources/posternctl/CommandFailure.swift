internal import ArgumentParser

/// The end of a command that did not do what it was asked: a code for scripts and a text for people.
struct CommandFailure: Error, CustomStringConvertible {
    /// The exit codes, documented in `posternctl --help`.
    enum Code: Int32 {
        case unexpected = 1
        case usage = 2
        case notLoggedIn = 3
        case refused = 4
        case callFailed = 5
        case serviceFailed = 6
        case rewritten = 7
        case network = 8
    }

    /// The exit code.
    let code: Code
    /// What happened and what to do.
    let description: String

    /// Makes a failure.
    init(_ code: Code, _ description: String) {
        self.code = code
        self.description = description
    }
}
