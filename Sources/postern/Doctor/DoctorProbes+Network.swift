internal import Diagnostics
internal import DurableFiles
internal import EnrollmentClient
internal import EnrollmentProtocol
internal import Foundation
internal import IdentityStore
internal import MachineIdentity

/// The way to the tenant, step by step.
extension DoctorProbes {
    private func route() throws -> RouteProbe {
        RouteProbe(endpoint: try endpoint(), proxies: subject.proxies, timeout: Self.patience)
    }

    private func endpoint() throws -> TenantEndpoint {
        guard let endpoint = subject.endpoint else {
            throw CommandFailure(.notRegistered, "no tenant is known", advice: "Name one by --url.")
        }
        return endpoint
    }

    func addresses() async throws -> DiagnosisFinding {
        let route = try route()
        let addresses = try await Blocking.run { () throws in try route.addresses() }
        let whose = route.proxy == nil ? "" : " (the proxy; the tenant's name is the proxy's to resolve)"
        return .ok("\(route.host)\(whose): \(addresses.joined(separator: ", "))")
    }

    func proxy() async throws -> DiagnosisFinding {
        if case .failure(let failure) = subject.network { throw failure }
        let route = try route()
        guard let proxy = route.proxy else { return .ok("none on the way to \(try endpoint())") }
        try await route.knockAtProxy()
        do throws(EnrollmentClientError) {
            try await route.knock()
        } catch {
            guard error.code == .proxyRefused else {
                // The proxy did its part: the row about the connection tells the rest.
                return .ok("\(proxy) answers")
            }
            throw error
        }
        return .ok("\(proxy) makes a tunnel\(proxy.credentials == nil ? "" : ", with user and password")")
    }

    func tcp() async throws -> DiagnosisFinding {
        let route = try route()
        try await route.knock()
        return .ok("\(try endpoint()) is reached" + (route.proxy.map { " through \($0)" } ?? ""))
    }

    /// The tenant's time comes with an answer that nobody has to believe yet: TLS is judged after the clock.
    func clock() async throws -> DiagnosisFinding {
        let endpoint = try endpoint()
        let seen: ServerSighting
        do throws(EnrollmentClientError) {
            seen = try await ServerExamination(
                endpoint: endpoint, proxies: subject.proxies, timeout: Self.patience
            ).look()
        } catch {
            return .skipped("the tenant says no time: see tls")
        }
        sighting = seen
        guard let date = seen.date else { return .skipped("the tenant says no time") }
        tenantTime = (date, .now)
        let now = Date()
        let difference = ClockDifference(local: now, server: date)
        let fix = "Set this machine's clock, as by: timedatectl set-ntp true"
        let note = "this machine's clock is \(difference) of the tenant's"
        if let validity = seen.validity, !validity.contains(now), validity.contains(date) {
            let looks = now < validity.lowerBound ? "not valid yet" : "expired"
            return .fail("\(note), so that the tenant's certificate looks \(looks)", fix: fix)
        }
        return abs(difference.seconds) > 30 ? .warn(note, fix: fix) : .ok("within \(abs(difference.seconds) + 1) s")
    }

    func tls() async throws -> DiagnosisFinding {
        let endpoint = try endpoint()
        let identity = subject.loaded
        let examination = ServerExamination(
            endpoint: endpoint, proxies: subject.proxies,
            authorityFile: subject.prospect?.authorityFile ?? (try? subject.network.get())?.authorityFile,
            timeout: Self.patience)
        let seen: ServerSighting
        if let sighting { seen = sighting } else { seen = try await examination.look() }
        let trust: ServerTrust
        var doubt = ""
        if let identity {
            trust = identity.record.serverTrust
        } else if let authority = subject.prospect?.authority {
            do throws(EnrollmentClientError) {
                let finding = try examination.judge(
                    seen, .init(serverIssuer: subject.prospect?.serverIssuer, authority: authority))
                self.finding = finding
                trust = finding.trust
            } catch {
                guard error.code == .unexpectedAnswer else { throw error }
                return .ok("issuer \(seen.issuer)")
            }
        } else {
            guard let root = seen.presentedRoot else { return .ok("issuer \(seen.issuer)") }
            trust = try examination.judge(seen, .init(serverIssuer: nil, authority: root)).trust
            doubt = "compare with the administrator's pins: root \(root), issuer \(seen.issuer)"
        }
        try await verify(trust, at: endpoint)
        if !doubt.isEmpty { return .warn("issuer \(seen.issuer)", fix: "Give --ca-pin, or \(doubt).") }
        if let identity, case .installation = identity.record.serverTrust {
            return .ok("issuer \(seen.issuer), below the tenant's own root")
        }
        if let expected = identity?.record.serverIssuerPin, seen.issuerPin != expected {
            return .warn(
                "issuer is \(seen.issuer), expected \(expected), the one at registration",
                fix:
                    "Public authorities change theirs; if yours is a proxy that inspects TLS, except \(endpoint.host) there."
            )
        }
        return .ok("issuer \(seen.issuer)")
    }

    /// A connection under the rule that all the program's connections follow.
    private func verify(_ trust: ServerTrust, at endpoint: TenantEndpoint) async throws {
        let file = (try? subject.network.get())?.authorityFile
        let http = try TenantHTTPClient(
            .init(
                endpoint: endpoint, tls: ClientTLS(trust: trust, systemAuthorityFile: file),
                expectedIssuer: subject.loaded?.record.serverIssuerPin ?? finding?.issuerPin, proxies: subject.proxies,
                connectTimeout: Self.patience, callTimeout: Self.patience))
        _ = try await http.use { http async throws(EnrollmentClientError) in
            try await http.exchange("GET", APIPath.authority)
        }
    }
}
