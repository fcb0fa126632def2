export type { Descriptor, Packed } from "./reference/descriptor.ts";
export { anonymous, type Credentials, type CredentialSource } from "./auth/credentials.ts";
export { dockerCredentials, type DockerCredentialsOptions } from "./auth/docker-config.ts";
export type { ArtefactInfo, BlobFile, PushArtefactRequest } from "./artefact/any.ts";
export type { ContextInfo, PushContextRequest } from "./artefact/context.ts";
export type { ImageFile, ImageInfo } from "./artefact/image.ts";
export type { Platform } from "./artefact/image-index.ts";
export type {
  PulledImage,
  PullImageRequest,
  PushedImage,
  PushImageRequest,
} from "./artefact/image-transfer.ts";
export type { DiskFile, PullLayerRequest, PushedLayer, PushLayerRequest } from "./artefact/layer-transfer.ts";
export type { ChainDisk, LayerInfo } from "./artefact/layer.ts";
export { annotations, artefactTypes, mediaTypes } from "./artefact/media-types.ts";
export type { Artefact } from "./artefact/oci-manifest.ts";
export type { OnProgress, TransferProgress } from "./blobs/repository.ts";
export {
  type CallOptions,
  type FindImageOptions,
  openRegistry,
  type OpenRegistryOptions,
  type Registry,
} from "./open-registry.ts";
export { type Content, contentOf, type Digest, digest, digestOf, isDigest } from "./reference/digest.ts";
export { isLoopback, parseReference, type Reference } from "./reference/reference.ts";
