internal import Connector
internal import ConnectorServices
internal import Diagnostics
internal import DurableFiles
internal import EnrollmentProtocol
internal import Foundation
internal import IdentityStore
internal import MachineIdentity
internal import RelayFormat

/// What can be seen without leaving this machine's own network.
extension DoctorProbes {
    func configuration() -> DiagnosisFinding {
        switch subject.configuration {
        case .failure(let failure):
            return .fail(failure.message, fix: failure.advice)
        case .success(let configuration) where configuration.services.isEmpty:
            return .warn(
                "\(subject.configurationFile) offers no services",
                fix: "Name under 'services' what the tenant may reach (see ops/examples/connector.yaml).")
        case .success(let configuration):
            let names = configuration.services.keys.sorted()
            return .ok("\(subject.configurationFile): \(names.joined(separator: ", "))")
        }
    }

    func keyFiles() async throws -> DiagnosisFinding {
        let folder = StateFolder(path: subject.state.stateDir)
        let isRegistering = subject.prospect != nil
        guard folder.exists else {
            return isRegistering
                ? .ok("\(folder.path) is made at registration")
                : .fail(
                    "there is no folder \(folder.path)",
                    fix: "Register, or name the folder by --state-dir: postern register <invitation>")
        }
        let faults = await Blocking.run { folder.faults() }
        if let first = faults.first {
            let rest = faults.count == 1 ? "" : ", and \(faults.count - 1) more"
            let fixes = faults.map(\.remedy).map { $0.replacing("Mend it: ", with: "") }
            return .fail(first.message + rest, fix: fixes.joined(separator: "\n"))
        }
        if case .failure(let error) = subject.identity, error.code != .damaged {
            return .fail(error.message, fix: error.remedy)
        }
        return .ok("\(folder.path) and all in it are for user \(geteuid()) alone")
    }

    func identity() throws -> DiagnosisFinding {
        let loaded: LoadedIdentity?
        switch subject.identity {
        case .failure(let error): return .fail(error.message, fix: error.remedy)
        case .success(let identity): loaded = identity
        }
        guard let loaded else {
            return .fail(
                "this machine is not registered (nothing in \(subject.state.stateDir))",
                fix: "Ask the tenant's administrator for an invitation, then: postern register <invitation>")
        }
        let record = loaded.record
        let now = tenantTime.map { $0.said.addingTimeInterval((ContinuousClock.now - $0.at) / .seconds(1)) } ?? Date()
        let policy = try MachineLeafPolicy(
            trustDomain: record.trustDomain, intermediates: Array(loaded.certificates.dropFirst().dropLast()),
            roots: loaded.certificates.suffix(1))
        let leaf: MachineLeaf
        do {
            leaf = try policy.judge(loaded.certificates[0], at: now)
        } catch {
            let isExpired = error.code == .certificateExpired
            return .fail(
                error.message,
                fix: isExpired
                    ? "Start the service, which renews it where the tenant still allows that; else: postern unregister"
                        + " --local, then postern register with a new invitation."
                    : "Register again: postern unregister --local, then postern register with a new invitation.")
        }
        guard leaf.keyFingerprint == loaded.key.fingerprint else {
            return .fail(
                "the certificate does not belong to the key",
                fix: "Bring the folder back from a backup, or register again with a new invitation.")
        }
        let left = Int(leaf.notAfter.timeIntervalSince(now) / 60)
        let note =
            "\(record.connectorID) of \(record.account), generation \(record.generation), valid for \(left / 60) h "
            + "\(left % 60) min"
        guard record.renewAt.addingTimeInterval(3600) < now else { return .ok(note) }
        return .warn(
            note + "; its renewal has been due since \(RFC3339.text(of: record.renewAt))",
            fix: service == nil
                ? "Start the service, which renews it: postern run" : "Look into the service's log for the reason.")
    }

    func policy() -> DiagnosisFinding {
        guard case .success(let configuration) = subject.configuration else { return .skipped("no configuration") }
        var lines: [String] = []
        var doubts: [String] = []
        for (name, service) in configuration.services.sorted(by: { $0.key < $1.key }) {
            switch service {
            case .http(let http):
                let rules = http.policy.allowances
                lines.append("\(name): \(rules.isEmpty ? "nothing is allowed" : rules.joined(separator: "; "))")
                if rules.isEmpty {
                    doubts.append("\(name): add rules under 'allow'; without one it denies everything.")
                }
                if http.policy.allowsEverything {
                    doubts.append("\(name): the tenant may use every method on every path; name what it needs.")
                }
                if http.terms.honoursIdempotencyKey, http.terms.requestClass == .once {
                    doubts.append("\(name): 'class: once' leaves no use for 'honours_idempotency_key'.")
                }
            }
        }
        guard !lines.isEmpty else { return .warn("no service, so that everything is denied", fix: "") }
        let note = lines.joined(separator: "\n")
        return doubts.isEmpty ? .ok(note) : .warn(note, fix: doubts.joined(separator: "\n"))
    }

    func targets() async -> DiagnosisFinding {
        guard case .success(let configuration) = subject.configuration, !configuration.services.isEmpty else {
            return .skipped("no service")
        }
        let looks = await withTaskGroup(of: (name: String, text: String, isReached: Bool).self) { group in
            for (name, service) in configuration.services {
                switch service {
                case .http(let http):
                    let probe = TargetProbe(http.target, timeout: .seconds(Self.patience))
                    group.addTask {
                        do throws(TargetProbe.Failure) {
                            let took = try await probe.run() / .milliseconds(1)
                            let text = took.formatted(.number.precision(.fractionLength(1)))
                            return (name, "\(name): \(probe.place) in \(text) ms", true)
                        } catch {
                            return (name, "\(name): \(probe.place) cannot be reached: \(error)", false)
                        }
                    }
                }
            }
            var looks: [(name: String, text: String, isReached: Bool)] = []
            for await look in group { looks.append(look) }
            return looks.sorted { $0.name < $1.name }
        }
        let note = looks.map(\.text).joined(separator: "\n")
        guard looks.contains(where: { !$0.isReached }) else { return .ok(note) }
        return .fail(
            note,
            fix:
                "Start the service, or mend its 'target' in \(subject.configurationFile); look at the firewall between."
        )
    }

    func disk() async throws -> DiagnosisFinding {
        let folder = StateFolder(path: subject.state.stateDir)
        guard folder.exists else { return .skipped("there is no folder \(folder.path) yet") }
        let (took, free) = try await Blocking.run { () throws in (try folder.measureFlush(), folder.freeBytes) }
        let milliseconds = took / .milliseconds(1)
        let mebibytes = free.map { $0 >> 20 }
        let note =
            "a flush takes \(milliseconds.formatted(.number.precision(.fractionLength(1)))) ms"
            + (mebibytes.map { ", \($0) MiB free" } ?? "")
        if let mebibytes, mebibytes < 64 {
            return .fail(note, fix: "Make room on the disk of \(folder.path): the journal of requests needs it.")
        }
        if let mebibytes, mebibytes < 512 { return .warn(note, fix: "Make room on the disk of \(folder.path).") }
        guard milliseconds < 100 else {
            return .warn(note, fix: "Each request waits for flushes: put \(folder.path) on a faster disk.")
        }
        return .ok(note)
    }

    func version() -> DiagnosisFinding {
        guard let service, service.version != PosternVersion.text else {
            return .ok("postern \(PosternVersion.text); the tenant does not say which versions it wants")
        }
        return .warn(
            "postern \(PosternVersion.text), but the running service is \(service.version)",
            fix: "Restart the service: systemctl restart postern")
    }
}
