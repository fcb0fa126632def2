import { findLayer, layerArgument } from "../args/layer-ref.ts";
import { acceptedButHidden, storeOptions, stringOption } from "../args/options.ts";
import { sandboxOptions } from "../args/sandbox-flags.ts";
import { formatAge, formatDuration, formatSize } from "../args/units.ts";
import { chainOf, layerBytes, layerFields, viewLayers } from "../layers/layer-view.ts";
import { fitTable } from "../output/fit-table.ts";
import { jsonDocument } from "../output/printable.ts";
import { stepText } from "../layers/step-text.ts";
import { noSuchLayer } from "../layers/no-such-layer.ts";
import type { Command } from "./command.ts";

export const history: Command = {
  description:
    "Shows the steps that a layer is the result of, newest first, with the space and the time that each took.",
  positionals: [layerArgument],
  options: {
    ...storeOptions,
    json: { kind: "flag", describe: 'One object: {"id", "steps": [...]}, with whole ids', group: "Output:" },
    "no-trunc": { kind: "flag", describe: "Show whole ids and steps", group: "Output:" },
    ...acceptedButHidden(sandboxOptions),
  },
  examples: [["obuilder history --store=qemu:/var/cache/obuilder tools:1.2", ""]],

  async run(args, { services, io, location }) {
    await using store = await services.openStore({ location });
    const id = findLayer(store, stringOption(args, "ID"));
    const chain = chainOf(viewLayers(store), id);
    if (chain.length === 0) throw noSuchLayer(id);
    const sizes = new Map<string, number>();
    for (const layer of chain) sizes.set(layer.id, await layerBytes(store, layer.id));
    if (args["json"] === true) {
      io.stdout.write(
        jsonDocument({ id, steps: chain.map((layer) => layerFields(layer, sizes.get(layer.id) ?? 0)) }),
      );
      return;
    }
    const whole = args["no-trunc"] === true;
    const now = Date.now();
    const rows = chain.map(({ id: each, created, step }) => [
      whole ? each : each.slice(0, 12),
      formatAge(now - created.getTime()),
      formatSize(sizes.get(each) ?? 0),
      step ? formatDuration(step.milliseconds) : "-",
      stepText(step?.heading, { whole }),
    ]);
    const columns = whole ? undefined : (io.stdout.columns ?? 80);
    io.stdout.write(fitTable(["ID", "AGE", "SIZE", "TIME", "STEP"], { rows, left: [0], columns }));
  },
};
