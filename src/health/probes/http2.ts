import { bareRecord } from '../../core/own.ts'
import http2 from 'node:http2'
import type { ProbeConfig } from '../../config/model/model.ts'
import { MOST_BYTES, ProbeMismatch, type ProbeTarget } from '../probe.ts'
import { clearSocket, secureSocket } from './probe-socket.ts'
import { TextSearch } from './text-search.ts'

/** The HTTP probe of a pool that speaks HTTP/2: over TLS where its backends do. */
export async function http2Probe(target: ProbeTarget, signal: AbortSignal): Promise<string> {
  const secure = target.tls !== undefined || target.config.type === 'https'
  const socket = await (secure ? secureSocket(target, signal, ['h2']) : clearSocket(target, signal))
  try {
    const session = http2.connect('http://probe', { createConnection: () => socket })
    try {
      return await ask(session, target, signal, secure ? 'https' : 'http')
    } finally {
      session.destroy()
    }
  } finally {
    socket.destroy()
  }
}

function ask(
  session: http2.ClientHttp2Session,
  { address, config }: ProbeTarget,
  signal: AbortSignal,
  scheme: string
): Promise<string> {
  return new Promise<string>((resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true })
    session.on('error', reject)
    session.on('close', () => reject(new ProbeMismatch('connection closed')))
    const host = config.host ?? (address.kind === 'tcp' ? address.text : 'localhost')
    const stream = session.request(requestFields(config, host, scheme), { endStream: true })
    const search =
      config.body === undefined ? undefined : new TextSearch(Buffer.from(config.body).toString('latin1'))
    let passed = ''
    stream.on('error', reject)
    stream.on('response', (headers) => {
      const status = Number(headers[':status'])
      if (!config.statuses.some(({ from, to }) => status >= from && status <= to)) {
        return reject(new ProbeMismatch(`status ${status}`))
      }
      passed = `status ${status}`
      if (search === undefined) resolve(passed)
    })
    stream.on('data', (bytes: Buffer) => {
      if (search === undefined) return
      if (search.found(bytes)) resolve(passed)
      else if (search.seen > MOST_BYTES) reject(lacks(config))
    })
    stream.on('end', () => reject(lacks(config)))
  })
}

function requestFields(config: ProbeConfig, host: string, scheme: string): http2.OutgoingHttpHeaders {
  const fields = bareRecord<string>([
    ['user-agent', 'lb-probe'],
    ['accept', '*/*']
  ])
  for (const [name, value] of Object.entries(config.headers)) {
    const lower = name.toLowerCase()
    if (lower !== 'host' && lower !== 'connection') fields[lower] = value
  }
  const given = Object.entries(config.headers).find(([name]) => name.toLowerCase() === 'host')?.[1]
  return {
    ...fields,
    ':method': config.method,
    ':scheme': scheme,
    ':path': config.path,
    ':authority': given ?? host
  }
}

function lacks({ body }: ProbeConfig): ProbeMismatch {
  return new ProbeMismatch(`the body lacks ${JSON.stringify((body ?? '').slice(0, 60))}`)
}
