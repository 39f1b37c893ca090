internal import Crypto
public import RelayFormat

extension Epoch {
    /// Seals messages of this member for the group under one signature.
    ///
    /// No two messages of a process may have the same header; the message id and the sequence see to that.
    ///
    /// - Throws: `tooLarge` for no messages, more than 256 or one too long; `senderUnknown`, `senderRole` and `wrongKind`
    ///   for what is not this member's to say; what `check` throws; `signer` when the key does not sign.
    public func seal(
        _ batch: [(header: RelayHeader, body: [UInt8])], by signer: some IdentitySigning, at now: RelayTime
    ) throws(SealingError) -> [[UInt8]] {
        var messages = try sealed(batch, at: now)
        let tree = BatchTree(messages.map { BatchTree.leaf($0[...]) })
        let signed = BatchProof.signedBytes(root: tree.root, count: messages.count)
        BatchProof.append(try IdentitySignature.make(over: signed, by: signer), of: tree, to: &messages)
        return messages
    }

    /// Seals messages of this member for the group, up to the signature.
    ///
    /// - Throws: what `seal` throws.
    public func prepare(
        _ batch: [(header: RelayHeader, body: [UInt8])], at now: RelayTime
    ) throws(SealingError) -> UnsignedBatch { UnsignedBatch(try sealed(batch, at: now)) }

    private func sealed(
        _ batch: [(header: RelayHeader, body: [UInt8])], at now: RelayTime
    ) throws(SealingError) -> [[UInt8]] {
        guard (1...BatchTree.mostLeaves).contains(batch.count) else {
            throw SealingError(.tooLarge, "one signature serves 1 to 256 messages")
        }
        let depth = batch.count == 1 ? 0 : Int.bitWidth - (batch.count - 1).leadingZeroBitCount
        let room = depth * SHA256.byteCount + BatchProof.fixedSize
        var messages: [[UInt8]] = []
        messages.reserveCapacity(batch.count)
        for (header, body) in batch {
            try check(header, at: now)
            guard header.sender == member.id else { throw SealingError(.senderUnknown, "a message of another member") }
            try checkKind(header.kind, of: member.role)
            let (key, isKept) = senderKey(header.kind, header.sender, header.boot)
            if !isKept { keep(key, header.kind, header.sender, header.boot) }
            messages.append(try SealedMessage.seal(header, body, key: key, room: room))
        }
        return messages
    }

    /// Opens a message that a member sealed for the group.
    ///
    /// - Throws: `malformed` when it has another layout, or another header than the given one; what `check` throws;
    ///   `senderUnknown`, `senderRole`, `wrongKind`, `commitment`, `signature`, `decryption`, `padding`.
    public func open(
        _ payload: [UInt8], header: RelayHeader, verified: VerifiedBatches, at now: RelayTime
    ) throws(SealingError) -> ArraySlice<UInt8> {
        let message = try GroupMessage(decoding: payload)
        guard message.header == header else { throw SealingError(.malformed, "the header is of another message") }
        return try open(message, verified: verified, at: now)
    }

    /// Opens a message that a member sealed for the group.
    ///
    /// - Throws: what the other `open` throws.
    public func open(
        _ message: GroupMessage, verified: VerifiedBatches, at now: RelayTime
    ) throws(SealingError) -> ArraySlice<UInt8> {
        let header = message.header
        try check(header, at: now)
        guard let sender = core.member(header.sender) else {
            throw SealingError(.senderUnknown, "the sender is not a member of the epoch")
        }
        try checkKind(header.kind, of: sender.role)
        let (key, isKept) = senderKey(header.kind, header.sender, header.boot)
        let sealed = message.signedPart
        // The commitment costs little and needs the epoch's secret: what a broker makes up ends here, not at a signature.
        let messageKey = try SealedMessage.messageKey(sealed, key: key)
        try verify(message.proof, of: sealed, by: sender, verified: verified)
        let body = try SealedMessage.open(sealed, key: messageKey)
        if !isKept { keep(key, header.kind, header.sender, header.boot) }
        return body
    }

    private func checkKind(_ kind: MessageKind, of role: MemberRole) throws(SealingError) {
        guard case .group(let required) = kind.sealing else {
            throw SealingError(.wrongKind, "such messages belong to a session")
        }
        guard required == role else { throw SealingError(.senderRole, "the sender's role does not say such things") }
    }

    private func verify(
        _ proof: BatchProof, of sealed: ArraySlice<UInt8>, by sender: EpochMember, verified: VerifiedBatches
    ) throws(SealingError) {
        let digest = BatchTree.leaf(sealed)
        // A message that was signed alone is verified alone.
        let name =
            proof.count == 1
            ? nil
            : VerifiedBatches.Name(
                senderKey: sender.identityKeyBytes, signature: proof.signature, count: proof.count)
        if let name, let nodes = verified[name] {
            guard nodes.contains(digest, at: proof.leaf, path: proof.path) else { throw Self.notSigned }
            return
        }
        let nodes = KnownNodes(digest, at: proof.leaf, of: proof.count, path: proof.path)
        let signed = BatchProof.signedBytes(root: nodes.root, count: proof.count)
        guard IdentitySignature.isValid(proof.signature, over: signed, by: sender.identityKey) else {
            throw Self.notSigned
        }
        if let name { verified.insert(nodes, as: name) }
    }

    private static let notSigned = SealingError(.signature, "the signature is not the sender's")
}
