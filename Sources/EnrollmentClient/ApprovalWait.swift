internal import EnrollmentProtocol
internal import Foundation
internal import MachineIdentity

/// Asks for a certificate again and again while a person has to approve the key, as long as patience lasts.
struct ApprovalWait {
    let calls: EnrollmentCalls
    let request: CertificateRequest
    let displayName: String?
    let patience: Duration

    /// Asks until there is a certificate, or a reason why there will be none.
    ///
    /// What is told last when patience has ended: nothing is lost, and the same command goes on.
    func enroll(report: (RegistrationStep) -> Void) async throws(EnrollmentClientError) -> EnrollAnswer {
        let end = ContinuousClock.now + patience
        var waiting: PendingAnswer?
        while true {
            var pause = waiting?.retryAfter ?? 1
            do throws(EnrollmentClientError) {
                switch try await calls.enroll(request, displayName: displayName) {
                case .certified(let answer): return answer
                case .pending(let answer):
                    if waiting == nil {
                        report(.approval(id: answer.id, words: answer.keyWords, until: answer.expiresAt))
                    }
                    waiting = answer
                    pause = answer.retryAfter
                }
            } catch {
                // Once it waits, a tenant that does not answer for a moment changes nothing.
                guard waiting != nil, error.isRetryable else { throw error }
            }
            let next = ContinuousClock.now + .seconds(min(max(pause, 1), 60))
            guard let pending = waiting, next < end, (try? await Task.sleep(until: next)) != nil else {
                throw EnrollmentClientError(
                    .pendingApproval,
                    "An administrator of the tenant has not approved this machine yet; its key's words are "
                        + "\(waiting?.keyWords ?? "unknown").",
                    advice: "Nothing is lost: run the same command again, and it goes on. It waits at the tenant until "
                        + "\(waiting?.expiresAt.ISO8601Format() ?? "-"): 'posternctl connectors approve "
                        + "\(waiting?.id ?? "ID")'.")
            }
            waiting = pending
        }
    }
}
