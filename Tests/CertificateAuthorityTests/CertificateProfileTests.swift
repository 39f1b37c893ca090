import CertificateAuthority
import Foundation
import Testing

@Suite struct CertificateProfileTests {
    private static let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(
        path: "../../enrollment/profiles")

    @Test(arguments: [
        ("machine", CertificateProfile.machine), ("server", .server), ("intermediate", .intermediate), ("root", .root),
    ])
    func theCompiledProfileIsTheFile(name: String, compiled: CertificateProfile) throws {
        let file = try Data(contentsOf: Self.folder.appending(path: "\(name).json"))
        #expect(try CertificateProfile(json: file) == compiled)
    }

    @Test(arguments: [
        "", "{}", "[]",
        #"{"lifetime_seconds":9,"longest_lifetime_seconds":8,"backdate_seconds":0,"key_usage":[],"extended_key_usage":["clientAuth"]}"#,
        #"{"lifetime_seconds":9,"longest_lifetime_seconds":9,"backdate_seconds":0,"key_usage":["keyCertSign"],"extended_key_usage":["clientAuth"]}"#,
        #"{"lifetime_seconds":9,"longest_lifetime_seconds":9,"backdate_seconds":0,"path_length":0,"key_usage":["keyCertSign"],"extended_key_usage":["clientAuth"]}"#,
        #"{"lifetime_seconds":9,"longest_lifetime_seconds":9,"backdate_seconds":0,"key_usage":["all"],"extended_key_usage":["clientAuth"]}"#,
    ])
    func profilesThatContradictThemselvesAreRefused(json: String) {
        #expect(throws: CertificateAuthorityError.self) { try CertificateProfile(json: json.utf8) }
    }
}
