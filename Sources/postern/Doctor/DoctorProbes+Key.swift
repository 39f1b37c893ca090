internal import Diagnostics
internal import DurableFiles
internal import Foundation
internal import IdentityStore
internal import MachineIdentity

/// Whether the private key can be used where it is.
extension DoctorProbes {
    func keyStore() async throws -> DiagnosisFinding {
        guard let identity = subject.loaded else {
            guard subject.prospect != nil else { return .skipped("not registered") }
            let store = subject.state.store(newKeys: try KeyOptions.newKeys())
            guard let place = try store.keyPlace else { return .ok("the key will be a file of \(store.path)") }
            try await Blocking.run { () throws(IdentityStoreError) in try store.checkKeyHolder() }
            return .ok("the token of \(place) is there and takes the PIN")
        }
        guard let key = identity.key.heldKey else { return .ok("the key is a file of \(subject.state.stateDir)") }
        let begun = ContinuousClock.now
        try await identity.key.prove()
        let took = ((ContinuousClock.now - begun) / .milliseconds(1)).formatted(.number.precision(.fractionLength(1)))
        return .ok("the token of \(key.place) signed in \(took) ms")
    }
}
