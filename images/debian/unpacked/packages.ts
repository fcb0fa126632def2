import { packages as added } from "../packages.ts";

/** All of the image's packages. */
export const packages = ["?essential", "apt", ...added] as const;

export { dpkgOptions, excludePaths, guestModules } from "../packages.ts";
