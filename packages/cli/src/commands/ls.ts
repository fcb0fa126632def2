import { layerBytes, layerFields, type LayerView, viewLayers } from "../layers/layer-view.ts";
import { acceptedButHidden, storeOptions } from "../args/options.ts";
import { sandboxOptions } from "../args/sandbox-flags.ts";
import { formatAge, formatSize } from "../args/units.ts";
import { cut, fitTable } from "../output/fit-table.ts";
import { jsonDocument } from "../output/printable.ts";
import { stepText } from "../layers/step-text.ts";
import type { Command } from "./command.ts";

/** How many digits of an id a table shows. */
const digits = 12;
/** How many characters a table shows of a layer's tags. */
const tagWidth = 16;

export const ls: Command = {
  description:
    "Lists the layers of the store, newest first: what each is based on (BASE), how many layers are based on it (SUB), when it was " +
    "made (AGE) and used, the space of its own files, its tags and its step. The step of a layer that the original has made is not known.",
  positionals: [],
  options: {
    ...storeOptions,
    json: { kind: "flag", describe: 'One object: {"layers": [...]}, with whole ids', group: "Output:" },
    "no-trunc": { kind: "flag", describe: "Show whole ids, tags and steps", group: "Output:" },
    ...acceptedButHidden(sandboxOptions),
  },
  examples: [
    ["obuilder ls --store=qemu:/var/cache/obuilder", ""],
    ["obuilder ls ... --json | jq -r '.layers[] | select(.tags == []) | .id'", "the layers without a name"],
  ],

  async run(args, { services, io, location }) {
    await using store = await services.openStore({ location });
    const layers = [...viewLayers(store).values()]
      .toReversed()
      .toSorted((a, b) => b.created.getTime() - a.created.getTime());
    const sized: { readonly layer: LayerView; readonly bytes: number }[] = [];
    for (const layer of layers) sized.push({ layer, bytes: await layerBytes(store, layer.id) });
    if (args["json"] === true) {
      io.stdout.write(jsonDocument({ layers: sized.map(({ layer, bytes }) => layerFields(layer, bytes)) }));
      return;
    }
    const whole = args["no-trunc"] === true;
    const now = Date.now();
    const rows = sized.map(({ layer, bytes }) => row(layer, { bytes, now, whole }));
    const columns = whole ? undefined : (io.stdout.columns ?? 80);
    io.stdout.write(
      fitTable(["ID", "BASE", "SUB", "AGE", "USED", "SIZE", "TAGS", "STEP"], {
        rows,
        left: [0, 1, 6],
        columns,
      }),
    );
  },
};

interface RowOptions {
  readonly bytes: number;
  readonly now: number;
  readonly whole: boolean;
}

function row(layer: LayerView, { bytes, now, whole }: RowOptions): readonly string[] {
  const { id, parent, children, created, lastUsed, tags, step } = layer;
  const short = (each: string) => (whole ? each : each.slice(0, digits));
  const names = tags.join(",");
  return [
    short(id),
    parent === undefined ? "-" : short(parent),
    String(children.length),
    formatAge(now - created.getTime()),
    formatAge(now - lastUsed.getTime()),
    formatSize(bytes),
    whole ? names : cut(names, tagWidth),
    stepText(step?.heading, { whole }),
  ];
}
