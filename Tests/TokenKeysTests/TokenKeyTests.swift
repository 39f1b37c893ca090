import Crypto
import Foundation
import IdentityStore
import MachineIdentity
import TestTools
import Testing
import TokenKeys

/// With SoftHSM2, which finds its tokens by the environment: one folder for all tests of this process.
@Suite("Keys in a token", .serialized) struct TokenKeyTests {
    private static let folder = FileManager.default.temporaryDirectory.appending(path: "postern-token-\(getpid())").path
    private static let made = Result { () throws -> SoftToken in
        let token = try SoftToken(in: folder)
        setenv("SOFTHSM2_CONF", token.folder + "/softhsm2.conf", 1)
        atexit { try? FileManager.default.removeItem(atPath: TokenKeyTests.folder) }
        return token
    }

    let token: SoftToken
    let holder = TokenKeyHolder(environment: [:])

    init() throws {
        token = try Self.made.get()
        try token.write(pin: SoftToken.pin)
    }

    private func makeKey() throws -> (place: String, key: any HeldKey) {
        let place = try holder.newPlace(at: token.place)
        return (place, try holder.key(place, publicKey: holder.makeKey(place)))
    }

    private func code(_ body: () throws -> Void) -> TokenKeyError.Code? {
        do { try body() } catch { return (error as? TokenKeyError)?.code }
        return nil
    }

    private func code(_ body: () async throws -> Void) async -> TokenKeyError.Code? {
        do { try await body() } catch { return (error as? TokenKeyError)?.code }
        return nil
    }

    @Test("are made in it, sign, cannot be taken out, and are gone when they are destroyed")
    func life() async throws {
        let before = try token.keys().count
        let (place, key) = try makeKey()
        for count in 0..<5 {
            let bytes = Array("message \(count)".utf8)
            #expect(key.publicKey.isValidSignature(try await key.signature(for: bytes), for: bytes))
        }
        #expect(key.lastFailure == nil)
        // Made once: whoever comes again finds it.
        #expect(try holder.makeKey(place).rawRepresentation == key.publicKey.rawRepresentation)
        let keys = try token.keys()
        #expect(keys.count == before + 1)
        let id = place.components(separatedBy: "id=")[1].prefix { $0 != "?" }.filter { $0 != "%" }.lowercased()
        let usage = try #require(keys.first { $0.id == id }?.text)
        #expect(
            usage.contains("sensitive") && usage.contains("never extractable") && usage.contains("local"), "\(usage)")
        try holder.destroyKey(place)
        try holder.destroyKey(place)
        #expect(try token.keys().count == before && token.keys("pubkey").count == before)
        #expect(await code { _ = try await key.signature(for: [1]) } == .keyMissing)
        #expect(key.lastFailure?.reason == "token-key-missing")
    }

    @Test("make a certificate request that their own signature holds together")
    func request() async throws {
        let (place, key) = try makeKey()
        let request = try await CertificateRequest.make(key: .held(key), challenge: "nonce")
        let read = try CertificateRequest(verifying: request.der)
        #expect(read.challenge == "nonce" && read.publicKey.rawRepresentation == key.publicKey.rawRepresentation)
        try holder.destroyKey(place)
    }

    @Test("sign for many at once, one after the other")
    func parallel() async throws {
        let (place, key) = try makeKey()
        try await withThrowingTaskGroup(of: Bool.self) { group in
            for count in 0..<100 {
                group.addTask {
                    let bytes = Array("message \(count)".utf8)
                    return key.publicKey.isValidSignature(try await key.signature(for: bytes), for: bytes)
                }
            }
            for try await isValid in group { #expect(isValid) }
        }
        try holder.destroyKey(place)
    }

    @Test("work on when the token was away, and say so while it is")
    func away() async throws {
        let (place, key) = try makeKey()
        try token.move(away: true)
        #expect(await code { _ = try await key.signature(for: [1]) } == .tokenMissing)
        #expect(code { try holder.check(token.place) } == .tokenMissing)
        try token.putBack()
        let signature = try await key.signature(for: [1])
        #expect(key.publicKey.isValidSignature(signature, for: [1]) && key.lastFailure == nil)
        try holder.destroyKey(place)
    }

    @Test("survive that their session, or all of the module's state, is taken away")
    func sessionLost() async throws {
        let (place, key) = try makeKey()
        _ = try await key.signature(for: [1])
        // In the same process it is the same library, and knows the same sessions.
        let library = try #require(dlopen(SoftToken.module, RTLD_NOW))
        defer { dlclose(library) }
        typealias Slots = @convention(c) (UInt8, UnsafeMutablePointer<UInt>?, UnsafeMutablePointer<UInt>) -> UInt
        typealias Close = @convention(c) (UInt) -> UInt
        typealias Finalize = @convention(c) (UnsafeMutableRawPointer?) -> UInt
        let list = unsafeBitCast(try #require(dlsym(library, "C_GetSlotList")), to: Slots.self)
        let close = unsafeBitCast(try #require(dlsym(library, "C_CloseAllSessions")), to: Close.self)
        let finalize = unsafeBitCast(try #require(dlsym(library, "C_Finalize")), to: Finalize.self)
        var slots = [UInt](repeating: 0, count: 16)
        var count = UInt(slots.count)
        #expect(list(1, &slots, &count) == 0)
        for slot in slots.prefix(Int(count)) { #expect(close(slot) == 0) }
        #expect(key.publicKey.isValidSignature(try await key.signature(for: [2]), for: [2] as [UInt8]))
        #expect(finalize(nil) == 0)
        #expect(key.publicKey.isValidSignature(try await key.signature(for: [3]), for: [3] as [UInt8]))
        try holder.destroyKey(place)
    }

    @Test("work in two processes at a time, and survive what the other one does")
    func twoProcesses() async throws {
        let (place, key) = try makeKey()
        _ = try await key.signature(for: [1])
        let data = token.folder + "/data"
        try Data(SHA256.hash(data: [1, 2, 3])).write(to: URL(filePath: data))
        let id = place.components(separatedBy: "id=")[1].prefix { $0 != "?" }.filter { $0 != "%" }
        try SoftToken.run(
            "pkcs11-tool",
            [
                "--module", SoftToken.module, "--token-label", token.label, "--login", "--pin", SoftToken.pin, "--sign",
                "--mechanism", "ECDSA", "--id", id, "--input-file", data, "--output-file", data + ".sig",
            ], token.environment)
        let raw = try Data(contentsOf: URL(filePath: data + ".sig"))
        #expect(key.publicKey.isValidSignature(try .init(rawRepresentation: raw), for: [1, 2, 3] as [UInt8]))
        _ = try await key.signature(for: [2])
        try SoftToken.run(
            "pkcs11-tool",
            [
                "--module", SoftToken.module, "--token-label", token.label, "--login", "--pin", SoftToken.pin,
                "--delete-object", "--type", "privkey", "--id", id,
            ], token.environment)
        #expect(await code { _ = try await key.signature(for: [3]) } == .keyMissing)
        try holder.destroyKey(place)
    }

    @Test("are not believed when the token signs with another key")
    func exchanged() async throws {
        let (place, _) = try makeKey()
        let other = try holder.key(place, publicKey: MachineKey().publicKey)
        #expect(await code { _ = try await other.signature(for: [1]) } == .keyUnsuitable)
        try holder.destroyKey(place)
    }

    @Test("a wrong PIN is tried once, a corrected one is taken")
    func wrongPIN() async throws {
        // In a token of its own: the login is one for the process.
        let folder = token.folder + "/second"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try SoftToken.run(
            "softhsm2-util",
            ["--init-token", "--free", "--label", "second", "--so-pin", "12345678", "--pin", "4321"], token.environment)
        let file = folder + "/pin"
        func write(_ pin: String) throws {
            try pin.write(toFile: file, atomically: false, encoding: .utf8)
            chmod(file, 0o600)
        }
        let place = "pkcs11:token=second?module-path=\(SoftToken.module)&pin-source=file:\(file)"
        try write("9999")
        for _ in 0..<3 { #expect(code { try holder.check(place) } == .pinWrong) }
        try write("")
        #expect(code { try holder.check(place) } == .pinMissing)
        try write("4321")
        chmod(file, 0o644)
        #expect(code { try holder.check(place) } == .pinMissing)
        chmod(file, 0o600)
        try holder.check(place)
    }

    @Test("a PIN also comes from systemd's credential and from the environment, and is asked for")
    func pinSources() throws {
        let bare = "pkcs11:token=third?module-path=\(SoftToken.module)"
        try SoftToken.run(
            "softhsm2-util", ["--init-token", "--free", "--label", "third", "--so-pin", "12345678", "--pin", "4321"],
            token.environment)
        #expect(code { try holder.check(bare) } == .pinMissing)
        let credentials = token.folder + "/credentials"
        try FileManager.default.createDirectory(atPath: credentials, withIntermediateDirectories: true)
        try "4321\n".write(toFile: credentials + "/postern-pin", atomically: false, encoding: .utf8)
        chmod(credentials + "/postern-pin", 0o440)
        try TokenKeyHolder(environment: ["CREDENTIALS_DIRECTORY": credentials]).check(bare)
        try TokenKeyHolder(environment: ["POSTERN_KEY_PIN": "4321"]).check(bare)
    }

    @Test("a module that is none, and a token that is not there, are named")
    func missing() throws {
        for module in ["/nowhere/module.so", "/etc/hostname", "/lib/x86_64-linux-gnu/libm.so.6"]
        where module.hasPrefix("/nowhere") || FileManager.default.fileExists(atPath: module) {
            #expect(code { try holder.check("pkcs11:token=postern?module-path=\(module)") } == .moduleMissing)
        }
        #expect(code { try holder.check("pkcs11:token=other?module-path=\(SoftToken.module)") } == .tokenMissing)
        #expect(code { try holder.check("pkcs11:token=postern") } == .invalidURI)
        #expect(code { _ = try holder.placeForNewKeys(token.place + ";id=%00") } == .invalidURI)
        // Where module and PIN are now is said by the environment.
        let moved = TokenKeyHolder(environment: ["POSTERN_KEY": token.place])
        try moved.check("pkcs11:token=postern?module-path=/nowhere/module.so&pin-source=file:/nowhere/pin")
    }
}
