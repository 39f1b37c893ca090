/// The version of the programs.
public enum PosternVersion {
    /// As it is printed and told to the other side.
    public static let text = "0.1.0"
}
