internal import Dispatch
internal import Foundation

/// The cluster that `POSTERN_TEST_KAFKA=host:port` names; plaintext, with an admin API.
public enum GivenKafka {
    /// Its address; nil where none is named.
    public static let bootstrap = ProcessInfo.processInfo.environment["POSTERN_TEST_KAFKA"]

    /// A site of its own tenants on the cluster.
    public static func site(_ bootstrap: String) -> KafkaSite {
        let maker = TopicMaker(bootstrap: bootstrap)
        return KafkaSite(
            bootstrap: bootstrap,
            makeTopics: { topics in
                try await withCheckedThrowingContinuation { continuation in
                    DispatchQueue.global().async { continuation.resume(with: Result { try maker.make(topics) }) }
                }
            }, end: {})
    }
}
