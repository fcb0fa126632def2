"use strict";

/**
 * What the bundle has in place of a module of Node.js: loads it when one of its parts is used first. node:crypto alone takes
 * a fifth of the time of `--help`.
 *
 * @param name of the module, as `load` takes it.
 * @param load the `require` of the caller.
 */
module.exports = function lazyModule(name, load) {
  let module;
  return new Proxy(Object.create(null), {
    get(_, key) {
      module ??= load(name);
      return module[key];
    },
  });
};
