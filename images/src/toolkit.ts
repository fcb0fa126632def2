/**
 * The public toolkit for recipes: the parts that the built-in recipes share, also for a user's own recipes. A recipe
 * imports only this module and `@ob/images`, wherever its folder is.
 */
export { escapeOptionValue as escapeQemuValue } from "@ob/qemu";
export { assertTools } from "./build/host-tools.ts";
export { withPhase } from "./build/phases.ts";
export { assertCleanRoot } from "./check/ext4-clean.ts";
export { hasOcaml } from "./check/has-ocaml.ts";
export { type AptDownload, downloadPackages } from "./debian/apt-download.ts";
export { makeAptRoot } from "./debian/apt-root.ts";
export { fillRoot } from "./debian/debian-root.ts";
export { unpackRoot } from "./debian/foreign-root.ts";
export { type Argv, fakerootPrefix, withPrefix } from "./disk/fakeroot.ts";
export { type IsoFile, isoLabel, listIso, makeIso } from "./disk/iso.ts";
export { compressDisk, makeRootDisk } from "./disk/root-disk.ts";
export { download, type Download, downloadList } from "./download/download.ts";
export { checksumOf, gpgSignedList, signifyList } from "./download/signed-list.ts";
export {
  compactDisk,
  installerArgv,
  type InstallerMachine,
  makeEmptyDisk,
} from "./installer/installer-argv.ts";
export { netbootServer } from "./installer/netboot-server.ts";
export { type InstallPhase, runInstaller } from "./installer/run-installer.ts";
export { unpackKernel } from "./linux/bzimage.ts";
export type { GuestFile } from "./linux/guest-file.ts";
export { makeInitrd, renderTemplate } from "./linux/initrd.ts";
export { findKernelModules, type KernelModules, loadOrder } from "./linux/kernel-modules.ts";
export { findKernel } from "./linux/kernel.ts";
export { ocamlFromOpam } from "./recipe/ocaml-versions.ts";
export {
  type CheckOptions,
  defineRecipe,
  type OcamlSupport,
  type Recipe,
  type RecipeContext,
  type RecipeParameters,
  type RecipeResult,
  type RecipeSupport,
} from "./recipe/recipe.ts";
