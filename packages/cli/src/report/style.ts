/** The style of a report: two palettes, and a narrow form. It names nothing outside of the page. */
export const style = `
:root {
  color-scheme: light dark;
  --page: #ffffff; --text: #1c1917; --soft: #57534e; --line: #d6d3d1; --card: #f5f5f4; --focus: #1d4ed8;
  --good: #15803d; --bad: #b91c1c; --odd: #a16207; --whole: #d6d3d1; --cached: #a8a29e;
  --boot: #2563eb; --login: #0e7490; --mount: #0f766e; --copy: #4d7c0f; --run: #c2410c; --flush: #7e22ce;
  --stop: #be185d; --commit: #57534e;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #0c0a09; --text: #f5f5f4; --soft: #a8a29e; --line: #44403c; --card: #1c1917; --focus: #93c5fd;
    --good: #4ade80; --bad: #f87171; --odd: #facc15; --whole: #44403c; --cached: #78716c;
    --boot: #60a5fa; --login: #22d3ee; --mount: #2dd4bf; --copy: #a3e635; --run: #fb923c; --flush: #c084fc;
    --stop: #f472b6; --commit: #d6d3d1;
  }
}
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 72rem; padding: 1rem; background: var(--page); color: var(--text); font: 16px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.5rem; margin: 0 0 .5rem; } h2 { font-size: 1.15rem; margin: 2rem 0 .5rem; } h3 { font-size: 1rem; margin: 1.25rem 0 .25rem; }
h1 .succeeded, .saved .end { color: var(--good); } h1 .failed, .failed .end { color: var(--bad); }
h1 .cancelled, .cancelled .end, .unfinished .end { color: var(--odd); }
dl { display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: .1rem 1rem; margin: 0; }
dt { color: var(--soft); } dd { margin: 0; overflow-wrap: anywhere; }
code, pre { font: .875rem/1.45 ui-monospace, monospace; }
.note { color: var(--soft); }
.legend { display: grid; grid-template-columns: repeat(auto-fill, minmax(20rem, 1fr)); gap: .25rem 1.5rem; list-style: none; margin: 0; padding: 0; }
.legend li { display: flex; gap: .5rem; align-items: baseline; }
.legend svg { flex: none; }
.steps { list-style: none; margin: 0; padding: 0; border-top: 1px solid var(--line); }
.steps > li { border-bottom: 1px solid var(--line); }
.steps > li > details > summary { display: grid; grid-template-columns: minmax(0, 5fr) minmax(0, 6fr) 12.5rem; gap: .25rem 1rem; align-items: center; padding: .4rem .25rem; cursor: pointer; }
.title { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.title::before { content: "\\25B8"; display: inline-block; width: 1.1em; color: var(--soft); }
details[open] > summary .title::before { content: "\\25BE"; }
details[open] > summary .title { white-space: pre-wrap; overflow-wrap: anywhere; }
.facts { display: flex; gap: .75rem; justify-content: space-between; font-size: .875rem; font-variant-numeric: tabular-nums; }
.mark { white-space: nowrap; }
.head { display: grid; grid-template-columns: minmax(0, 5fr) minmax(0, 6fr) 12.5rem; gap: 0 1rem; padding: 0 .25rem; }
.head .axis { grid-column: 2; }
.body { padding: 0 .25rem 1rem 1.35rem; }
.body pre { margin: .5rem 0 0; padding: .75rem; max-height: 28rem; overflow: auto; background: var(--card); border: 1px solid var(--line); white-space: pre-wrap; overflow-wrap: anywhere; }
.body table { border-collapse: collapse; margin: .5rem 0; font-size: .875rem; }
.body td, .body th { padding: .1rem 1rem .1rem 0; text-align: left; font-weight: 400; }
.body td.number { text-align: right; font-variant-numeric: tabular-nums; }
.log summary { cursor: pointer; }
/* A log of a failure is at its end at first. */
.failed .log pre { display: flex; flex-direction: column-reverse; }
summary:focus-visible, pre:focus-visible { outline: 2px solid var(--focus); outline-offset: 2px; }
svg { display: block; overflow: visible; }
.axis text { fill: var(--soft); font-size: 12px; } .axis line, .grid { stroke: var(--line); stroke-width: 1; }
.whole { fill: var(--whole); } .whole.cached { fill: var(--cached); } .whole.failed { fill: var(--bad); } .whole.cancelled, .whole.unfinished { fill: var(--odd); }
.phase.boot { fill: var(--boot); } .phase.login { fill: var(--login); } .phase.mount { fill: var(--mount); } .phase.copy { fill: var(--copy); }
.phase.run { fill: var(--run); } .phase.flush { fill: var(--flush); } .phase.stop { fill: var(--stop); } .phase.commit { fill: var(--commit); }
@media (max-width: 48rem) {
  body { padding: .75rem; font-size: 15px; }
  .steps > li > details > summary, .head { grid-template-columns: minmax(0, 1fr); }
  .head .axis { grid-column: 1; } .minor text { display: none; }
  .legend { grid-template-columns: minmax(0, 1fr); }
  .body { padding-left: .25rem; }
}
@media (forced-colors: active) { rect { forced-color-adjust: none; } }
@media print { .body pre { max-height: none; } }
`;
