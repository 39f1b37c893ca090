import Foundation
import LinkFaults
import Testing
import TestTools

/// What the soak does to its site, one thing after the other, drawn from a seed.
struct Nuisance {
    /// One kind of trouble; the first connector of the site is spared those that end its process.
    enum Kind: String, CaseIterable {
        case killConnector = "connector killed"
        case stopConnector = "connector told to stop"
        case freezeConnector = "connector frozen"
        case killTenant = "tenant killed"
        case restartTenant = "tenant told to stop"
        case cut = "link cut"
        case blackHole = "link in a black hole"
        case hold = "packets lost for a while"
        case slow = "link slow"
        case halfOpen = "link half-open"
        case refuse = "new links refused"
    }

    private var generator: SplitMix
    private let names: [String]
    /// How often each kind was done.
    private(set) var counts: [Kind: Int] = [:]

    init(seed: UInt64, connectors names: [String]) {
        generator = SplitMix(seed: seed)
        self.names = names
    }

    /// Does one thing, and puts it right again.
    mutating func next(to site: Site) async throws {
        var kinds = Kind.allCases
        // Ends of the tenant are rarer: each one cuts every caller off.
        if Bool.random(using: &generator) { kinds.removeAll { $0 == .killTenant || $0 == .restartTenant } }
        guard let kind = kinds.randomElement(using: &generator),
            let victim = names.dropFirst().randomElement(using: &generator),
            let name = names.randomElement(using: &generator), let path = site.paths[name]
        else { return }
        counts[kind, default: 0] += 1
        switch kind {
        case .killConnector:
            await site.end(victim, by: SIGKILL)
            try await pause(0.1...1.5)
            try site.start(victim)
        case .stopConnector:
            await site.end(victim, by: SIGTERM)
            try await pause(0.1...1)
            try site.start(victim)
        case .freezeConnector:
            site.connectors[victim]?.signal(SIGSTOP)
            try await pause(1...6)
            site.connectors[victim]?.signal(SIGCONT)
        case .killTenant:
            await site.killTenant()
            try await pause(0...1)
            try await site.serve()
        case .restartTenant:
            site.tenant?.signal(SIGTERM)
            _ = await site.tenant?.wait()
            try await site.serve()
        case .cut: await path.cut()
        case .blackHole:
            path.blackHole()
            try await pause(1...6)
            path.heal()
        case .hold:
            path.set {
                $0.toTenant.carriage = .holds
                $0.fromTenant.carriage = .holds
            }
            try await pause(0.5...4)
            path.heal()
        case .slow:
            path.set {
                $0.toTenant.delay = .milliseconds(80)
                $0.fromTenant.delay = .milliseconds(80)
            }
            try await pause(1...4)
            path.heal()
        case .halfOpen: await path.loseTenantSide()
        case .refuse:
            path.set { $0.refuses = true }
            await path.cut()
            try await pause(0.5...3)
            path.heal()
        }
        try await pause(0.2...1.5)
    }

    private mutating func pause(_ seconds: ClosedRange<Double>) async throws {
        try await Task.sleep(for: .seconds(Double.random(in: seconds, using: &generator)))
    }
}
