public import EnrollmentProtocol
public import MachineIdentity

extension EnrollmentCalls {
    /// What a registration was answered.
    public enum Enrollment: Sendable {
        /// The key is certified.
        case certified(EnrollAnswer)
        /// A person has to approve it first; ask again, as the same request.
        case pending(PendingAnswer)
    }

    /// Asks for the certificate; the same key and secret get the same answer again.
    public func enroll(
        _ request: CertificateRequest, displayName: String?
    ) async throws(EnrollmentClientError) -> Enrollment {
        try await explained { () async throws(EnrollmentClientError) in
            let response = try await http.perform(
                "POST", APIPath.enrollments, body: EnrollRequest(csr: request.pem, displayName: displayName))
            return response.status == 202
                ? .pending(try http.answer(to: response)) : .certified(try http.answer(to: response))
        }
    }
}
