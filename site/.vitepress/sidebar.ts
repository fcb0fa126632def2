/** The pages of docs/ in their order, without `.md`, below the headings of the side bar. `site.test.ts` checks that each is there once. */
export interface SidebarGroup {
  readonly text: string;
  readonly pages: readonly (readonly [page: string, text: string])[];
}

export const groups: readonly SidebarGroup[] = [
  {
    text: "Start",
    pages: [
      ["index", "Overview"],
      ["coming-from", "From other tools"],
    ],
  },
  {
    text: "Guides",
    pages: [
      ["images", "Base images"],
      ["images-ubuntu", "Ubuntu"],
      ["images-openbsd", "OpenBSD"],
      ["images-windows", "Windows"],
      ["cache", "Caches"],
      ["editors", "Editors"],
      ["ci", "CI"],
      ["registry", "Registries"],
      ["cluster", "Clusters"],
      ["debugging", "Debugging"],
    ],
  },
  {
    text: "Reference",
    pages: [
      ["spec", "The spec language"],
      ["cli", "The command line"],
      ["lint", "Lint rules"],
      ["guests", "Guests"],
      ["architectures", "Architectures"],
      ["hosts", "Hosts"],
      ["differences", "Compatibility"],
      ["glossary", "Glossary"],
    ],
  },
  {
    text: "Internals",
    pages: [
      ["architecture", "Architecture"],
      ["store", "The store"],
      ["speed", "Speed"],
      ["security", "Security"],
      ["verification", "Verification"],
    ],
  },
];

/** The records of decisions are listed from their folder: their titles are what they are called. */
export const decisionsFolder = "decisions";
