export { FakeRegistry, type FakeRegistryOptions, type Intercept, type SeenRequest } from "./fake-registry.ts";
export {
  type DockerRegistry,
  type DockerRegistryOptions,
  hasDockerRegistry,
  startDockerRegistry,
} from "./docker-registry.ts";
export { type CraneRegistry, hasCraneRegistry, startCraneRegistry } from "./crane-registry.ts";
