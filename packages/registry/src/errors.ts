import { ObError, type ObErrorOptions } from "@ob/core";

/** `REGISTRY`: what a registry said or did not say, or a reference that is wrong. It never has credentials in it. */
export function registryError(message: string, options: ObErrorOptions = {}): ObError {
  return new ObError("REGISTRY", message, options);
}
