import { isObError, ObError, type StepInfo } from "@ob/core";

/**
 * The error of a step whose guest did not let anyone log in. The step before it could log in, so it has left the guest so: it
 * was built before that was checked, or in a way that the check does not see.
 *
 * @param previous the step that made the layer below; undefined if that is the base image.
 * @returns any other error unchanged.
 */
export function loginError(error: unknown, previous: Pick<StepInfo, "id" | "heading"> | undefined): unknown {
  if (previous === undefined || !isObError(error, "LOGIN_FAILED", "BOOT_FAILED")) return error;
  const { id, heading } = previous;
  const message = `${error.message}\nThe step before it has probably left its guest so: ${heading}\nIts layer is ${id}.`;
  return new ObError(error.code, message, { cause: error, data: { layer: id } });
}
