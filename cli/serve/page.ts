/** The page that compares runs: its skeleton and style; `client.js` fills it. */
import { pageColors } from "../../report/html.ts";

/** HTML. */
export const page = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">
<title>Runs</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="uplot.css">
<link rel="stylesheet" href="style.css">
<script defer src="uplot.js"></script>
<script defer src="compare.js"></script>
<script defer src="client.js"></script>
</head>
<body>
<header><h1>Runs</h1><span id="live" role="status">connecting</span></header>
<main>
<section aria-label="Runs">
<div id="choice"><table><thead><tr><td></td><th>run</th><th>state</th><th>method</th><th>accuracy</th><th>loss</th>
<th>steps</th><th>started</th><th>duration</th><th>device</th></tr></thead>
<tbody id="runs"></tbody></table></div>
<p id="empty" hidden>No runs yet. They will appear here by themselves.</p>
</section>
<section id="compared" aria-label="Comparison">
<form id="view">
<label>Smoothing <input id="smoothing" type="range" min="0" max="0.98" step="0.02" value="0.6"></label>
<label><input id="log" type="checkbox"> logarithmic</label>
<label>Curves <input id="filter" type="search" placeholder="loss, accuracy …"></label>
<label><input id="all" type="checkbox"> all config keys</label>
</form>
<div id="groups"></div>
</section>
</main>
</body>
</html>
`;

/** CSS. */
export const style = `${pageColors}
*{box-sizing:border-box}
body{margin:0 auto;max-width:90rem;padding:1.25rem clamp(1rem,3vw,2rem) 4rem;background:var(--page);color:var(--text);
font:1rem/1.5 system-ui,sans-serif}
header{display:flex;gap:1rem;align-items:baseline}
h1{font-size:1.6rem;margin:0 0 .8rem;letter-spacing:-.01em}
h2{font-size:1.2rem;margin:2rem 0 .6rem}
h3{font-size:1rem;margin:1.5rem 0 .4rem}
#live{color:var(--faint);font-size:.9rem}
#live.lost{color:var(--bad)}
#choice,.results table,.config table{background:var(--card);border:1px solid var(--line);border-radius:.6rem}
#choice{max-height:26rem;overflow:auto}
.results table,.config table{border-collapse:separate;border-spacing:0}
table{border-collapse:collapse;font-size:.9rem;font-variant-numeric:tabular-nums}
#choice table{width:100%}
th,td{text-align:left;padding:.4rem .8rem .4rem 0;border-bottom:1px solid var(--line);vertical-align:top}
#choice thead td,#choice th{position:sticky;top:0;background:var(--card);z-index:1}
#choice td:first-child{padding-left:.9rem;width:1rem}
#choice tbody tr:last-child td{border-bottom:0}
#choice tbody tr:hover{background:color-mix(in oklab,var(--accent) 6%,transparent)}
th{color:var(--faint);font-weight:600;font-size:.82rem;white-space:nowrap}
td{overflow-wrap:anywhere}
.tight{white-space:nowrap}
.name{min-width:9rem}
.number{font-weight:600}
.device{max-width:8rem;overflow:hidden;text-overflow:ellipsis;white-space:nowrap}
a{color:var(--accent)}
.swatch{display:inline-block;width:.7em;height:.7em;border-radius:50%;margin-right:.45em;background:var(--empty)}
.faint{color:var(--faint)}
.state::before{content:"";display:inline-block;width:.5em;height:.5em;border-radius:50%;background:currentColor;
margin-right:.45em;vertical-align:.08em}
.state{color:var(--faint);min-width:6.5rem}
.state.running{color:var(--accent)}.state.finished,.state.early{color:var(--good)}
.state.cut,.state.interrupted,.state.silent{color:var(--bad)}
form{display:flex;flex-wrap:wrap;gap:.4rem 1.4rem;align-items:center;font-size:.9rem;margin-top:1.2rem}
input[type=search]{font:inherit;color:inherit;background:var(--card);border:1px solid var(--line);
border-radius:.35rem;padding:.15rem .5rem;width:11rem}
.plots{display:grid;gap:.8rem;grid-template-columns:repeat(auto-fill,minmax(min(100%,21rem),1fr))}
.plots figure{margin:0;min-width:0;background:var(--card);border:1px solid var(--line);border-radius:.6rem;padding:.7rem}
.plots figcaption{font-weight:600;font-size:.95rem;overflow-wrap:anywhere;margin-bottom:.3rem}
.u-legend{font-size:.8rem;text-align:left}
.u-legend tr:first-child .u-marker{display:none}
.u-legend .u-marker{border-radius:50%;width:.7em;height:.7em}
.u-legend th,.u-legend td{border:0;padding:.1rem .3rem;color:inherit;font-size:inherit}
.scroll{overflow-x:auto}
.results,.config{margin:.8rem 0}
.results td,.results th,.config td,.config th{padding:.35rem .9rem}
.results td,.config td{min-width:5rem;max-width:22rem;overflow-wrap:break-word}
.results td:first-child,.config td:first-child{min-width:8.5rem}
.results tr:last-child td,.config tr:last-child td{border-bottom:0}
.other{color:var(--accent);font-weight:600}
.best{font-weight:600}
@media(max-width:52rem){
#choice{max-height:32rem}
#choice thead{display:none}
#choice table,#choice tbody{display:block}
#choice tr{display:flex;flex-wrap:wrap;gap:.1rem .9rem;padding:.6rem .8rem;border-bottom:1px solid var(--line)}
#choice tbody tr:last-child{border-bottom:0}
#choice td,#choice td:first-child{border:0;padding:0;width:auto}
#choice .name{flex:1 1 calc(100% - 3rem);font-weight:600}
#choice .device{max-width:100%}
#choice td:empty{display:none}
#choice .state{min-width:0}
#choice [data-label]::before{content:attr(data-label) " ";color:var(--faint);font-weight:400}
}
`;
