import Crypto
import RelayFormat
import RelaySealing
import Testing

@Suite("A message sealed for a group")
struct GroupMessageTests {
    private let verified = VerifiedBatches()

    @Test("each member opens it, whatever its size", arguments: SealingSuite.allCases)
    func roundTrip(suite: SealingSuite) throws {
        let stage = try SealingStage(suite: suite)
        let sender = try stage.epoch(of: stage.dispatcher)
        let receivers = try stage.connectors.map { try stage.epoch(of: $0) } + [sender]
        var sequence: UInt64 = 0
        for (size, padded) in [
            (0, 320), (1, 320), (316, 320), (317, 1280), (1276, 1280), (1277, 2560), (2556, 2560), (2557, 5120),
            (5116, 5120), (5117, 10240), (10236, 10240), (10237, 20480), (20476, 20480), (20477, 40960), (40956, 40960),
            (40957, 81920), (81916, 81920), (81917, 163_840), (163_837, 245_760), (245_757, 327_680),
            (327_676, 327_680),
        ] {
            sequence += 1
            let header = stage.header(.request, from: stage.dispatcher, sequence: sequence)
            let body = (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 7) }
            let payload = try sender.seal([(header, body)], by: stage.dispatcher.identity, at: SealingStage.now)[0]
            #expect(payload.count == 128 + 32 + padded + 16 + 66)
            #expect(payload.count <= RelayLimits.sealedMessage)
            #expect(try headerOf(payload) == header)
            for receiver in receivers {
                #expect(
                    try receiver.open(payload, header: header, verified: verified, at: SealingStage.now) == body[...])
            }
        }
        let header = stage.header(.request, from: stage.dispatcher, sequence: 99)
        let body = [UInt8](repeating: 1, count: 327_677)
        #expect(
            refusal { try sender.seal([(header, body)], by: stage.dispatcher.identity, at: SealingStage.now) }
                == .tooLarge)
    }

    @Test("a body shows nowhere in the bytes")
    func nothingShows() throws {
        let stage = try SealingStage()
        let marker = Array("a marker that must not be seen".utf8)
        let payload = try stage.seal(.request, marker, from: stage.dispatcher)
        for start in 0..<payload.count - marker.count {
            #expect(Array(payload[start..<start + 8]) != Array(marker.prefix(8)))
        }
    }

    @Test("the longest message of the relay fits, sealed with the longest proof")
    func longest() {
        let padded = 320 * 1024
        #expect(RelayLimits.message - RelayHeader.size + 4 <= padded)
        #expect(RelayHeader.size + 32 + padded + 16 + 8 * 32 + 66 <= RelayLimits.sealedMessage)
    }

    @Test("only those say something whose role it is")
    func roles() throws {
        let stage = try SealingStage()
        let connector = stage.connectors[0]
        for kind in MessageKind.allCases {
            for person in [stage.dispatcher, connector] {
                let expected: SealingError.Code? =
                    switch kind.sealing {
                    case .group(person.member.role): nil
                    case .group: .senderRole
                    case .session: .wrongKind
                    }
                #expect(refusal { try stage.seal(kind, [1], from: person) } == expected, "\(kind)")
            }
        }
    }
}
