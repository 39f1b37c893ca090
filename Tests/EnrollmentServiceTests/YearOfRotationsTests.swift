import CertificateAuthority
import Crypto
import EnrollmentProtocol
import Foundation
import HTTPTypes
import MachineIdentity
import RelayFormat
import RelaySealing
import Testing

@testable import EnrollmentService

/// A year of a connector with certificates of one day, by a manual clock, while what it rests on is exchanged below it.
@Suite struct YearOfRotationsTests {
    /// What is exchanged in the course of a year, and on which days.
    private enum Rotation: CaseIterable {
        /// The intermediate: signs from the tenant's next start on.
        case intermediate
        /// The key of queue credentials and access tokens: while the tenant serves.
        case tokenKey
        /// The key that signs the epochs of sealing: while the tenant serves.
        case keyAuthority

        func isDue(on day: Int) -> Bool {
            switch self {
            case .intermediate: [61, 183, 305].contains(day)
            case .tokenKey: day > 0 && day.isMultiple(of: 30)
            case .keyAuthority: [60, 184, 306].contains(day)
            }
        }
    }

    private static let day: TimeInterval = 86_400
    private static let nonce: [UInt8] = Array(1...32)

    /// The tenant of today, and what has been seen of its keys.
    private struct Course {
        var stage: Stage
        var intermediates: Set<String> = []
        var signers: Set<String> = []
        var counts: [Rotation: Int] = [:]
        /// How many Key Authorities came after the first one.
        var authorities = 0

        mutating func carryOut(_ rotation: Rotation) async throws {
            switch rotation {
            case .intermediate:
                _ = try await Installation.rotateIntermediate(
                    in: stage.installation.folder, rootKeyPEM: nil, distrustFormer: false, now: stage.now)
                stage = try await Stage(restarting: stage)
            case .tokenKey:
                _ = try stage.installation.rotateTokenKey(lead: TokenKey.usualLead, now: stage.now)
            case .keyAuthority:
                _ = try await stage.installation.rotateKeyAuthority(
                    of: try stage.installation.registry.tenant(slug: "acme"), rootKeyPEM: nil, now: stage.now)
            }
            counts[rotation, default: 0] += 1
        }

        /// Goes from the pinned Key Authority to the present one, as a connector does that believes its root alone.
        func successor(of pinned: P256.Signing.PublicKey, for machine: Machine) async throws -> P256.Signing.PublicKey {
            let answer = try await stage.call(.get, APIPath.keyAuthority, certificate: machine.certificate)
                .message(KeyAuthorityAnswer.self)
            let tenant = try #require(TenantID(stage.acme.tenant.id))
            var key = pinned
            for step in answer.successions {
                let succession = try KeyAuthoritySuccession(decoding: Array(step.statement))
                guard succession.oldKey.rawRepresentation == key.rawRepresentation else { continue }
                let authority = try #require(try CertificatePEM.decode(step.authority).first)
                let signer = try P256.Signing.PublicKey(x963Representation: StoredCertificate.publicKey(in: authority))
                try succession.verify(tenant: tenant, pinned: key, root: .p256(signer))
                key = succession.newKey
            }
            return key
        }
    }

    @Test func aYearPassesWhileIntermediateTokenKeysAndKeyAuthorityAreRotated() async throws {
        // The first stage owns the folder, and so lives to the end.
        let first = try await Stage()
        var course = Course(stage: first)
        let start = first.now
        var machine = try await first.register(of: first.acme)
        let root = try #require(machine.answer.chain.last)
        var done: Set<Int> = []
        var renewals = 0
        var pinned = try first.authorityKey(of: first.acme)
        var epoch: EpochCore?
        while first.now < start.addingTimeInterval(365 * Self.day), renewals < 1000 {
            // What was given out before a rotation counts after it.
            let held = try await course.stage.queueCredentials(machine, boot: Self.boot(renewals))
            let token = try await course.stage.accessToken(of: machine)
            let today = Int(first.now.timeIntervalSince(start) / Self.day)
            if done.insert(today).inserted {
                for rotation in Rotation.allCases where rotation.isDue(on: today) {
                    try await course.carryOut(rotation)
                }
            }
            first.advance(by: 200)
            #expect(try await opens(course.stage, held.token, machine), "day \(today)")
            let own = try await course.stage.call(.get, APIPath.ownState, bearer: token.accessToken)
            #expect(own.status == 200, "day \(today) \(own.text)")

            first.advance(by: machine.answer.renewAt.timeIntervalSince(first.now))
            machine = try await course.stage.renew(machine)
            renewals += 1
            #expect(machine.answer.generation == renewals + 1)
            #expect(try await course.stage.verdict(on: machine) == nil)
            // As a connector sees it, which believes nothing but the root of its registration.
            #expect(machine.answer.chain.last == root)
            let policy = try MachineLeafPolicy(
                trustDomain: machine.answer.trustDomain,
                intermediates: try machine.answer.chain.dropLast().flatMap { try CertificatePEM.decode($0) },
                roots: try CertificatePEM.decode(root))
            #expect(try policy.judge(machine.certificate, at: first.now).name.connector == machine.id)
            course.intermediates.insert(machine.answer.chain[0])
            let published = try await course.stage.call(.get, APIPath.keySet).message(KeySetAnswer.self).keys
            course.signers.formUnion(published.map(\.id))
            #expect((1...2).contains(published.count))
            // The epochs of sealing, under whichever Key Authority: a day before and after each rotation, and now and then.
            if [0, 59, 60, 61, 183, 184, 185, 305, 306, 307].contains(today) || renewals.isMultiple(of: 50) {
                let key = try await course.stage.handInKeys(machine, of: course.stage.acme)
                await course.stage.cutEpochs()
                let manifest = try await course.stage.epoch(of: machine)
                if (try? manifest.verify(by: pinned)) == nil {
                    pinned = try await course.successor(of: pinned, for: machine)
                    course.authorities += 1
                }
                let opened = try Epoch(
                    opening: manifest, as: try #require(MemberID(machine.id)), with: key, keyAuthority: pinned)
                #expect(opened.core.number > epoch?.number ?? 0)
                epoch = opened.core
            }
            if renewals.isMultiple(of: 20) { _ = try await course.stage.service.tidy() }
        }
        #expect(renewals > 365)
        #expect(course.counts == [.intermediate: 3, .tokenKey: 12, .keyAuthority: 3])
        #expect(course.authorities == 3)
        #expect(course.intermediates.count == 4)
        #expect(course.signers.count == 13)
        #expect(try await course.stage.connector(machine).state == .active)
        // Nobody keeps what is of no use any more.
        let now = try await Installation.open(course.stage.installation.folder, now: first.now)
        #expect(now.authority.trustedIntermediates.count == 1)
        #expect(try now.tokenKeys().count <= 2)
    }

    private static func boot(_ number: Int) -> String {
        let letters = Array("abcdefghijklmnopqrstuvwxyz")
        let tail = [letters[number / 676 % 26], letters[number / 26 % 26], letters[number % 26]]
        return String(tail) + String(repeating: "a", count: 23)
    }

    private func opens(_ stage: Stage, _ token: String, _ machine: Machine) async throws -> Bool {
        let proof = Array(
            try machine.key.signing.signature(for: LinkProof.bytes(nonce: Self.nonce, token: token)).rawRepresentation)
        return (try? await stage.service.verify(token: token, proof: proof, nonce: Self.nonce)) != nil
    }
}
