public import EnrollmentProtocol
public import Foundation

/// Whoever has proven a queue credential: what the link lets in.
public struct QueuePrincipal: Sendable, Equatable {
    /// The tenant.
    public let tenant: TenantReference
    /// The connector or dispatcher, 26 characters of base32.
    public let memberID: String
    /// What it is.
    public let role: AccountRole
    /// The groups whose queues it reads, as the registry has them now.
    public let groups: [GroupReference]
    /// The boot, 26 characters of base32.
    public let bootID: String
    /// The number of the boot: the higher one wins.
    public let bootNumber: Int64
    /// When the credential ends, or the certificate behind it if that is sooner.
    public let expiresAt: Date
}
