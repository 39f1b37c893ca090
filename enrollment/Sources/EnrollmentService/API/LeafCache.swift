internal import Foundation
internal import MachineIdentity
internal import Synchronization

/// Judges client certificates and remembers the signatures that it has verified.
///
/// Only what cannot change is remembered: who signed what. The times are looked at again on every request, and
/// whether a certificate is revoked is never kept here.
final class LeafCache: Sendable {
    private static let capacity = 4096
    private let policy: MachineLeafPolicy
    private let leaves = Mutex<[CertificateFingerprint: MachineLeaf]>([:])

    init(policy: MachineLeafPolicy) { self.policy = policy }

    func judge(_ der: [UInt8], at now: Date) throws(MachineIdentityError) -> MachineLeaf {
        let fingerprint = CertificateFingerprint(certificate: der)
        if let known = leaves.withLock({ $0[fingerprint] }), known.notBefore <= now, now <= known.notAfter {
            return known
        }
        let leaf = try policy.judge(der, at: now)
        leaves.withLock { leaves in
            if leaves.count >= Self.capacity { leaves.removeAll() }
            leaves[fingerprint] = leaf
        }
        return leaf
    }
}
