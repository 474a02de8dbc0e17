"""How the page looks, by day and by night, on wide and on narrow screens."""

STYLE = """
:root {
  color-scheme: light dark;
  --paper: #fbfaf8; --card: #fff; --ink: #1d2329; --soft: #5d6873; --line: #dfe1e3;
  --track: #eeeff0;
  --stage-0: #a3adb8; --stage-1: #2867b2; --stage-2: #7a4cb0; --stage-3: #b0562b;
  --stage-4: #2b8a80; --stage-5: #b83b7a;
  --blind: #c9a54a; --right: #1d7a46; --wrong: #b5362c; --right-paper: #e9f4ed; --mark: #fbe7a8;
}
@media (prefers-color-scheme: dark) { :root {
  --paper: #14181c; --card: #1b2026; --ink: #e6e9ec; --soft: #9aa5b0; --line: #323a42;
  --track: #272e35; --stage-0: #6d7985; --stage-1: #6ba3e8; --stage-2: #b48ee6; --stage-3: #e39466;
  --stage-4: #58bdb1; --stage-5: #e482b3;
  --blind: #c9a54a; --right: #6cc795; --wrong: #ec8479; --right-paper: #1d3227; --mark: #5a4713;
} }
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--paper); color: var(--ink);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif;
  font-variant-numeric: tabular-nums; overflow-wrap: anywhere;
}
main { max-width: 1120px; margin: 0 auto; padding: 40px 20px 72px; }
h1 { font-size: 30px; line-height: 1.2; margin: 0 0 6px; letter-spacing: -0.01em; }
h2 { font-size: 21px; line-height: 1.3; margin: 56px 0 6px; }
h3 { font-size: 15px; margin: 22px 0 4px; }
p { margin: 0 0 12px; max-width: 70ch; }
.soft { color: var(--soft); font-size: 14px; }
small .soft { font-size: inherit; }
a { color: inherit; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: 20px; }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: 12px;
  margin: 28px 0 16px; padding: 0; list-style: none; }
.figures li { padding: 14px 16px; border-top-width: 4px; }
.figures b { display: block; font-size: 32px; line-height: 1.15; letter-spacing: -0.02em; }
.figures span { display: block; color: var(--soft); font-size: 13px; line-height: 1.4; }
details { margin-top: 12px; }
summary { cursor: pointer; color: var(--soft); font-size: 14px; }
dl { display: grid; grid-template-columns: minmax(80px, max-content) 1fr; gap: 2px 18px;
  font-size: 14px; margin: 8px 0 0; }
dt { color: var(--soft); } dd { margin: 0; }
.key { display: flex; flex-wrap: wrap; gap: 4px 20px; font-size: 14px; margin: 10px 0 14px; }
.key i { display: inline-block; width: 12px; height: 12px; border-radius: 2px; margin-right: 7px; }
.task { display: grid; grid-template-columns: 190px 1fr; gap: 0 16px; padding: 9px 0;
  border-top: 1px solid var(--line); font-size: 14px; }
.task > div:first-child { line-height: 1.35; }
.task small { display: block; color: var(--soft); font-size: 12.5px; }
.bar { display: grid; grid-template-columns: 1fr 150px; gap: 12px; align-items: center;
  height: 19px; }
.bar svg { display: block; width: 100%; height: 13px; overflow: visible; }
.bar span { font-size: 13px; white-space: nowrap; }
.bar small { display: inline; margin-left: 5px; }
.scale { height: 16px; }
.scale svg { height: 14px; }
.scale text { font-size: 11.5px; fill: var(--soft); }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 420px), 1fr));
  gap: 16px; margin-top: 14px; }
.three { grid-template-columns: repeat(auto-fit, minmax(min(100%, 300px), 1fr)); }
.charts figure { margin: 0; padding: 14px 14px 8px; }
.charts figcaption { font-size: 14px; font-weight: 600; margin-bottom: 4px; }
.charts svg { display: block; width: 100%; height: auto; }
.charts text { font-size: 13.5px; fill: var(--soft); }
.three text { font-size: 17px; }
.grid { stroke: var(--line); }
.curve { fill: none; stroke-width: 1.8; stroke-linejoin: round; }
.dot { stroke: none; }
.held-out { stroke-dasharray: 5 4; }
.boundary { stroke: var(--soft); stroke-dasharray: 2 4; }
.sample { display: grid; grid-template-columns: minmax(0, 300px) minmax(0, 1fr); gap: 8px 26px;
  margin-top: 16px; }
.sample h3 { grid-column: 1 / -1; margin: 0; }
.sample h3 span { color: var(--soft); font-weight: 400; }
.sample img { width: 100%; height: auto; border: 1px solid var(--line); border-radius: 4px; }
.question { white-space: pre-wrap; font-size: 15px; }
ol { list-style: none; margin: 0 0 12px; padding: 0; font-size: 15px; display: flex;
  flex-wrap: wrap; gap: 4px 6px; }
ol li { padding: 1px 9px; border: 1px solid var(--line); border-radius: 4px; }
ol b { color: var(--soft); margin-right: 7px; font-weight: 600; }
ol .key-answer { border-color: var(--right); background: var(--right-paper); }
ol .key-answer b { color: var(--right); }
.chains { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 300px), 1fr));
  gap: 4px 18px; margin-top: 4px; }
.chains > div { min-width: 0; }
mark { background: var(--mark); color: inherit; }
.legend { font-size: 14px; margin: 10px 0 0; }
.legend > span { display: flex; flex-wrap: wrap; align-items: center; gap: 2px; }
.lead { font-size: 17px; margin-top: 18px; }
.change { display: grid; grid-template-columns: 190px 1fr 250px; gap: 0 16px; padding: 10px 0;
  border-top: 1px solid var(--line); font-size: 14px; align-items: center; }
.change:first-child { border-top: 0; }
.change svg { display: block; width: 100%; height: 22px; overflow: visible; }
.change small { display: block; color: var(--soft); font-size: 12.5px; }
.change text { font-size: 11.5px; fill: var(--soft); }
table { border-collapse: collapse; font-size: 13.5px; margin-top: 8px; }
th, td { text-align: right; padding: 5px 0 5px 12px; font-weight: 400; white-space: nowrap; }
th { color: var(--soft); }
th:first-child { text-align: left; padding-left: 0; white-space: normal; }
td small { display: block; color: var(--soft); font-size: 11.5px; }
.scroll { overflow-x: auto; }
.verdict { font-size: 14px; margin: 0; }
.right { color: var(--right); font-weight: 600; } .wrong { color: var(--wrong); font-weight: 600; }
pre { margin: 4px 0 0; padding: 10px 14px; background: var(--track); border-radius: 4px;
  font: 13.5px/1.5 ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace;
  white-space: pre-wrap; max-height: 420px; overflow: auto; }
@media (max-width: 640px) {
  main { padding: 24px 14px 48px; }
  h1 { font-size: 25px; } h2 { margin-top: 40px; }
  .card { padding: 14px; }
  .figures { grid-template-columns: 1fr 1fr; }
  .task, .sample, .change { grid-template-columns: minmax(0, 1fr); }
  .bar { grid-template-columns: 1fr 142px; }
  .sample img { max-width: 300px; }
  .three text { font-size: 14px; }
}
"""
