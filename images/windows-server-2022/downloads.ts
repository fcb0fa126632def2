import type { Download } from "@ob/images/toolkit";

/** The version of the virtio drivers, and their directory for Windows Server 2022. */
const virtioVersion = "0.1.285";
export const driverSystem = "2k22";

export const virtioIso: Download = {
  name: "virtio-win.iso",
  what: `the virtio drivers for Windows, version ${virtioVersion}`,
  url: `https://fedorapeople.org/groups/virt/virtio-win/direct-downloads/archive-virtio/virtio-win-${virtioVersion}-1/virtio-win-${virtioVersion}.iso`,
  sha256: "e14cf2b94492c3e925f0070ba7fdfedeb2048c91eea9c5a5afb30232a3976331",
};

export const opensshMsi: Download = {
  name: "OpenSSH-Win64.msi",
  what: "Microsoft's OpenSSH, version 9.8.3.0",
  url: "https://github.com/PowerShell/Win32-OpenSSH/releases/download/v9.8.3.0p2-Preview/OpenSSH-Win64-v9.8.3.0.msi",
  sha256: "c8a8c7e21136a099665c2fad9accb41152d129466b719ea71678bab665e03389",
};

/** Cygwin's setup verifies its packages by their signed list. */
export const cygwinSetup: Download = {
  name: "setup-x86_64.exe",
  what: "Cygwin's installer, version 2.939",
  url: "https://cygwin.com/setup/setup-2.939.x86_64.exe",
  sha256: "73d9bf0be6b7adb8af8c2e709556159a45fa1892678f5105a619a1cdd056e51a",
};

export const opamExe: Download = {
  name: "opam.exe",
  what: "opam 2.5.2 for Windows",
  url: "https://github.com/ocaml/opam/releases/download/2.5.2/opam-2.5.2-x86_64-windows.exe",
  sha256: "51a530f538e86913489b061ac13c6084276e5dc916f5bd5c450883a826f8864c",
};

/** The guest's drivers: disk, network card, random numbers, and the device that reports a crash. */
export const drivers = ["viostor", "NetKVM", "viorng", "pvpanic"] as const;
