import { Agent, request, type Dispatcher } from 'undici'
import type { KubernetesDiscovery } from '../../config/model/model.ts'
import { boundedLines, boundedText } from '../bounded-text.ts'
import { Poller } from '../poller.ts'
import type { Source, SourceDeps } from '../source.ts'
import { clusterAccess, type ClusterAccess } from './access.ts'
import { Settling } from '../settling.ts'
import { urlBelow } from '../url-below.ts'
import { SliceReader, type EndpointSlice } from './slices.ts'

/** A watch ends after this time, and is resumed where it was. */
const WATCH_SECONDS = 60
/** After this long without a byte, bookmarks included, the connection is dead. */
const SILENT_MS = (WATCH_SECONDS + 15) * 1000
/** Least interval, in case a server ends each watch at once. */
const LEAST_MS = 1000
const CALL_MS = 15_000

interface WatchEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR'
  readonly object: EndpointSlice & { readonly code?: number; readonly message?: string }
}

/** The server has answered with an error. */
class Refused extends Error {}

/** The watch began too long ago; everything has to be listed again (410 Gone). */
class Outdated extends Refused {}

/** Lists and then watches the EndpointSlices of one service, with plain REST. */
export function kubernetesSource(
  config: KubernetesDiscovery,
  deps: SourceDeps,
  silentMs = SILENT_MS
): Source {
  const slices = new Map<string, EndpointSlice>()
  const reader = new SliceReader(config.port, config.zone)
  const settling = new Settling(deps.clock)
  let agent: Agent | undefined
  let agentTls = ''
  let version: string | undefined
  let cancel: (() => void) | undefined
  const tell = (): void => {
    cancel?.()
    cancel = undefined
    settling.measure(() => deps.found(reader.backends(slices.values())))
  }
  const tellSoon = (): void => {
    cancel ??= deps.clock.after(settling.waitMs, tell)
  }

  const poller = new Poller(
    deps,
    async (signal, succeeded) => {
      const access = await clusterAccess(config)
      // CAs and certificates are renewed like tokens.
      const tls = JSON.stringify(access.tls)
      if (agent === undefined || tls !== agentTls) {
        void agent?.destroy()
        agentTls = tls
        agent = new Agent({ connect: access.tls, bodyTimeout: silentMs, headersTimeout: CALL_MS })
      }
      const dispatcher = agent
      const ask = (query: Record<string, string>) => slicesRequest(access, config, query, dispatcher, signal)
      try {
        if (version === undefined) {
          version = await list(ask, slices)
          tell()
        }
        const askedAt = deps.clock.now()
        const begun = () => {
          // Also without a change: the source answers again.
          tell()
          succeeded()
        }
        version = await watch(ask, slices, version, begun, tellSoon)
        return Math.max(0, LEAST_MS - (deps.clock.now() - askedAt))
      } catch (error) {
        // A restored server has smaller versions, and would refuse this one for ever.
        if (error instanceof Refused) version = undefined
        if (!(error instanceof Outdated)) throw error
        return LEAST_MS
      }
    },
    { stream: true }
  )
  return {
    label: `kubernetes ${config.namespace ?? ''}/${config.service}`,
    close() {
      poller.close()
      cancel?.()
      void agent?.destroy()
    }
  }
}

type Ask = (query: Record<string, string>) => Promise<Dispatcher.ResponseData>

/** Each call reads the token again: a service account's is renewed every hour. */
function slicesRequest(
  access: ClusterAccess,
  config: KubernetesDiscovery,
  query: Record<string, string>,
  dispatcher: Agent,
  signal: AbortSignal
): Promise<Dispatcher.ResponseData> {
  const namespace = encodeURIComponent(config.namespace ?? access.namespace)
  const url = urlBelow(access.url, `/apis/discovery.k8s.io/v1/namespaces/${namespace}/endpointslices`)
  url.searchParams.set('labelSelector', `kubernetes.io/service-name=${config.service}`)
  for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value)
  const headers = { accept: 'application/json', ...access.headers() }
  return request(url, { dispatcher, signal, headers })
}

/** All slices, page by page; returns the version to watch from. */
async function list(ask: Ask, slices: Map<string, EndpointSlice>): Promise<string> {
  const found = new Map<string, EndpointSlice>()
  let next = ''
  let version: string
  do {
    const response = await ask({ limit: '500', ...(next !== '' && { continue: next }) })
    const text = await boundedText(response.body)
    // 410 here means that the list took too long.
    if (response.statusCode === 410 && next !== '') throw new Outdated()
    if (response.statusCode !== 200) throw new Refused(refusal(response.statusCode, text))
    const page = JSON.parse(text) as {
      metadata: { resourceVersion: string; continue?: string }
      items: EndpointSlice[]
    }
    for (const slice of page.items) found.set(slice.metadata.name, slice)
    version = page.metadata.resourceVersion
    next = page.metadata.continue ?? ''
  } while (next !== '')
  slices.clear()
  for (const [name, slice] of found) slices.set(name, slice)
  return version
}

/** Follows changes until the server ends the watch; returns the version to continue from. */
async function watch(
  ask: Ask,
  slices: Map<string, EndpointSlice>,
  from: string,
  begun: () => void,
  changed: () => void
): Promise<string> {
  const response = await ask({
    watch: 'true',
    allowWatchBookmarks: 'true',
    resourceVersion: from,
    timeoutSeconds: String(WATCH_SECONDS)
  })
  if (response.statusCode !== 200) {
    const text = await boundedText(response.body)
    if (response.statusCode === 410) throw new Outdated()
    throw new Refused(refusal(response.statusCode, text))
  }
  begun()
  let version = from
  for await (const line of boundedLines(response.body)) {
    const { type, object } = JSON.parse(line) as WatchEvent
    if (type === 'ERROR') {
      if (object.code === 410) throw new Outdated()
      throw new Refused(refusal(object.code ?? 0, object.message ?? ''))
    }
    version = object.metadata.resourceVersion ?? version
    if (type === 'BOOKMARK') continue
    if (type === 'DELETED') slices.delete(object.metadata.name)
    else slices.set(object.metadata.name, object)
    changed()
  }
  return version
}

function refusal(status: number, text: string): string {
  const cure = status === 403 ? '; its account needs list and watch on endpointslices' : ''
  return `the API server answers ${status}${cure}: ${text.replaceAll(/\s+/g, ' ').slice(0, 120)}`
}
