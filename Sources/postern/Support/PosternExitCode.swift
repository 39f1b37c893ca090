/// How `postern` ends; the numbers are documented and stay.
enum PosternExitCode: Int32 {
    case unexpected = 1
    case usage = 2
    case notRegistered = 3
    case alreadyRegistered = 4
    case identityInUse = 5
    case rejected = 6
    case secret = 7
    case network = 8
    case policy = 9
    case version = 10
    case drained = 11
    case doctor = 12
}
