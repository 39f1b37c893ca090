/// A moment around a write to the disk at which a test may kill the process.
///
/// In a debug build the environment variable `POSTERN_FAILPOINT=queue.append.inside:3` makes the process kill itself
/// (SIGKILL, nothing is flushed, nobody is told) at the third passing of that point. In a release build the calls compile
/// to nothing and the variable is not read.
public enum Failpoint: String, CaseIterable, Sendable {
    /// The queue has read its file's form and is about to forget what has expired.
    case queueOpenBefore = "queue.open.before"
    /// What has expired is deleted and not committed.
    case queueOpenInside = "queue.open.inside"
    /// What was left is read, the deletion committed.
    case queueOpenAfter = "queue.open.after"
    /// New records wait for a transaction.
    case queueAppendBefore = "queue.append.before"
    /// New records are in a transaction that is not committed.
    case queueAppendInside = "queue.append.inside"
    /// New records are committed, and no sender has been told.
    case queueAppendAfter = "queue.append.after"
    /// Deletions of settled records wait for a transaction.
    case queueSettleBefore = "queue.settle.before"
    /// Deletions of settled records are in a transaction that is not committed.
    case queueSettleInside = "queue.settle.inside"
    /// Settled records are deleted, and no member has been told.
    case queueSettleAfter = "queue.settle.after"
    /// What begins on a connector waits for a transaction.
    case journalBeginBefore = "journal.begin.before"
    /// What begins is in a transaction that is not committed.
    case journalBeginInside = "journal.begin.inside"
    /// What begins is flushed, and nothing has started.
    case journalBeginAfter = "journal.begin.after"
    /// Outcomes, receipts and withdrawals wait for a transaction.
    case journalEndBefore = "journal.end.before"
    /// Outcomes, receipts and withdrawals are in a transaction that is not committed.
    case journalEndInside = "journal.end.inside"
    /// Outcomes, receipts and withdrawals are committed, and nobody has been told.
    case journalEndAfter = "journal.end.after"

    /// The ledger's file is open and about to be brought to the present form.
    case ledgerOpenBefore = "ledger.open.before"
    /// The ledger's file has its form, and nothing was read.
    case ledgerOpenAfter = "ledger.open.after"
    /// Submissions wait for a transaction.
    case ledgerSubmitBefore = "ledger.submit.before"
    /// Submissions are in a transaction that is not committed.
    case ledgerSubmitInside = "ledger.submit.inside"
    /// Submissions are committed, and nobody has been told.
    case ledgerSubmitAfter = "ledger.submit.after"
    /// Changes of requests wait for a transaction.
    case ledgerChangeBefore = "ledger.change.before"
    /// Changes of requests, with the deliveries that follow from them, are in a transaction that is not committed.
    case ledgerChangeInside = "ledger.change.inside"
    /// Changes of requests are committed, and nobody has been told.
    case ledgerChangeAfter = "ledger.change.after"
    /// The outcome of a delivery waits for a transaction.
    case ledgerDeliveryBefore = "ledger.delivery.before"
    /// The outcome of a delivery is in a transaction that is not committed.
    case ledgerDeliveryInside = "ledger.delivery.inside"
    /// The outcome of a delivery is committed, and nobody has been told.
    case ledgerDeliveryAfter = "ledger.delivery.after"
    /// Requests that were kept long enough wait to be deleted.
    case ledgerSweepBefore = "ledger.sweep.before"
    /// Requests that were kept long enough are deleted in a transaction that is not committed.
    case ledgerSweepInside = "ledger.sweep.inside"
    /// Requests that were kept long enough are deleted, and nobody has been told.
    case ledgerSweepAfter = "ledger.sweep.after"

    /// A renewal is found to be in order, and nothing is written.
    case renewalBefore = "renewal.before"
    /// The next certificate is in a transaction that is not committed.
    case renewalInside = "renewal.inside"
    /// The next certificate is recorded, and its connector has no answer.
    case renewalAfter = "renewal.after"
    /// A connector renews and has no new key.
    case identityKeyBefore = "identity.key.before"
    /// The new key is flushed, and nobody has been told.
    case identityKeyAfter = "identity.key.after"
    /// The tenant has answered with the new certificate, and it is not kept.
    case identityAnswerBefore = "identity.answer.before"
    /// The new certificate is kept, and not used.
    case identityAnswerAfter = "identity.answer.after"
    /// The tenant has seen the new certificate, which nothing on the disk says.
    case identityUseAfter = "identity.use.after"
    /// It is on the disk that the new certificate counts; the old files are in its place.
    case identityConfirmAfter = "identity.confirm.after"
    /// An old key that a token held is destroyed; the old files still name it.
    case identityPromoteBegin = "identity.promote.begin"
    /// The new key has taken the place of the old one, the new certificate has not.
    case identityPromoteKey = "identity.promote.key"
    /// Key and certificate are in place, the record is not.
    case identityPromoteCertificate = "identity.promote.certificate"
    /// All is in place, and the files of the renewal are still there.
    case identityPromoteRecord = "identity.promote.record"
    /// Only the second copy of the new key is still there.
    case identityPromoteEnd = "identity.promote.end"
    /// A member has new HPKE keys, which are not on the disk.
    case hpkeKeyBefore = "hpke.key.before"
    /// New HPKE keys are flushed, and the tenant does not know them.
    case hpkeKeyAfter = "hpke.key.after"
    /// The tenant has a new HPKE key, which nothing on the disk says.
    case hpkePutAfter = "hpke.put.after"
    /// The epochs are open with the new HPKE keys, and the old ones are still on the disk.
    case hpkeRetireBefore = "hpke.retire.before"
    /// A new Key Authority is found to be the successor of the known one, and it is not kept.
    case authorityAdoptBefore = "authority.adopt.before"

    /// Passes a point; in a debug build whose environment names it, this may be the end.
    @inlinable
    public static func reach(_ point: Failpoint) {
        #if DEBUG
            ArmedFailpoint.current?.pass(point)
        #endif
    }
}
