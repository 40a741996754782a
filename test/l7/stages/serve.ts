import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'
import { configure, start } from '../../../src/index.ts'

type Answer = (request: IncomingMessage, response: ServerResponse) => void

/** A backend that answers as it is told. */
export async function backend(t: Test, answer: Answer): Promise<number> {
  const server = createServer(answer).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return (server.address() as AddressInfo).port
}

/** A whole `lb` over one listener with these keys: its address, and its metrics and log fields. */
export async function lbOf(t: Test, listener: object, more: object = {}): Promise<string> {
  const lb = await start(
    configure({
      workers: 0,
      log: { level: 'silent' },
      listeners: [{ name: 'web', bind: '127.0.0.1:0', mode: 'l7', ...listener }],
      ...more
    })
  )
  t.teardown(() => lb.kill())
  return `http://${lb.addresses[0]!.address}`
}
