internal import ArgumentParser
internal import EnrollmentClient

/// The way to the tenant, where it is not that of the environment.
struct NetworkOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The HTTP proxy to the tenant, as http://proxy.example.org:3128; instead of HTTPS_PROXY.",
            discussion: "Give user and password by HTTPS_PROXY instead: lists of processes show arguments."))
    var proxy: String?

    @Option(help: "Hosts that are reached without the proxy, as in NO_PROXY: names, domains, addresses, networks.")
    var noProxy: String?

    /// The environment's settings, with what the options say instead.
    func settings() throws -> NetworkSettings {
        try .fromEnvironment(proxy: proxy, noProxy: noProxy)
    }
}
