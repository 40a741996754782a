// The page of /chaos/: buttons that tell backends how to behave. APPS is `host:port,host:port`.
import { createServer } from 'node:http'

const apps = new Map((process.env.APPS ?? '').split(',').map((address) => [address.split(':')[0], address]))
const MODES = ['ok', 'slow', 'fail', 'dead']

const page = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Chaos</title>
<style>
  :root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif }
  body { max-width: 34rem; margin: 3rem auto; padding: 0 1rem }
  form { display: flex; gap: .5rem; align-items: baseline; margin: .5rem 0 }
  form b { width: 6rem }
  button { font: inherit; padding: .25rem .75rem }
</style>
<h1>Chaos</h1>
<p>How each backend behaves from now on. A dead one is started again by Compose.</p>
${[...apps.keys()]
  .map(
    (app) =>
      `<form method="post"><b>${app}</b>${MODES.map((mode) => `<button formaction="/chaos/${app}/${mode}">${mode}</button>`).join('')}</form>`
  )
  .join('\n')}
<p><a href="/">The site</a></p>
`

const server = createServer(async (request, response) => {
  const [, app, mode] = /^\/chaos\/([\w.-]+)\/(\w+)$/.exec(request.url ?? '') ?? []
  const address = apps.get(app)
  if (request.method === 'POST' && address !== undefined && MODES.includes(mode)) {
    await fetch(`http://${address}/-/mode/${mode}`, {
      method: 'PUT',
      signal: AbortSignal.timeout(2000)
    }).catch(() => {})
    response.writeHead(303, { location: '/chaos/' }).end()
    return
  }
  response.writeHead(request.url === '/chaos/' ? 200 : 404, { 'content-type': 'text/html; charset=utf-8' })
  response.end(page)
})
server.keepAliveTimeout = 65_000
server.listen(Number(process.env.PORT ?? 3000), process.env.HOST ?? '0.0.0.0', () =>
  console.log(`chaos on port ${server.address().port}`)
)
