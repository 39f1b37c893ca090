internal import Diagnostics
internal import Foundation
internal import IdentityStore
internal import MachineIdentity

/// Whether the private key can be used where it is.
extension DoctorProbes {
    func keyStore() async throws -> DiagnosisFinding {
        guard let identity = subject.loaded else {
            return .skipped("there is no key yet, or it is not a registered one")
        }
        guard let key = identity.key.heldKey else { return .ok("the key is a file of \(subject.state.stateDir)") }
        let begun = ContinuousClock.now
        try await identity.key.prove()
        let took = ((ContinuousClock.now - begun) / .milliseconds(1)).formatted(.number.precision(.fractionLength(1)))
        return .ok("the token of \(key.place) signed in \(took) ms")
    }
}
