// npm run quickstart: from a bare machine to a first build. All that is done is kept, so a second run takes seconds.
import { relative } from "node:path";
import { bin, call, main, repository, store } from "./environment.mjs";
import { setup } from "./setup.mjs";

await main(() => {
  setup();
  const place = relative(repository, store);
  const build = ["build", `--store=qemu:${place}`, "-f", "examples/hello/hello.spec", "examples/hello"];
  console.log(`\n$ npx obuilder ${build.join(" ")}`);
  const status = call(`${bin}/obuilder`, build);
  if (status !== 0) return status;
  console.log(`
That was a build: each step ran in a virtual machine, and its disk is kept as a layer in ${place}.
  npm run quickstart            again: every step comes from the store
  Add a language to examples/hello/src/greetings.tsv and run it again: the base is reused, the rest is built
  npx obuilder plan --store=qemu:${place} -f examples/hello/hello.spec examples/hello
                                shows the steps and which of them are in the store
  npx obuilder --help           all commands;  docs/spec.md is the language of specs`);
  return 0;
});
