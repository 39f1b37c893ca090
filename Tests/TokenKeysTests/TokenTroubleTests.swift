import Foundation
import TestTools
import Testing
import TokenKeys

/// What goes wrong with tokens that SoftHSM2 does not do, by a module of our own.
@Suite("A token in trouble", .serialized) final class TokenTroubleTests {
    private let folder = FileManager.default.temporaryDirectory.appending(path: "postern-fake-\(UUID().uuidString)")
        .path
    private let module: FakeModule

    init() throws { module = try FakeModule(in: folder) }
    deinit { try? FileManager.default.removeItem(atPath: folder) }

    private func code(pin: String, patience: Duration = .seconds(10)) -> TokenKeyError.Code? {
        let holder = TokenKeyHolder(environment: ["POSTERN_KEY_PIN": pin], patience: patience)
        do { try holder.check(module.place) } catch { return (error as? TokenKeyError)?.code }
        return nil
    }

    @Test("a PIN that was wrong is not tried again, another one is")
    func wrong() throws {
        try module.set("login", 0xA0)
        for _ in 0..<5 { #expect(code(pin: "1111") == .pinWrong) }
        #expect(module.logins == 1)
        #expect(code(pin: "2222") == .pinWrong)
        #expect(module.logins == 2)
        try module.set("login", 0)
        #expect(code(pin: "2222") == .pinWrong && module.logins == 2)
        #expect(code(pin: "3333") == nil && module.logins == 3)
        // Logged in: nothing more is asked of the PIN.
        #expect(code(pin: "3333") == nil && module.logins == 3)
    }

    @Test("the last try is left to a person, and a locked token is not tried")
    func lastTry() throws {
        try module.set("flags", 0x20000)
        #expect(code(pin: "1111") == .pinLastTry)
        try module.set("flags", 0x40000)
        #expect(code(pin: "1111") == .pinLocked)
        #expect(module.logins == 0)
        try module.set("flags", 0x10000)
        try module.set("login", 0xA4)
        #expect(code(pin: "1111") == .pinLocked)
        try module.set("login", 0x102)
        #expect(code(pin: "1111") == .pinLocked)
    }

    @Test("a session that is lost is made anew once, and a failure that stays is told")
    func lost() throws {
        #expect(code(pin: "1111") == nil && module.logins == 1)
        try module.set("find", 0xB3)
        #expect(code(pin: "1111") == .refused && module.logins == 2)
        try module.set("find", 0x32)
        #expect(code(pin: "1111") == .tokenMissing)
        try module.set("find", 0)
        #expect(code(pin: "1111") == nil)
    }

    @Test("a token that hangs keeps nobody longer than the limit, and is used again when it answers")
    func silent() throws {
        try module.set("hang", 2)
        let begun = ContinuousClock.now
        #expect(code(pin: "1111", patience: .milliseconds(200)) == .silent)
        #expect(ContinuousClock.now - begun < .milliseconds(1500))
        try module.set("hang", 0)
        #expect(code(pin: "1111") == nil)
    }
}
