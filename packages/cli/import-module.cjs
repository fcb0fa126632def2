"use strict";

/**
 * `import()` for the bundle, which code-cache.cjs runs as scripts: in these Node.js has it only as an experiment, of which it
 * warns.
 */
module.exports = (specifier) => import(specifier);
