internal import Connector
internal import Foundation
internal import IdentityStore
internal import Logging
internal import NIOPosix
internal import RelayFormat
internal import Synchronization

/// Keeps a pause in the state folder, so that it outlives a restart.
final class PauseFile: Sendable {
    /// The name of the file.
    static let name = "pause.json"

    private struct Content: Codable {
        var note: String
        /// When the pause ends by itself, in milliseconds since 1970 on the tenant's clock.
        var until: UInt64?
    }

    private let folder: StateFolder
    private let session: ConnectorSession
    private let logger: Logger
    /// Held by one writer at a time, on a thread that may block.
    private let writing = Mutex(())

    init(folder: StateFolder, session: ConnectorSession, logger: Logger) {
        self.folder = folder
        self.session = session
        self.logger = logger
    }

    /// Pauses the session again where its predecessor was paused; the session itself sees whether the pause is over.
    func restore() throws {
        guard let bytes = try folder.read(Self.name) else { return }
        guard let content = try? JSONDecoder().decode(Content.self, from: Data(bytes)) else {
            logger.warning("The kept pause cannot be read, and is forgotten", metadata: ["file": "\(Self.name)"])
            return try folder.remove(Self.name)
        }
        session.pause(note: content.note, until: content.until.map { RelayTime(milliseconds: $0) })
        logger.notice("Still paused", metadata: ["note": "\(content.note)"])
    }

    /// Writes down how the session stands just now; returns when that is on the disk.
    func save() async throws {
        try await NIOThreadPool.singleton.runIfActive { try self.write() }
    }

    /// Does the same without waiting.
    func saveSoon() {
        NIOThreadPool.singleton.submit { _ in
            do {
                try self.write()
            } catch {
                self.logger.error("The pause cannot be kept", metadata: ["reason": "\(error)"])
            }
        }
    }

    private func write() throws {
        try writing.withLock { _ in
            let standing = session.standing
            switch standing.readiness {
            case .paused:
                let content = Content(note: standing.note, until: standing.until?.milliseconds)
                try folder.write(try JSONEncoder().encode(content), to: Self.name)
            case .ready:
                try folder.remove(Self.name)
            case .draining, .observing:
                break
            }
        }
    }
}
