internal import EnrollmentProtocol
internal import Foundation
internal import MachineIdentity
internal import NIOCore

/// Finds out why a server was not believed, by one more look at it that says nothing secret.
///
/// The reasons are asked in this order: this machine's clock, the certificate's own time, another issuer than the one
/// expected (as with a proxy that inspects TLS), another name.
struct ServerDistrust: Sendable {
    let endpoint: TenantEndpoint
    let proxy: ProxySettings.Proxy?
    let trust: ServerTrust
    let expectedIssuer: Pin?

    /// The error with the reason in it; the same error if a second look says no more.
    func explain(_ error: EnrollmentClientError, now: Date = Date()) async -> EnrollmentClientError {
        let probe = TLSProbe(endpoint: endpoint, proxy: proxy, timeout: .seconds(3))
        guard let sighting = try? await probe.look(at: "/v1/ca") else { return error }
        return explain(error, sighting, now: now)
    }

    func explain(_ error: EnrollmentClientError, _ sighting: ServerSighting, now: Date) -> EnrollmentClientError {
        if let validity = sighting.validity, !validity.contains(now) {
            return isOutOfTime(validity, sighting, now: now)
        }
        let isForeign =
            switch trust {
            case .installation(let root): !isBelow(root, sighting)
            case .file, .system: sighting.names.contains(where: isOurs)
            }
        if isForeign {
            return EnrollmentClientError(
                error.code,
                "TLS with \(place) failed: the server's certificate is not trusted. Its issuer is \(sighting.issuer), "
                    + "expected is \(expectation).",
                advice:
                    "Nothing secret was sent. If a proxy of yours inspects TLS, except this host there, or name its "
                    + "authority by SSL_CERT_FILE where the tenant has a certificate of a public authority; if the "
                    + "tenant changed its certificate, ask its administrator.")
        }
        if endpoint.isAddress, proxy != nil {
            return EnrollmentClientError(
                error.code,
                "TLS with \(place) failed: the certificate's address cannot be checked behind a proxy.",
                advice: "Use the tenant's name in its URL, or reach it without the proxy (NO_PROXY).")
        }
        guard !sighting.names.contains(where: isOurs) else { return error }
        return EnrollmentClientError(
            error.code,
            "TLS with \(place) failed: the server's certificate is for "
                + "\(sighting.names.isEmpty ? "no name" : sighting.names.joined(separator: ", ")), not for "
                + "\(endpoint.host).",
            advice: "Use the URL that the tenant's administrator gave, or have the name added to its certificate.")
    }

    private func isOutOfTime(
        _ validity: ClosedRange<Date>, _ sighting: ServerSighting, now: Date
    ) -> EnrollmentClientError {
        let looks = now < validity.lowerBound ? "not valid yet" : "expired"
        let range = "\(validity.lowerBound.ISO8601Format()) to \(validity.upperBound.ISO8601Format())"
        guard let date = sighting.date, validity.contains(date) else {
            return EnrollmentClientError(
                .untrustedServer,
                "TLS with \(place) failed: the server's certificate is \(looks) (it is valid from \(range), and it is "
                    + "\(now.ISO8601Format())).",
                advice: "The tenant has to renew its certificate, unless this machine's clock is wrong.")
        }
        return EnrollmentClientError(
            .wrongClock,
            "TLS with \(place) failed: by this machine's clock the server's certificate is \(looks) (valid from "
                + "\(range)). The clock says \(now.ISO8601Format()), the server \(date.ISO8601Format()): this machine's "
                + "clock is \(ClockDifference(local: now, server: date)).",
            advice: "Set this machine's clock, as by: timedatectl set-ntp true")
    }

    private var place: String { proxy.map { "\(endpoint) (through the proxy \($0))" } ?? "\(endpoint)" }

    private var expectation: String {
        let pin = expectedIssuer.map { " (\($0))" } ?? ""
        return switch trust {
        case .installation: "one below the tenant's own root\(pin)"
        case .file(let path): "one below an authority in \(path)\(pin)"
        case .system: "one below an authority that this system trusts\(pin)"
        }
    }

    private func isBelow(_ rootPEM: String, _ sighting: ServerSighting) -> Bool {
        guard let root = try? CertificatePEM.decode(rootPEM).first, let leaf = sighting.chain.certificates.first else {
            return false
        }
        if PresentedChain.isSigned(leaf, by: root) { return true }
        guard let issuer = sighting.chain.issuer(among: [])?.certificate else { return false }
        return PresentedChain.isSigned(issuer, by: root)
    }

    private func isOurs(_ name: String) -> Bool {
        let name = name.lowercased()
        guard name.hasPrefix("*.") else { return name == endpoint.host }
        return endpoint.host.drop { $0 != "." } == name.dropFirst()
    }
}
