import type { Rule } from "./rule.ts";
import { duplicateBuild, unusedBuild } from "./rules/builds.ts";
import { lostChange, windowsShell } from "./rules/commands.ts";
import {
  copyBeforeDependencies,
  doubledDirectory,
  excludePattern,
  globInPath,
  severalSources,
  sourceOutside,
} from "./rules/copies.ts";
import { cacheTarget, duplicateTarget } from "./rules/mounts.ts";
import { networkNeeded, unknownNetwork } from "./rules/network.ts";
import { noEffect, oldForm } from "./rules/ops.ts";
import { aptGetUpdate, aptGetYes } from "./rules/packages.ts";
import { relativeWorkdir, unexpandedVariable } from "./rules/paths.ts";
import { secretInCommand, unusedSecret } from "./rules/secrets.ts";

/** All rules, in the order of docs/lint.md. */
export const rules: readonly Rule[] = [
  ...[secretInCommand, networkNeeded, unknownNetwork, aptGetUpdate, aptGetYes, lostChange, windowsShell],
  ...[relativeWorkdir, unexpandedVariable, doubledDirectory, severalSources, sourceOutside, globInPath],
  ...[excludePattern, copyBeforeDependencies, unusedBuild, duplicateBuild, unusedSecret, cacheTarget],
  ...[duplicateTarget, noEffect, oldForm],
];
