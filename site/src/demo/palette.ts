/** The sixteen colours of a terminal on a dark ground: each has a contrast of 4.5 to it, black excepted. */
const onDark = [
  ...["#484f58", "#ff7b72", "#3fb950", "#d29922", "#58a6ff", "#bc8cff", "#39c5cf", "#b1bac4"],
  ...["#8b949e", "#ffa198", "#56d364", "#e3b341", "#79c0ff", "#d2a8ff", "#56d4dd", "#f0f6fc"],
];

/** The same on a light ground; white excepted. */
const onLight = [
  ...["#24292f", "#cf222e", "#116329", "#7d4e00", "#0969da", "#8250df", "#1b6f75", "#6e7781"],
  ...["#57606a", "#a40e26", "#1a7f37", "#633c01", "#0550ae", "#6639ba", "#136067", "#8c959f"],
];

const dark = { ground: "#0d1117", border: "#3d444d", text: "#e6edf3", dim: "#9198a1", colors: onDark };
const light = { ground: "#ffffff", border: "#d1d9e0", text: "#1f2328", dim: "#59636e", colors: onLight };

function rules({ ground, border, text, dim, colors }: typeof dark): string {
  return [
    `.window{fill:${ground};stroke:${border}}`,
    `.buttons{fill:${border}}`,
    `text,.cfront{fill:${text}}`,
    `.d{fill:${dim}}`,
    `.cback{fill:${ground}}`,
    ...colors.map((color, index) => `.c${index}{fill:${color}}`),
  ].join("");
}

/** Follows the reader's light or dark colours. */
export const paletteStyle = [
  `text{font:14px ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;white-space:pre}`,
  `.b{font-weight:700}.i{font-style:italic}.u{text-decoration:underline}`,
  rules(light),
  `@media (prefers-color-scheme:dark){${rules(dark)}}`,
].join("");
