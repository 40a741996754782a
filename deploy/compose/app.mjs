// A backend that can be told to misbehave: PUT /-/mode with `ok`, `slow`, `fail` or `dead`.
import { createServer } from 'node:http'

const name = process.env.NAME ?? 'app'
const MODES = ['ok', 'slow', 'fail', 'dead']
let mode = 'ok'

function answer(response) {
  response.statusCode = mode === 'fail' ? 500 : 200
  response.end(`${name} is ${mode}\n`)
}

const server = createServer((request, response) => {
  response.setHeader('content-type', 'text/plain; charset=utf-8')
  if (request.url === '/healthz') return response.end('ok\n')
  const wanted = /^\/-\/mode\/(\w+)$/.exec(request.url ?? '')?.[1]
  if (request.method === 'PUT' && MODES.includes(wanted)) {
    mode = wanted
    response.end(`${name} is ${mode} from now on\n`)
    // Compose starts it again, and then it is well.
    if (mode === 'dead') setTimeout(() => process.exit(1), 100)
    return
  }
  if (mode === 'slow') setTimeout(() => answer(response), 500 + Math.random() * 1500)
  else answer(response)
})
// Longer than lb keeps idle connections, so that lb is the side that closes them.
server.keepAliveTimeout = 65_000
server.listen(Number(process.env.PORT ?? 3000), process.env.HOST ?? '0.0.0.0', () =>
  console.log(`${name} on port ${server.address().port}`)
)
