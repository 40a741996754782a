import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

/** The host that nobody is let in to. */
export const CLOSED_HOST = 'closed.test'
/** … and what it is told. */
export const NOT_FOR_YOU = 'not for you\n'

export interface ForwardAuth {
  readonly url: string
  /** The cookie that the answer about a URL came with: each is another. */
  readonly cookies: ReadonlyMap<string, string>
  close(): void
}

/** Who decides by host and path (`auth.forward`): now slow, now failing. */
export async function startForwardAuth(): Promise<ForwardAuth> {
  const cookies = new Map<string, string>()
  let asked = 0
  let given = 0
  const server = createServer((request, response) => {
    const turn = ++asked % 25
    const host = String(request.headers['x-forwarded-host']).replace(/:\d+$/, '')
    const refused = host === CLOSED_HOST || String(request.headers['x-forwarded-uri']).includes('/closed')
    const answer = (): void => {
      if (turn === 7) return void response.writeHead(500).end()
      if (turn === 9) return void request.socket.destroy()
      // With a cookie it holds for one request only.
      if (turn % 2 === 0) {
        response.setHeader('Set-Cookie', `fa=${++given}; Path=/`)
        cookies.set(String(request.headers['x-forwarded-uri']), String(given))
      }
      response.writeHead(refused ? 403 : 200).end(refused ? NOT_FOR_YOU : '')
    }
    setTimeout(answer, turn === 3 ? 100 : 0)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/auth`,
    cookies,
    close() {
      server.close()
      server.closeAllConnections()
    }
  }
}
