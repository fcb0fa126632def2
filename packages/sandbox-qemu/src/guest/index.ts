// What a caller needs who plans steps and runs none: it loads nothing of QEMU, SSH and snapshots.
export { describeGuest, distinctTargets, type GuestDefaults } from "./describe-guest.ts";
export { findProfile, type GuestProfiles } from "./registry.ts";
