/** What the campaigns build: a nested build, two stages that share their base, a cache. */
export const specText = `((build tools ((from base) (run (shell "fill 1")) (run (shell "fill 2"))))
 (from base)
 (run (shell "fill 3"))
 (run (cache (c (target /c))) (shell "cache 4"))
 (run (shell "fill 5")))`;

/** The size of the disk of a new cache, in bytes. */
export const cacheBytes = 8 * 1024 ** 2;

/** The name of the base image. */
export const baseName = "base";
