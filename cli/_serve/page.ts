/** The page that compares runs: its skeleton and style; `client.js` fills it. */

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
<script defer src="client.js"></script>
</head>
<body>
<header><h1>Runs</h1><span id="live" role="status">connecting</span></header>
<main>
<section id="choice" aria-label="Runs">
<table><thead><tr><th></th><th>run</th><th>state</th><th>step</th><th>loss</th></tr></thead>
<tbody id="runs"></tbody></table>
<p id="empty" hidden>No run here yet. It shows up by itself.</p>
</section>
<section id="curves" aria-label="Curves">
<form id="view">
<label>Smoothing <input id="smoothing" type="range" min="0" max="0.98" step="0.02" value="0.6"></label>
<label><input id="log" type="checkbox"> logarithmic</label>
<label>Curves <input id="filter" type="search" placeholder="loss, accuracy …"></label>
</form>
<div id="plots"></div>
<h2 id="config-title">Config</h2>
<label><input id="all" type="checkbox"> all keys, not only those that differ</label>
<div class="scroll"><table id="config"></table></div>
</section>
</main>
</body>
</html>
`;

/** CSS. */
export const style = `
:root{color-scheme:light dark;--page:#fbfbfa;--card:#fff;--text:#1d1f22;--faint:#5d636b;--line:#dfe1e4;
--accent:#2563b0}
@media(prefers-color-scheme:dark){:root{--page:#15171a;--card:#1d2024;--text:#e7e9ec;--faint:#9aa2ab;
--line:#33373d;--accent:#7fb2ee}}
*{box-sizing:border-box}
body{margin:0;padding:0 1rem 3rem;background:var(--page);color:var(--text);font:1rem/1.5 system-ui,sans-serif}
header{display:flex;gap:1rem;align-items:baseline}
h1{font-size:1.4rem;margin:.8rem 0}
h2{font-size:1.15rem;margin:1.5rem 0 .4rem}
#live{color:var(--faint);font-size:.9rem}
#live.lost{color:#d33}
main{display:grid;gap:1.5rem;grid-template-columns:minmax(16rem,24rem) minmax(0,1fr)}
#choice{overflow-x:auto;align-self:start}
@media(max-width:56rem){main{grid-template-columns:minmax(0,1fr)}#choice{max-height:40vh;overflow:auto}}
table{border-collapse:collapse;font-size:.9rem;font-variant-numeric:tabular-nums}
th,td{text-align:left;padding:.25rem .6rem .25rem 0;border-bottom:1px solid var(--line);vertical-align:top}
th{color:var(--faint);font-weight:normal}
td{overflow-wrap:anywhere}
#runs td:nth-child(n+3){white-space:nowrap}
a{color:var(--accent)}
.swatch{display:inline-block;width:.7em;height:.7em;border-radius:.2em;margin-right:.35em}
.faint{color:var(--faint)}
form{display:flex;flex-wrap:wrap;gap:.4rem 1.2rem;align-items:center;font-size:.9rem}
input[type=search]{font:inherit;color:inherit;background:var(--card);border:1px solid var(--line);
border-radius:.3rem;padding:.1rem .4rem;width:10rem}
#plots{display:grid;gap:1rem;grid-template-columns:repeat(auto-fill,minmax(min(100%,21rem),1fr));margin-top:.8rem}
#plots figure{margin:0;min-width:0;background:var(--card);border:1px solid var(--line);border-radius:.5rem;
padding:.5rem}
#plots figcaption{font-weight:600;font-size:.9rem;overflow-wrap:anywhere}
.u-legend{font-size:.78rem;text-align:left}
.u-legend th,.u-legend td{border:0;padding:.1rem .3rem}
.scroll{overflow-x:auto}
`;
