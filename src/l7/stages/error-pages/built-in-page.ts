import { createHash } from 'node:crypto'
import { PageTemplate } from './page-template.ts'

const style = `
:root { color-scheme: light dark; --ink: #1c2024; --paper: #fbfcfd; --quiet: #60646c; --line: #d9dde3 }
@media (prefers-color-scheme: dark) { :root { --ink: #edeef0; --paper: #111113; --quiet: #a2a8b2; --line: #363a3f } }
* { box-sizing: border-box; margin: 0 }
body { min-height: 100vh; min-height: 100svh; display: grid; place-items: center; padding: 2rem; background: var(--paper); color: var(--ink);
  font: 1rem/1.6 system-ui, sans-serif }
main { width: 100%; max-width: 34rem; overflow-wrap: anywhere }
.status { font-size: 4.5rem; font-weight: 700; line-height: 1; letter-spacing: -.03em; font-variant-numeric: tabular-nums }
h1 { font-size: 1.5rem; font-weight: 600; line-height: 1.25; margin: .75rem 0 1rem; overflow-wrap: normal }
p { color: var(--quiet) }
footer { display: flex; flex-wrap: wrap; justify-content: space-between; gap: .25rem 1.5rem; margin-top: 2.5rem; padding-top: 1rem;
  border-top: 1px solid var(--line); color: var(--quiet); font-size: .875rem }
code { font: .8125rem ui-monospace, monospace; user-select: all }
`

/** A single piece of text without scripts, fonts or images, so that nothing moves while it loads. */
export const builtInPage = new PageTemplate(
  `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex">
<title>{status} {reason}</title>
<style>${style}</style>
</head>
<body>
<main>
<div class="status">{status}</div>
<h1>{reason}</h1>
<p>This page cannot be shown. If you report it, name the request below.</p>
<footer><span>Request <code>{requestId}</code></span><span>{host}</span></footer>
</main>
</body>
</html>
`,
  'text/html; charset=utf-8'
)

const hash = createHash('sha256').update(style).digest('base64')

/** Allows only the page's own style, whatever the site's policy is. */
export const builtInPolicy = `default-src 'none'; style-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`
