import { useData } from "vitepress";
import { computed, defineComponent, h, nextTick, onMounted, ref, watch } from "vue";

/** A diagram from the text of Mermaid, percent-encoded; until it is drawn, and without scripts, the text. */
export const MermaidDiagram = defineComponent({
  props: { source: { type: String, required: true } },
  setup(props) {
    const { isDark } = useData();
    const text = computed(() => decodeURIComponent(props.source));
    const drawn = ref<string>();
    const draw = async () => {
      const { default: mermaid } = await import("mermaid");
      const theme = isDark.value ? "dark" : "neutral";
      mermaid.initialize({ startOnLoad: false, securityLevel: "strict", theme });
      const id = `diagram-${Math.random().toString(36).slice(2)}`;
      drawn.value = (await mermaid.render(id, text.value)).svg;
    };
    onMounted(draw);
    watch(isDark, async () => {
      await nextTick();
      await draw();
    });
    return () =>
      drawn.value === undefined
        ? h("pre", { class: "mermaid-text" }, text.value)
        : h("div", { class: "mermaid-diagram", innerHTML: drawn.value });
  },
});
