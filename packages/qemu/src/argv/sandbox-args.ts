/** The option by which QEMU cannot start programs, gain privileges or change resource limits, by a filter of its system calls. */
export const sandboxArgs = [
  "-sandbox",
  "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny",
] as const;
