import { Agent, request } from 'undici'
import { packageVersion } from '../../core/package-version.ts'
import { AcmeError } from './acme-error.ts'

export interface HttpAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: string
}

/** A request over HTTPS that ends in time, whatever the peer does. */
export interface Http {
  send(method: 'GET' | 'HEAD' | 'POST', url: string, body?: string): Promise<HttpAnswer>
  close(): void
}

const MAX_BODY = 1_048_576
const TIMEOUT_MS = 30_000
/**
 * More than the number of concurrent orders: a request that waited for a connection would be sent without regard to
 * what was heard meanwhile.
 */
const CONNECTIONS = 12

/** `ca`: PEM texts of CAs for the authority's own certificate; undefined: Node's roots. */
export function acmeHttp(ca: string | undefined): Http {
  const agent = new Agent({
    connections: CONNECTIONS,
    connect: { timeout: 10_000, ...(ca !== undefined && { ca }) },
    headersTimeout: TIMEOUT_MS,
    bodyTimeout: TIMEOUT_MS,
    maxResponseSize: MAX_BODY
  })
  const agentName = `lb/${packageVersion()}`
  return {
    async send(method, url, body) {
      try {
        const answer = await request(url, {
          method,
          dispatcher: agent,
          signal: AbortSignal.timeout(TIMEOUT_MS),
          headers: {
            'user-agent': agentName,
            'accept-language': 'en',
            ...(body !== undefined && { 'content-type': 'application/jose+json' })
          },
          ...(body !== undefined && { body })
        })
        return { status: answer.statusCode, headers: answer.headers, body: await answer.body.text() }
      } catch (error) {
        const { message, cause } = error as Error
        const why = message !== '' ? message : String((cause as Error | undefined)?.message ?? error)
        throw new AcmeError('unreachable', `${new URL(url).host} cannot be reached: ${why}`, {
          cause: error
        })
      }
    },
    close() {
      agent.destroy().catch(() => {})
    }
  }
}
