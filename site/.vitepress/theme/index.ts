import type { Theme } from "vitepress";
// Fonts are those of the system: nothing is loaded for them.
import DefaultTheme from "vitepress/theme-without-fonts";
import { MermaidDiagram } from "./mermaid-diagram.ts";
import "./style.css";

export default {
  extends: DefaultTheme,
  enhanceApp: ({ app }) => {
    app.component("MermaidDiagram", MermaidDiagram);
  },
} satisfies Theme;
