import { Client, type Dispatcher } from 'undici'
import type { DockerDiscovery } from '../../config/model/model.ts'
import { boundedLines, boundedText } from '../bounded-text.ts'
import { Poller } from '../poller.ts'
import type { Source, SourceParts } from '../source.ts'
import { containerBackends, type Container } from './containers.ts'

/** Many events of one `docker compose up` cause one reading. */
const SETTLE_MS = 100
/** Changes without an event (a restarted daemon) are noticed by then. */
const LOOK_ANYWAY_MS = 60_000
const CALL_MS = 10_000

/** Follows the containers of a Docker daemon: events trigger a reading of the list. */
export function dockerSource(config: DockerDiscovery, parts: SourceParts): Source {
  const client = new Client('http://docker', {
    connect: { socketPath: config.socket, timeout: 3_000 },
    // Events and the list use connections of their own.
    pipelining: 1,
    bodyTimeout: 0
  })
  const calls = new Client('http://docker', { connect: { socketPath: config.socket, timeout: 3_000 } })
  const warned = new Set<string>()

  const look = async (signal: AbortSignal): Promise<void> => {
    const filters = JSON.stringify({ label: [config.label], status: ['running'] })
    const path = `/containers/json?filters=${encodeURIComponent(filters)}`
    const text = await call(calls, path, AbortSignal.any([signal, AbortSignal.timeout(CALL_MS)]))
    const { backends, warnings } = containerBackends(JSON.parse(text) as Container[], config)
    for (const warning of warnings) {
      if (warned.has(warning)) continue
      if (warned.size < 1_000) warned.add(warning)
      parts.log.warn({}, warning)
    }
    parts.found(backends)
  }

  const poller = new Poller(
    parts,
    async (signal, succeeded) => {
      const filters = JSON.stringify({ type: ['container', 'network'] })
      // Subscribes before the list is read, so that no change is missed in between.
      const events = await client.request({
        method: 'GET',
        path: `/events?filters=${encodeURIComponent(filters)}`,
        signal,
        headersTimeout: CALL_MS
      })
      if (events.statusCode !== 200) throw new Error(`/events answers ${events.statusCode}`)
      await look(signal)
      succeeded()
      await follow(events.body, () => look(signal), parts, signal)
      throw new Error('the daemon ended the stream of events')
    },
    { stream: true }
  )
  return {
    label: `docker ${config.label}`,
    close() {
      poller.close()
      void client.destroy()
      void calls.destroy()
    }
  }
}

async function call(client: Client, path: string, signal: AbortSignal): Promise<string> {
  const response = await client.request({ method: 'GET', path, signal })
  const text = await boundedText(response.body)
  if (response.statusCode !== 200) throw new Error(`${path.split('?')[0]} answers ${response.statusCode}`)
  return text
}

/** Reads once for each burst of events, and now and then without any. */
async function follow(
  body: Dispatcher.ResponseData['body'],
  look: () => Promise<void>,
  { clock }: SourceParts,
  signal: AbortSignal
): Promise<void> {
  let cancel: (() => void) | undefined
  let due = Infinity
  const failed = Promise.withResolvers<never>()
  failed.promise.catch(() => {})
  const after = (ms: number): void => {
    // The first event of a burst decides: a busy daemon must not postpone the reading for ever.
    if (clock.now() + ms >= due) return
    cancel?.()
    due = clock.now() + ms
    cancel = clock.after(ms, () => {
      due = Infinity
      look().then(() => after(LOOK_ANYWAY_MS), failed.reject)
    })
  }
  after(LOOK_ANYWAY_MS)
  const read = async (): Promise<void> => {
    for await (const _event of boundedLines(body)) after(SETTLE_MS)
  }
  try {
    await Promise.race([read(), failed.promise])
  } finally {
    cancel?.()
    body.on('error', () => {}).destroy()
    signal.throwIfAborted()
  }
}
