export {
  type ArgProblem,
  expandArgs,
  type ExpandedSpec,
  type ExpandOptions,
  hasArgs,
} from "./args/expand-args.ts";
export type {
  ArgOp,
  BuildkitOption,
  CommentOp,
  CopyOp,
  CopySource,
  EnvOp,
  NestedBuild,
  Op,
  RunCache,
  RunOp,
  RunSecret,
  ShellOp,
  Spec,
  User,
  UserOp,
  UserTemplate,
  WorkdirOp,
} from "./ast.ts";
export { fromBytes, toBytes } from "./byte-text.ts";
export { type DockerfileOptions, toDockerfile } from "./dockerfile.ts";
export { encodeOp, encodeSpec, encodeUser } from "./encode.ts";
export { type ParsedSpec, type ParseOptions, parseSpec, parseSpecWithSource } from "./parse.ts";
export type { Sexp } from "./sexp.ts";
export { atomToMachine, sexpToMachine } from "./sexp-print.ts";
export type { Position } from "./source-text.ts";
export { type Diagnostic, SpecError } from "./spec-error.ts";
export type { SpecLocation, SpecPart, SpecSource } from "./spec-source.ts";
export { formatOp, formatSpec, printMachine } from "./spec-print.ts";
export { buildNames, type TargetSpec, targetSpec } from "./target-spec.ts";
export { type UnknownBuild, unknownBuilds } from "./validate.ts";
