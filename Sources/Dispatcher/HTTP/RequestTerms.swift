internal import DispatcherProtocol
internal import Hummingbird
internal import RelayFormat

extension RequestClass {
    /// Takes the class that a caller states: it may only be stricter than the method and the service.
    init(stated name: String?, standard: RequestClass) throws {
        guard let name else {
            self = standard
            return
        }
        guard let stated = RequestClass(name: name) else {
            throw RelayAnswer.malformed("\(RelayHeaders.requestClass) is safe, keyed or once")
        }
        guard stated >= standard else {
            throw RelayAnswer.malformed("the request is \(standard); it can only be given a stricter class")
        }
        self = stated
    }
}

extension RelayTime {
    /// Takes the deadline that a caller states in seconds.
    init(deadlineIn seconds: Double?, standard: Duration, longest: Duration, now: RelayTime) throws {
        guard let seconds else {
            self = now + standard
            return
        }
        guard seconds > 0, seconds <= longest / .seconds(1) else {
            throw RelayAnswer.malformed("a deadline is more than 0 and at most \(Int(longest / .seconds(1))) seconds")
        }
        self = now + .seconds(seconds)
    }
}

/// How long a caller prefers to wait for an answer (RFC 7240 section 4.3).
struct WaitPreference: Equatable {
    /// The longest wait in seconds.
    static let limit = 60

    /// The seconds that are waited.
    let seconds: Int

    /// Reads `Prefer: wait=N`; nil where there is no such preference, as for one that cannot be read.
    init?(of request: Request) {
        let preferences = request.headers[values: .prefer].flatMap { $0.split(separator: ",") }
        for preference in preferences {
            let words = preference.split(separator: ";")[0].split(separator: "=").map { $0.trimmed }
            guard words.count == 2, words[0].lowercased() == "wait", let seconds = Int(words[1]), seconds >= 0 else {
                continue
            }
            self.seconds = min(seconds, Self.limit)
            return
        }
        return nil
    }
}

extension Substring {
    fileprivate var trimmed: Substring {
        var text = self
        while text.first == " " { text.removeFirst() }
        while text.last == " " { text.removeLast() }
        return text
    }
}
