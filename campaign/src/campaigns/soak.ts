import type { Campaign } from "../campaign.ts";
import { lowest, mebibytes, whatGrew } from "../soak/judge-samples.ts";
import type { Sample } from "../soak/sample.ts";
import { openSoak } from "../soak/soak-store.ts";

/** One builder that builds all the time: what it holds between two builds must not grow. */
export const soak: Campaign = {
  name: "soak",
  async run({ signal, say }) {
    await using work = await openSoak();
    const samples: Sample[] = [];
    while (!signal.aborted || samples.length < 3) {
      await work.round();
      samples.push(await work.sample());
      if (samples.length % 20 === 0) say(`${samples.length} rounds`);
    }
    const rest = samples.slice(Math.ceil(samples.length / 10));
    const [early, late] = [rest.slice(0, rest.length / 2), rest.slice(rest.length / 2)];
    const both = (kind: keyof Sample, text: (value: number) => string = String) =>
      [early, late].map((half) => text(lowest(half, kind))).join(", then ");
    return {
      figures: [
        ["rounds of six builds", String(samples.length)],
        ["memory", both("memory", mebibytes)],
        ["descriptors", both("descriptors")],
        ["children", both("children")],
        ["listeners", both("listeners")],
        ["temporary files", both("files")],
      ],
      faults: whatGrew(samples),
    };
  },
};
