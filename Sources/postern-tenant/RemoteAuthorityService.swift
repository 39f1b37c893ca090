internal import RemoteKeyAuthority
internal import ServiceLifecycle

/// A Key Authority on a machine of its own, for as long as the process runs.
struct RemoteAuthorityService: Service {
    let authority: RemoteAuthority

    func run() async throws {
        await cancelWhenGracefulShutdown { await authority.run() }
    }
}
