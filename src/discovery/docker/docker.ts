import { Client, type Dispatcher } from 'undici'
import type { Clock } from '../../core/clock.ts'
import type { DockerDiscovery } from '../../config/model/model.ts'
import { boundedLines, boundedText } from '../bounded-text.ts'
import { Poller } from '../poller.ts'
import type { Source, SourceDeps } from '../source.ts'
import { Settling } from '../settling.ts'
import { ContainerReader, type Container } from './containers.ts'
import { eventOf } from './events.ts'

/** Changes without an event (a restarted daemon) are noticed by then. */
const LOOK_ANYWAY_MS = 60_000
const CALL_MS = 10_000
/** Of so many containers and more, the daemon is asked only for those that events name, unless these are very many. */
const MANY = 200
const MOST_ASKED = 100

/** Follows the containers of a Docker daemon: events trigger a reading of the list. */
export function dockerSource(config: DockerDiscovery, deps: SourceDeps): Source {
  const client = new Client('http://docker', {
    connect: { socketPath: config.socket, timeout: 3_000 },
    // Events and the list use connections of their own.
    pipelining: 1,
    bodyTimeout: 0
  })
  const calls = new Client('http://docker', { connect: { socketPath: config.socket, timeout: 3_000 } })
  const warned = new Set<string>()

  const reader = new ContainerReader(config)
  const settling = new Settling(deps.clock)
  let containers = new Map<string, Container>()

  /** `ids`: only these may have changed. */
  const look = async (signal: AbortSignal, ids?: ReadonlySet<string>): Promise<void> => {
    const some = containers.size >= MANY && ids !== undefined && ids.size <= MOST_ASKED ? ids : undefined
    const filters = JSON.stringify({
      label: [config.label],
      status: ['running'],
      ...(some !== undefined && { id: [...some] })
    })
    const path = `/containers/json?filters=${encodeURIComponent(filters)}`
    const text = await call(calls, path, AbortSignal.any([signal, AbortSignal.timeout(CALL_MS)]))
    settling.measure(() => {
      const listed = JSON.parse(text) as Container[]
      if (!Array.isArray(listed)) throw new Error('/containers/json answers something that is not a list')
      if (some === undefined) containers = new Map()
      else for (const id of some) containers.delete(id)
      for (const container of listed) containers.set(container.Id, container)
      const { backends, warnings } = reader.read(containers.values())
      for (const warning of warnings) {
        if (warned.has(warning)) continue
        if (warned.size < 1_000) warned.add(warning)
        deps.log.warn({}, warning)
      }
      deps.found(backends)
    })
  }

  const poller = new Poller(
    deps,
    async (signal, succeeded) => {
      const filters = JSON.stringify({ type: ['container', 'network'] })
      // Subscribes before the list is read, so that no change is missed in between.
      const events = await client.request({
        method: 'GET',
        path: `/events?filters=${encodeURIComponent(filters)}`,
        signal,
        headersTimeout: CALL_MS
      })
      const { statusCode, body } = events
      body.on('error', () => {})
      try {
        if (statusCode !== 200) throw new Error(`/events answers ${statusCode}`)
        await look(signal)
        succeeded()
        await follow(body, (ids) => look(signal, ids), { clock: deps.clock, settling }, signal)
        throw new Error('the daemon ended the stream of events')
      } finally {
        // The next request would wait for the end of this answer, which need not come.
        body.destroy()
      }
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
  look: (ids: ReadonlySet<string> | undefined) => Promise<void>,
  { clock, settling }: { clock: Clock; settling: Settling },
  signal: AbortSignal
): Promise<void> {
  const failed = Promise.withResolvers<never>()
  failed.promise.catch(() => {})
  let cancelSoon: (() => void) | undefined
  /** Of the containers that events have named since the last reading; undefined: of all. */
  let changed: Set<string> | undefined
  const soon = (): void => {
    cancelSoon = undefined
    look(changed).catch(failed.reject)
  }
  let cancelAll: () => void
  const all = (): void => {
    cancelAll = clock.after(LOOK_ANYWAY_MS, () => void look(undefined).then(all, failed.reject))
  }
  all()
  const read = async (): Promise<void> => {
    for await (const line of boundedLines(body)) {
      const event = eventOf(line)
      if (event === 'of no matter') continue
      if (cancelSoon === undefined) {
        // The first event of a burst decides: a busy daemon must not postpone the reading for ever.
        changed = new Set()
        cancelSoon = clock.after(settling.waitMs, soon)
      }
      if (event === undefined) changed = undefined
      else changed?.add(event.container)
    }
  }
  try {
    await Promise.race([read(), failed.promise])
  } finally {
    cancelSoon?.()
    cancelAll!()
    signal.throwIfAborted()
  }
}
