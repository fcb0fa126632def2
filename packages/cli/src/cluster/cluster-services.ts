import type { ClusterServices } from "./cluster-ports.ts";

/** The packages of a cluster; each is loaded when a command needs it. */
export const clusterServices: ClusterServices = {
  async startWorker(options) {
    const { startRegistryWorker } = await import("./start-registry-worker.ts");
    return await startRegistryWorker(options);
  },

  async open(options) {
    const { openCluster } = await import("./open-cluster.ts");
    return await openCluster(options);
  },

  async newKey() {
    const { newPoolKey } = await import("@ob/cluster");
    return await newPoolKey();
  },

  async publicKeyOf(identity) {
    const { publicKeyOf } = await import("@ob/cluster");
    return await publicKeyOf(identity);
  },
};
