internal import Foundation

/// Where the other dispatchers reach this one.
struct AdvertisedAddress: Sendable {
    private let stated: String?
    private let host: String

    /// Takes what `--advertise` says; without it, the host of the installation's URL with the port that is listened on.
    ///
    /// - Parameter hosts: the names of the installation's own certificate, empty for one that was brought along.
    init(stated: String?, publicURL: String, hosts: [String]) throws {
        self.stated = stated
        guard let parts = URLComponents(string: stated ?? publicURL), parts.scheme == "https",
            let host = parts.host, !host.isEmpty, stated == nil || ["", "/"].contains(parts.path),
            parts.query == nil, parts.user == nil
        else {
            throw CommandFailure(.usage, "--advertise is https://HOST:PORT, where other dispatchers reach this one")
        }
        self.host = host
        let name = host.trimmingCharacters(in: CharacterSet(charactersIn: "[]")).lowercased()
        guard stated == nil || hosts.isEmpty || hosts.contains(where: { $0.lowercased() == name }) else {
            throw CommandFailure(
                .usage,
                "the other dispatchers would not trust \(host): this installation's certificate names"
                    + " \(hosts.joined(separator: ", ")). Advertise one of those.")
        }
    }

    /// The address for the port that is listened on.
    func text(port: Int) -> String {
        guard let stated else { return "https://\(host):\(port)" }
        return stated.hasSuffix("/") ? String(stated.dropLast()) : stated
    }
}
