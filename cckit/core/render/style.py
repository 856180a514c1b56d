"""The style sheet of a printed report: system fonts, light and dark, paper."""

from typing import Final

STYLE: Final = """\
:root {
  color-scheme: light dark;
  --ink: #1c2330; --soft: #5b6577; --faint: #8791a3; --line: #e3e7ee; --paper: #fff;
  --page: #f5f6f9; --good: #2a7f86; --bad: #d0504b; --other: #a3acbb; --still: #d9b44a;
  --wrapup: #7fb7b3; --ready: #b9d9a8; --ring: #e5c567; --away: #c9cfda; --trace: #22304f;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ink: #e8ebf2; --soft: #a7b0c2; --faint: #7f899c; --line: #323a4a; --paper: #1b212d;
    --page: #131821; --good: #4fb3b5; --bad: #ef7b74; --other: #6c7688; --still: #d9b44a;
    --wrapup: #35777b; --ready: #6d9a5c; --ring: #c9a53f; --away: #49526a; --trace: #f2f4f9;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; padding: 2.5rem clamp(1rem, 4vw, 4rem) 4rem; background: var(--page);
  color: var(--ink); line-height: 1.5; font: 16px/1.5 system-ui, -apple-system, "Segoe UI",
  Roboto, "Noto Sans", "Noto Sans Hebrew", Arial, sans-serif; max-width: 90rem; margin-inline: auto;
}
h1 { font-size: 2rem; line-height: 1.2; letter-spacing: -.015em; margin: 0; font-weight: 650; }
h2 { font-size: 1.05rem; margin: 0 0 .75rem; font-weight: 620; }
.lead { margin: .35rem 0 .5rem; color: var(--soft); font-size: 1.1rem; }
.facts { margin: 0; color: var(--soft); font-size: .9rem; font-variant-numeric: tabular-nums; }
.kind { border: 1px solid currentColor; border-radius: 99px; padding: .05rem .6rem;
  font-size: .8rem; }
main > * { margin-block-start: 1.5rem; }
main > :first-child { margin-block-start: 1.25rem; }
figure, section, .scroll, .tiles > div {
  background: var(--paper); border: 1px solid var(--line); border-radius: 12px;
}
figure, section { padding: 1.25rem 1.5rem; margin-inline: 0; margin-block-end: 0; }
figcaption { font-weight: 620; margin-block-end: .75rem; }
.tiles { display: grid; grid-template-columns: repeat(auto-fill, minmax(10rem, 1fr)); gap: .75rem;
  margin-block-end: 0; }
.tiles > div { padding: .8rem 1rem; }
.tiles dt { color: var(--soft); font-size: .8rem; }
.tiles small { font-size: .75rem; }
.tiles dd { margin: 0; font-size: 1.5rem; font-weight: 620; letter-spacing: -.01em;
  font-variant-numeric: tabular-nums; }
small { display: block; font-size: .82em; font-weight: 400; color: var(--faint);
  font-variant-numeric: tabular-nums; letter-spacing: 0; }
svg { display: block; width: 100%; height: auto; font: 12px system-ui, sans-serif; }
svg text { fill: var(--soft); }
svg .name, svg .value { fill: var(--ink); font-size: 13px; unicode-bidi: isolate; }
.grid { stroke: var(--line); }
.track { fill: var(--line); opacity: .55; }
rect.good, i.good { fill: var(--good); background: var(--good); }
rect.bad, i.bad, rect.fault, i.fault { fill: var(--bad); background: var(--bad); }
rect.other, i.other { fill: var(--other); background: var(--other); }
rect.still, i.still { fill: var(--still); background: var(--still); }
rect.busy, i.busy { fill: var(--good); background: var(--good); }
rect.wrapup, i.wrapup { fill: var(--wrapup); background: var(--wrapup); }
rect.ready, i.ready { fill: var(--ready); background: var(--ready); }
rect.ring, i.ring { fill: var(--ring); background: var(--ring); }
rect.away, i.away { fill: var(--away); background: var(--away); }
polyline.line { fill: none; stroke: var(--trace); stroke-width: 1.75; stroke-linejoin: round; }
.dot { fill: var(--trace); }
.legend { list-style: none; display: flex; flex-wrap: wrap; gap: .3rem 1.25rem; padding: 0;
  margin: .75rem 0 0; font-size: .85rem; color: var(--soft); }
.legend li { display: flex; align-items: center; gap: .45rem; }
.legend i { inline-size: 12px; block-size: 12px; border-radius: 3px; }
.legend i.line { background: var(--trace); block-size: 3px; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; inline-size: 100%; font-size: .875rem; }
caption { text-align: start; padding: 1rem 1rem .5rem; font-weight: 620; font-size: 1.05rem; }
th, td { padding: .45rem .8rem; text-align: start; vertical-align: top;
  border-block-start: 1px solid var(--line); white-space: nowrap; }
thead th { font-weight: 560; color: var(--soft); white-space: normal; vertical-align: bottom;
  min-inline-size: 5.5rem; border-block-start: 0; font-size: .92em; }
caption { break-after: avoid; }
tbody th { font-weight: 450; font-variant-numeric: tabular-nums; }
.wide thead th { min-inline-size: 7rem; }
.wide tbody th span { display: block; color: var(--soft); font-size: .8rem; }
.n { text-align: end; font-variant-numeric: tabular-nums; }
.total td, .total th { font-weight: 620; background: var(--page); }
.null { color: var(--faint); font-size: .92em; font-weight: 400; }
code { font: .85em ui-monospace, "Cascadia Mono", Menlo, Consolas, monospace; }
dl { margin: 0; }
.definitions dt { margin-block-start: .6rem; }
.definitions dd, .proof dd { margin: 0; }
.definitions span { color: var(--soft); font-size: .85rem; display: block; }
.hash { color: var(--faint); font-size: .72rem; overflow-wrap: anywhere; }
.counts, .proof dl { display: grid; grid-template-columns: max-content 1fr; gap: .25rem 1.5rem;
  font-size: .875rem; }
.counts dt, .proof dt { color: var(--soft); }
.counts dd { margin: 0; }
.proof dd { overflow-wrap: anywhere; }
@media (max-width: 40rem) { .counts, .proof dl { grid-template-columns: 1fr; } }
@media screen and (max-width: 50rem) {
  figure { overflow-x: auto; padding: 1rem; }
  figure svg { min-inline-size: 50rem; }
}
@page { size: A4 landscape; margin: 12mm; }
@media print {
  :root { --page: #fff; --paper: #fff; --ink: #000; --soft: #333; --faint: #555; --line: #ccc; }
  body { padding: 0; font-size: 9pt; }
  figure, section, .tiles > div, tr { break-inside: avoid; }
  figure, section, .scroll, .tiles > div { border-radius: 0; }
  .scroll { overflow: visible; border: 0; }
  thead { display: table-header-group; }
  th, td { padding: 2pt 4pt; font-size: 7.5pt; }
  thead th { min-inline-size: 0; }
  rect, i, .dot { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
"""
