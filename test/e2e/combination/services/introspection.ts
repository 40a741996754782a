import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Plan } from '../plan.ts'

/** A token is what the plan's id is; two of three are active. */
export function isActive(token: string): boolean {
  return Number(token.slice(token.indexOf('-') + 1)) % 3 !== 0
}

/** Of a plan that brings one. */
export function tokenOf({ fields }: Plan): string | undefined {
  return /^Authorization: Bearer (\S+)\r$/m.exec(fields)?.[1]
}

/** Who is asked about tokens (RFC 7662): now slow, now failing. */
export async function startIntrospection(): Promise<{ readonly url: string; close(): void }> {
  let asked = 0
  const server = createServer((request, response) => {
    let form = ''
    request.setEncoding('latin1').on('data', (part: string) => (form += part))
    request.on('end', () => {
      const token = new URLSearchParams(form).get('token') ?? ''
      const turn = ++asked % 20
      const answer = (): void => {
        if (turn === 7) return void response.writeHead(500).end()
        if (turn === 9) return void request.socket.destroy()
        response.setHeader('content-type', 'application/json')
        response.end(JSON.stringify({ active: isActive(token), sub: token }))
      }
      setTimeout(answer, turn === 3 ? 100 : 0)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/introspect`,
    close() {
      server.close()
      server.closeAllConnections()
    }
  }
}
