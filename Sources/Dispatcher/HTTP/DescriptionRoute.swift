internal import HTTPTypes
internal import Hummingbird
internal import NIOCore
internal import TenantPort

/// The description of the dispatcher's API, as it stands in `openapi.yaml` of its sources.
enum DescriptionRoute {
    static let path = "/dispatcher.yaml"

    static func register(on router: RouterGroup<PortContext>) {
        router.get(RouterPath(path)) { _, _ in
            Response(
                status: .ok, headers: [.contentType: "application/yaml"],
                body: .init(byteBuffer: ByteBuffer(bytes: PackageResources.openapi_yaml)))
        }
    }
}
