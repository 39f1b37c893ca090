import EnrollmentProtocol
import Testing

@Suite struct InvitationTests {
    private static func sample() -> Invitation {
        var generator = SystemRandomNumberGenerator()
        return Invitation(
            url: "https://tenant.example:8443", account: "gw-site-a",
            secret: .random(.enrollment, using: &generator), serverIssuer: Pin(publicKeyDER: [1]),
            authority: Pin(publicKeyDER: [2]), keyAuthority: Pin(publicKeyDER: [3]))
    }

    @Test func theTextReadsBackWhateverWhiteSpaceIsInIt() throws {
        let invitation = Self.sample()
        let broken = invitation.text.enumerated().map { $0.offset % 60 == 59 ? "\($0.element)\n " : "\($0.element)" }
        for text in [invitation.text, "  " + broken.joined() + "\n"] {
            let read = try Invitation(text)
            #expect(read.url == invitation.url)
            #expect(read.account == invitation.account)
            #expect(read.secret.text == invitation.secret.text)
            #expect(read.serverIssuer == invitation.serverIssuer)
            #expect(read.authority == invitation.authority)
            #expect(read.keyAuthority == invitation.keyAuthority)
        }
    }

    @Test func anyChangedOrMissingCharacterIsFound() {
        let text = Array(Self.sample().text)
        for place in text.indices {
            var changed = text
            changed[place] = changed[place] == "a" ? "b" : "a"
            #expect(throws: EnrollmentProtocolError(.malformedInvitation, "")) { try Invitation(String(changed)) }
            #expect(throws: EnrollmentProtocolError(.malformedInvitation, "")) {
                try Invitation(String(text.prefix(place)))
            }
        }
    }

    @Test func anInvitationIsPrintedWithoutItsSecret() {
        let invitation = Self.sample()
        #expect("\(invitation)" == "invitation of gw-site-a to https://tenant.example:8443")
        #expect(String(reflecting: invitation) == "\(invitation)")
    }
}
