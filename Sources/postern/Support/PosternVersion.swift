/// The version of the program.
enum PosternVersion {
    /// The version, as heartbeats and `--version` say it.
    static let text = "0.1.0"
}
