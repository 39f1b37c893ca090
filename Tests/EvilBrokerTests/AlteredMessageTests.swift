import BrokerCore
import Connector
import Dispatcher
import RelayFormat
import RelayKeys
import RelaySealing
import Testing

@Suite("A message that the broker alters", .timeLimit(.minutes(3)))
struct AlteredMessageTests {
    @Test(
        "is refused whichever byte of it is changed, and the true one still does its work",
        arguments: EvilCase.crossed)
    func flips(evil: EvilCase) async throws {
        try await EvilSite.run(evil) { site in
            let tenant = site.tenant("acme")
            let cases = EvilTenant.kinds.map { ($0, 20) } + [(.request, 20_000), (.response, 20_000)]
            for (kind, size) in cases {
                try await tenant.whileHeld(kind, size: size) { captured in
                    for part in MessagePart.parts(of: captured.record.payload, captured.header, at: captured.place) {
                        try await site.expectRefused(
                            part.flips(of: captured.record.payload), at: captured.record.place,
                            lane: captured.record.lane, by: captured.tally, as: part.reasons, "\(kind): \(part.name)")
                    }
                }
            }
        }
    }

    // No message spans several records: there is no stream that could be cut short between two of them.
    @Test("is refused at every length but its own", arguments: EvilCase.allCases)
    func lengths(evil: EvilCase) async throws {
        try await EvilSite.run(evil) { site in
            let tenant = site.tenant("acme")
            for kind in EvilTenant.kinds {
                try await tenant.whileHeld(kind) { captured in
                    let payload = captured.record.payload
                    let shorter = (1..<payload.count).map { Array(payload.prefix($0)) }
                    let longer = [1, 16, 64, 66, 256, 768].map { payload + [UInt8](repeating: 0, count: $0) }
                    try await site.expectRefused(
                        shorter + longer, at: captured.record.place, lane: captured.record.lane, by: captured.tally,
                        as: [.malformed, .commitment, .signature, .decryption], "\(kind)")
                }
            }
        }
    }

    @Test("is refused with any part of another true message in it", arguments: EvilCase.allCases)
    func swaps(evil: EvilCase) async throws {
        try await EvilSite.run(evil) { site in
            let tenant = site.tenant("acme")
            // What others said before.
            let other = try tenant.connector("other")
            other.start()
            for number in 0..<3 { #expect(await tenant.call("/\(number)", class: .once).text == "/\(number)") }
            try await site.waitUntilSettled()
            await other.kill()
            for kind in EvilTenant.kinds {
                try await tenant.whileHeld(kind) { captured in
                    let own = captured.record.payload
                    let proof = own.count - MessagePart.proofSize(of: own, captured.header)
                    var swapped: [[UInt8]] = []
                    func swap(_ part: Range<Int>, with donor: [UInt8], at place: Range<Int>? = nil) {
                        let place = place ?? part
                        guard place.upperBound <= donor.count, donor[place] != own[part] else { return }
                        var changed = own
                        changed.replaceSubrange(part, with: donor[place])
                        swapped.append(changed)
                    }
                    for donor in captured.strangers(site.broker) {
                        for field in MessagePart.fields { swap(field.bytes, with: donor) }
                        // Commitment, ciphertext, tag; all of them; the header as a whole.
                        swap(128..<160, with: donor)
                        swap(160..<proof - 16, with: donor)
                        swap(proof - 16..<proof, with: donor)
                        swap(128..<proof, with: donor)
                        swap(0..<128, with: donor)
                        // What follows the tag: place in the batch and signature, or the signature alone.
                        guard proof < own.count, donor.count >= 226 else { continue }
                        swap(own.count - 66..<own.count, with: donor, at: donor.count - 66..<donor.count)
                        swap(own.count - 64..<own.count, with: donor, at: donor.count - 64..<donor.count)
                    }
                    #expect(swapped.count > 50)
                    try await site.expectRefused(
                        swapped, at: captured.record.place, lane: captured.record.lane, by: captured.tally,
                        as: [
                            .malformed, .wrongKind, .wrongSuite, .foreignGroup, .unknownEpoch, .expiredEpoch,
                            .senderUnknown, .senderRole, .unknownSession, .commitment, .signature, .decryption, .stale,
                        ], "\(kind)")
                }
            }
        }
    }
}
