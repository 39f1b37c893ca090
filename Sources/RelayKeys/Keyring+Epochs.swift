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
    /// - Returns: whether it was not held yet.
    /// - Throws: `keyAuthority` when the pinned authority has not signed it; `rolledBack` for an older one;
    ///   `chainBroken` for another one of a number that was held, or one that follows something else; `notAMember` when none of this
    ///   member's keys is in it; `expiredEpoch`.
    @discardableResult
    public func install(_ manifest: EpochManifest, at now: RelayTime) throws(SealingError) -> Bool {
        let core = manifest.core
        guard core.tenant == party.tenant else { throw SealingError(.foreignTenant, "the epoch is another tenant's") }
        let (keys, authority, present, floor) = state.withLock {
            ($0.keys, $0.authority, $0.groups[core.group]?.current?.core, $0.floors[core.group])
        }
        try manifest.verify(by: authority)
        if let floor { try core.check(after: floor) }
        if present?.number == core.number { return false }
        guard core.isValid(at: now) else { throw SealingError(.expiredEpoch, "the epoch's time is over, or to come") }
        guard let entry = core.member(party.member), entry.role == party.role,
            let own = keys.last(where: { entry.isFor($0) })
        else { throw SealingError(.notAMember, "the epoch names none of this member's keys") }
        let epoch = try Epoch(opening: manifest, as: party.member, with: own.hpke, keyAuthority: authority)
        return state.withLock { state in
            // Another may have been faster.
            if let known = state.floors[core.group], known.number >= core.number,
                state.groups[core.group]?.current != nil
            {
                return false
            }
            state.groups[core.group, default: GroupEpochs()].install(.init(epoch: epoch, keys: own), at: now)
            state.floors[core.group] = core.mark
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

    /// The groups of which an epoch is held.
    public var groups: [GroupID] { state.withLock { Array($0.groups.keys) } }

    /// Whether the present epoch of a group names the newest keys, so that the former ones can be erased.
    public func isUsingNewestKeys(in group: GroupID) -> Bool {
        state.withLock { state in
            guard let newest = state.keys.last, let held = state.groups[group]?.current else { return false }
            return held.keys.isSame(as: newest)
        }
    }
}

extension EpochMember {
    func isFor(_ keys: MemberKeys) -> Bool {
        identityKey.rawRepresentation == keys.identity.publicKey.rawRepresentation && hpkeKey == keys.hpke.publicKey
    }
}
