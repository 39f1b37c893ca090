internal import Crypto
public import RelayFormat
public import RelaySealing
internal import Synchronization

/// Epochs come and go.
extension Keyring {
    /// What is known of a group's present epoch.
    public struct Standing: Sendable, Equatable {
        /// Its mark.
        public var mark: EpochMark
        /// When it ends, whether another has come by then or not.
        public var notAfter: RelayTime
    }

    /// Takes a newer epoch into use, or the present one again after a restart.
    ///
    /// - Parameter keys: those of this member that it names.
    /// - Returns: whether it was not held yet.
    /// - Throws: `keyAuthority` when the pinned authority has not signed it; `rolledBack` for an older one;
    ///   `chainBroken` for another one of a number that was held, or one that follows something else; `notAMember` when it
    ///   does not name these keys; `expiredEpoch`.
    @discardableResult
    public func install(
        _ manifest: EpochManifest, with keys: MemberKeys, at now: RelayTime
    ) throws(SealingError) -> Bool {
        let core = manifest.core
        guard core.tenant == party.tenant else { throw SealingError(.foreignTenant, "the epoch is another tenant's") }
        let (authority, present, mark) = state.withLock {
            ($0.authority, $0.groups[core.group]?.current?.core, $0.marks[core.group])
        }
        guard let authority else { throw SealingError(.keyAuthority, "no Key Authority is known yet") }
        let verified = try manifest.verified(by: authority)
        if let mark { try core.check(after: mark) }
        if present?.number == core.number { return false }
        guard core.isValid(at: now) else { throw SealingError(.expiredEpoch, "the epoch's time is over, or to come") }
        guard let entry = core.member(party.member), entry.role == party.role, entry.isFor(keys) else {
            throw SealingError(.notAMember, "the epoch names none of this member's keys")
        }
        let epoch = try Epoch(opening: verified, as: party.member, with: keys.hpke)
        return state.withLock { state in
            // Another may have been faster.
            if let known = state.marks[core.group], known.number >= core.number,
                state.groups[core.group]?.current != nil
            {
                return false
            }
            state.groups[core.group, default: GroupEpochs()].install(.init(epoch: epoch, keys: keys), at: now)
            state.marks[core.group] = core.mark
            return true
        }
    }

    /// The present epoch of a group; nil when none is held, or its time has run out.
    public func standing(of group: GroupID, at now: RelayTime) -> Standing? {
        state.withLock { state in
            guard let core = state.groups[group]?.current?.core, now < core.notAfter else { return nil }
            return Standing(mark: core.mark, notAfter: core.notAfter)
        }
    }

    /// The groups whose present epochs know this member by another key than this one.
    func groups(notNaming identity: P256.Signing.PublicKey) -> [GroupID] {
        state.withLock { state in
            state.groups.compactMap { group, epochs in
                guard let known = epochs.current?.keys.identity.publicKey else { return nil }
                return known.rawRepresentation == identity.rawRepresentation ? nil : group
            }
        }
    }

    /// The HPKE keys that the present epochs name; those that were made before them can be erased.
    public var keysInUse: [HPKEPublicKey] {
        state.withLock { state in state.groups.values.compactMap { $0.current?.keys.hpke.publicKey } }
    }
}

extension EpochMember {
    func isFor(_ keys: MemberKeys) -> Bool {
        identityKey.rawRepresentation == keys.identity.publicKey.rawRepresentation && hpkeKey == keys.hpke.publicKey
    }
}
