import type { Agent } from 'undici'
import { packageVersion } from '../core/package-version.ts'
import { OcspError } from './response.ts'

/** Queries a responder; rejects with an OcspError. */
export type AskResponder = (url: string, request: Buffer) => Promise<Buffer>

const TIMEOUT_MS = 15_000
/** Responses have 0.5 to 5 KB. */
const MAX_BYTES = 65_536
const CONNECTIONS = 4

let agent: Agent | undefined

/** By HTTP POST (RFC 6960, appendix A.1). */
export const askResponder: AskResponder = async (url, request) => {
  // Loaded on first use: most configurations never need it.
  const undici = await import('undici')
  agent ??= new undici.Agent({
    connections: CONNECTIONS,
    maxResponseSize: MAX_BYTES,
    connect: { timeout: 5_000 }
  })
  try {
    const answer = await undici.request(url, {
      method: 'POST',
      dispatcher: agent,
      signal: AbortSignal.timeout(TIMEOUT_MS),
      headers: {
        'content-type': 'application/ocsp-request',
        accept: 'application/ocsp-response',
        'user-agent': `lb/${packageVersion()}`
      },
      body: request
    })
    const bytes = Buffer.from(await answer.body.arrayBuffer())
    if (answer.statusCode !== 200) throw new OcspError('no-answer', `it answered ${answer.statusCode}`)
    return bytes
  } catch (error) {
    if (error instanceof OcspError) throw error
    const { code, message } = error as NodeJS.ErrnoException
    throw new OcspError('no-answer', `it cannot be asked: ${message || code}`)
  }
}
