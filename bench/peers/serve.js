/**
 * One proxy from npm: `node serve.js <name> <port> <http://origin>`. Each is set up the way its own documentation
 * says for speed: connections to the origin kept alive, X-Forwarded-* added where it can, nothing logged.
 */
import { Agent, createServer } from 'node:http'

const [name, port, target] = process.argv.slice(2)
const agent = new Agent({ keepAlive: true, maxSockets: 256, maxFreeSockets: 256 })
const keepAliveTimeout = 300_000

/** http-proxy and its two descendants share one interface. */
function serveClassic(proxy) {
  proxy.on('error', (_error, _request, response) => {
    if (typeof response?.writeHead === 'function' && !response.headersSent) response.writeHead(502).end()
    else response?.destroy?.()
  })
  const server = createServer({ keepAliveTimeout }, (request, response) => {
    void Promise.resolve(proxy.web(request, response)).catch(() => {})
  })
  server.on('upgrade', (request, socket, head) => {
    void Promise.resolve(proxy.ws(request, socket, head)).catch(() => socket.destroy())
  })
  return server
}

const options = { target, agent, xfwd: true, ws: true }

const servers = {
  'http-proxy': async () => {
    const { default: httpProxy } = await import('http-proxy')
    return serveClassic(httpProxy.createProxyServer(options))
  },
  'http-proxy-3': async () => {
    const { createProxyServer } = await import('http-proxy-3')
    return serveClassic(createProxyServer(options))
  },
  httpxy: async () => {
    const { createProxyServer } = await import('httpxy')
    return serveClassic(createProxyServer(options))
  },
  'fast-proxy': async () => {
    const { default: fastProxy } = await import('fast-proxy')
    const { proxy } = fastProxy({ base: target, undici: { connections: 256, pipelining: 1 } })
    // It hands Transfer-Encoding on to undici, which refuses that and frames the body itself: 500 for chunked uploads.
    const rewriteRequestHeaders = (_request, { 'transfer-encoding': _framing, ...headers }) => headers
    return createServer({ keepAliveTimeout }, (request, response) => {
      proxy(request, response, request.url, { rewriteRequestHeaders })
    })
  },
  '@fastify/http-proxy': async () => {
    const { default: fastify } = await import('fastify')
    const { default: httpProxy } = await import('@fastify/http-proxy')
    const app = fastify({ logger: false, keepAliveTimeout, bodyLimit: 2 ** 31 })
    await app.register(httpProxy, {
      upstream: target,
      websocket: true,
      undici: { connections: 256, pipelining: 1 }
    })
    await app.ready()
    return app.server
  }
}

const server = await servers[name]()
server.listen({ port: Number(port), host: '127.0.0.1', backlog: 16_384 })
