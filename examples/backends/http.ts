/**
 * A small HTTP backend to point a balancer at: `node examples/backends/http.ts <name> <port>`.
 * Every answer says which backend gave it, in the body and in `x-backend`.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { announce } from './announce.ts'

const name = process.argv[2] ?? 'b1'
const port = Number(process.argv[3] ?? 9001)
let served = 0

type Answer = (request: IncomingMessage, response: ServerResponse, url: URL) => void

const answers: Record<string, Answer> = {
  '/healthz': (_request, response) => response.end('ok\n'),

  // /slow?ms=250: the head and body come after the wait, a minute at most.
  '/slow': (_request, response, url) => {
    const ms = Math.min(60_000, Math.max(0, Number(url.searchParams.get('ms') ?? 1000) || 0))
    const timer = setTimeout(() => response.end(`${name} answered after ${ms} ms\n`), ms)
    response.on('close', () => clearTimeout(timer))
  },

  '/headers': (request, response) => {
    response.setHeader('content-type', 'application/json')
    response.end(`${JSON.stringify({ backend: name, ...request.headers }, undefined, 2)}\n`)
  },

  '/cacheable': (_request, response) => {
    response.setHeader('cache-control', 'public, max-age=10')
    response.setHeader('etag', '"example-1"')
    response.end(`${name} made this answer, its number ${served}; it may be kept for 10 s\n`)
  },

  '/echo': (request, response) => {
    response.setHeader('content-type', request.headers['content-type'] ?? 'application/octet-stream')
    request.pipe(response)
  }
}

const server = createServer((request, response) => {
  served++
  response.setHeader('x-backend', name)
  response.setHeader('content-type', 'text/plain; charset=utf-8')
  const url = new URL(request.url ?? '/', 'http://backend')
  const answer = answers[url.pathname]
  if (answer !== undefined) return answer(request, response, url)
  response.end(`${name} answers ${request.method} ${url.pathname}, its request number ${served}\n`)
})

// Longer than lb keeps idle upstream connections (55 s), so that lb is the side that closes them.
server.keepAliveTimeout = 65_000
announce(server, name, port)
