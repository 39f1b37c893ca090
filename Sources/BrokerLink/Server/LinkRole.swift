/// As what a member takes part; says which places it may use.
public enum LinkRole: Sendable, Hashable {
    /// Takes work from its groups and answers.
    case connector
    /// Gives work out and watches who is there.
    case dispatcher
}
