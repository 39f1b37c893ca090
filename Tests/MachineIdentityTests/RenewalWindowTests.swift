import Foundation
import MachineIdentity
import Testing

@Suite struct RenewalWindowTests {
    let window = RenewalWindow(
        notBefore: Date(timeIntervalSince1970: 1000), notAfter: Date(timeIntervalSince1970: 4000))

    @Test(arguments: [(0.0, 3000.0), (-1, 2700), (1, 3300), (-9, 2700), (9, 3300)])
    func renewalIsAtTwoThirdsOfTheLifeWithBoundedJitter(jitter: Double, expected: Double) {
        #expect(abs(window.renewAt(jitter: jitter).timeIntervalSince1970 - expected) < 0.001)
    }
}
