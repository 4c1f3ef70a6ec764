/** How a report looks: quiet type, one column on a phone, three on a desk, and on paper. */
import { FONT, THEME_CSS } from '../../pictures/theme.js'

export const STYLE = `${THEME_CSS}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%;scroll-behavior:smooth}
@media (prefers-reduced-motion:reduce){html{scroll-behavior:auto}}
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.5 ${FONT};font-variant-numeric:tabular-nums}
.page{max-width:1140px;margin:0 auto;padding:28px 24px 64px}
a{color:inherit;text-decoration-color:var(--muted);text-underline-offset:3px}
a:focus-visible,button:focus-visible,summary:focus-visible,[tabindex]:focus-visible{outline:2px solid var(--series-1);
outline-offset:3px;border-radius:3px}
.skip{position:absolute;left:-999px}
.skip:focus{position:static}
.top{display:flex;justify-content:space-between;align-items:baseline;gap:16px;color:var(--muted);font-size:.875rem}
.top p{margin:0;overflow-wrap:anywhere}
button{font:inherit;font-size:.8125rem;color:var(--muted);background:none;border:1px solid var(--rule);border-radius:6px;
padding:3px 10px;min-height:26px;cursor:pointer}
button:hover{color:var(--ink);border-color:var(--muted)}
h1,h2,h3{line-height:1.25;margin:0;font-weight:600;text-wrap:balance}
h1{font-size:1.75rem;letter-spacing:-.012em;margin:20px 0 6px;overflow-wrap:anywhere}
h2{font-size:1.3125rem;letter-spacing:-.006em}
h3{font-size:.9688rem}
p{margin:0;text-wrap:pretty}
code{font:.8125rem/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;overflow-wrap:anywhere}
.subtitle{color:var(--muted)}
.verdicts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,300px),1fr));gap:20px;margin-top:24px}
.verdict{background:var(--surface);border:1px solid var(--rule);border-left:5px solid var(--tone);border-radius:8px;
padding:18px 22px}
.verdict h2{font-size:1.1875rem;line-height:1.35;margin-top:4px;max-width:64ch;text-wrap:pretty}
.verdicts>.verdict:not(:only-child) h2{font-size:1.0625rem}
.good{--tone:var(--good)}.doubt{--tone:var(--doubt)}.bad{--tone:var(--bad)}.open{--tone:var(--muted)}
.tone{color:var(--tone);font-size:.875rem;font-weight:600}
.run{color:var(--ink)}
.findings{list-style:none;margin:14px 0 0;padding:0;display:grid;gap:10px}
.findings li{display:grid;grid-template-columns:1.25em 1fr;gap:0 6px}
.findings .mark{color:var(--tone);font-weight:700}
.cure{grid-column:2;color:var(--muted);font-size:.9063rem}
.facts{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,136px),1fr));gap:14px 24px;margin:24px 0 0}
.facts div{min-width:0}
.facts div:last-child{grid-column:span 2}
.facts dt{overflow-wrap:anywhere;color:var(--muted);font-size:.8125rem}
.facts dd{margin:0;font-weight:600;font-size:.9375rem;overflow-wrap:anywhere}
nav{margin-top:24px;font-size:.875rem}
nav ul{list-style:none;margin:0;padding:0;display:flex;flex-wrap:wrap;gap:4px 18px}
nav a{display:inline-block;padding:3px 0;color:var(--muted)}
.part{margin-top:44px;padding-top:18px;border-top:1px solid var(--rule)}
.part>p{color:var(--muted);margin-top:4px}
.figures{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,310px),1fr));gap:8px 36px;margin-top:20px}
.foot{margin-bottom:22px}
figure{margin:0;min-width:0;display:grid;grid-template-rows:subgrid;grid-row:span 4;row-gap:8px;align-content:start}
figure.wide{grid-column:1/-1}
figcaption p{color:var(--muted);font-size:.875rem;line-height:1.42;margin-top:4px;max-width:76ch}
figure svg{display:block;max-width:100%;height:auto}
figure>div{min-width:0}
.chart>svg{width:100%}
.wide .single{max-width:620px}
.multiples{display:grid;grid-template-columns:repeat(auto-fill,minmax(146px,1fr));gap:14px 18px}
.graphs{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,430px),1fr));gap:22px 28px}
.graphs>:only-child{grid-column:1/-1}
.graphs svg{width:calc(100% * var(--share))}
.graphs>:only-child svg{width:auto}
.scroll{overflow-x:auto;max-width:100%}
.label{font-size:.8125rem;white-space:pre-wrap;overflow-wrap:anywhere}
.verdict details{margin-top:10px}
.graphs .label{font-weight:600;margin-bottom:6px}
.keys{list-style:none;margin:0;padding:0;display:flex;flex-wrap:wrap;gap:2px 16px;font-size:.8125rem}
.keys li{display:inline-flex;align-items:center;gap:6px}
.keys svg{flex:none}
.foot{position:relative;min-height:28px}
.saves{position:absolute;right:0;top:0;display:flex;gap:2px}
.saves button{border-color:transparent;padding:3px 7px}
.saves[hidden]{display:none}
details{font-size:.875rem;min-width:0}
summary{cursor:pointer;color:var(--muted);padding:3px 0}
table{border-collapse:collapse;font-size:.8438rem;line-height:1.4}
caption{text-align:left;font-weight:600;padding:0 0 6px}
th{font-weight:600;color:var(--muted);vertical-align:bottom}
th,td{padding:5px 16px 5px 0;text-align:right;border-bottom:1px solid var(--rule);white-space:nowrap}
th.text,td.text{text-align:left}
td.text{white-space:normal;overflow-wrap:anywhere;min-width:9ch;max-width:70ch}
td.text:first-child{min-width:12ch;white-space:nowrap}
.table{margin-top:18px}
.table h3{margin-bottom:4px}
.missing{margin:16px 0 0;padding:0;list-style:none;color:var(--muted);font-size:.875rem;display:grid;gap:4px}
footer{margin-top:56px;color:var(--muted);font-size:.8125rem}
@media (max-width:560px){.page{padding:18px 16px 48px}h1{font-size:1.4375rem}.verdict{padding:14px 16px}
.verdict h2{font-size:1.0625rem}.graphs svg{min-width:calc(500px * var(--share))}.graphs .scroll{margin-right:-16px}}
@media print{body{font-size:10.5pt}.page{max-width:none;padding:0}nav,button,.saves,.skip{display:none!important}
.figures{grid-template-columns:1fr 1fr}figure,.verdict,tr{break-inside:avoid}h2,h3{break-after:avoid}
.multiples{grid-template-columns:repeat(4,1fr)}.scroll{overflow:visible}details:not([open]){display:none}
table{width:100%;font-size:8.5pt}th,td,td.text:first-child{white-space:normal;padding-right:6pt}
.verdict summary{display:none}}
`
