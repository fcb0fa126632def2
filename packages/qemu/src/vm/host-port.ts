import { ObError } from "@ob/core";

/** The host's port in a line such as `TCP[HOST_FORWARD]  11  127.0.0.1 42313  10.0.2.15  22  0  0`. */
export function hostPort(usernet: string, guestPort: number): number {
  const line = new RegExp(
    String.raw`TCP\[HOST_FORWARD\]\s+\d+\s+127\.0\.0\.1\s+(\d+)\s+\S+\s+${guestPort}\s`,
  );
  const port = line.exec(usernet)?.[1];
  if (port === undefined) {
    throw new ObError("BOOT_FAILED", `QEMU does not say which port leads to the guest:\n${usernet}`);
  }
  return Number(port);
}
