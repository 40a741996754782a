import { readFile } from 'node:fs/promises'
import type { IncomingMessage } from 'node:http'
import { PROMETHEUS_CONTENT_TYPE } from '../../core/metrics/prometheus.ts'
import { ApiError } from './api-error.ts'
import { readJson } from './body.ts'
import { parseExplain } from './explain-request.ts'
import type { BackendView, ControlPlane, PoolView } from '../control-plane.ts'
import { maskSecrets, withoutSecretsOf } from './mask.ts'
import { readiness, withoutNames } from './readiness.ts'
import { parseBackendChange, parsePurge } from './requests.ts'

export interface Call {
  readonly plane: ControlPlane
  readonly request: IncomingMessage
  readonly query: URLSearchParams
  /** The decoded values of `:name` in the endpoint's path. */
  readonly params: readonly string[]
  /** The caller may see names and addresses. */
  readonly knows: boolean
}

export interface Answer {
  readonly status?: number
  /** JSON, or a string when `type` is set. */
  readonly body: unknown
  readonly type?: string
}

export interface Endpoint {
  readonly path: string
  /** For load balancers and orchestrators: needs no token, and Host is not checked. */
  readonly open?: boolean
  readonly get?: (call: Call) => Answer | Promise<Answer>
  /** Usually changes something; POST and PATCH are equivalent. */
  readonly post?: (call: Call) => Promise<Answer>
}

/** Every path of the admin listener; a test compares docs/openapi.yaml with it. */
export const endpoints: readonly Endpoint[] = [
  { path: '/healthz', open: true, get: () => ({ body: { status: 'ok' } }) },
  { path: '/readyz', open: true, get: ready },
  { path: '/metrics', get: ({ plane }) => ({ body: plane.metrics(), type: PROMETHEUS_CONTENT_TYPE }) },
  { path: '/api/info', get: ({ plane }) => ({ body: plane.info() }) },
  { path: '/api/listeners', get: ({ plane }) => ({ body: { listeners: plane.listeners() } }) },
  { path: '/api/connections', get: async ({ plane }) => ({ body: await plane.connections() }) },
  { path: '/api/pools', get: ({ plane }) => ({ body: { pools: plane.pools() } }) },
  { path: '/api/pools/:pool', get: ({ plane, params }) => ({ body: findPool(plane, params[0]!) }) },
  {
    path: '/api/pools/:pool/backends/:backend',
    get: ({ plane, params }) => ({ body: findBackend(plane, params[0]!, params[1]!) }),
    post: changeBackend
  },
  { path: '/api/config', get: ({ plane }) => ({ body: maskSecrets(plane.config()) }) },
  { path: '/api/reload', post: reload },
  { path: '/api/caches', get: async ({ plane }) => ({ body: { caches: await plane.caches() } }) },
  {
    path: '/api/certificates',
    get: ({ plane }) => ({ body: { certificates: plane.certificates(), staples: plane.staples() } })
  },
  {
    path: '/api/cache/purge',
    post: async ({ plane, request }) => ({ body: await plane.purge(parsePurge(await readJson(request))) })
  },
  {
    // Changes nothing, but the question may contain credentials, which must not be in a URL.
    path: '/api/explain',
    post: async ({ plane, request }) => {
      const explanation = await plane.explain(parseExplain(await readJson(request)))
      return { body: withoutSecretsOf(plane.config(), explanation) }
    }
  },
  { path: '/api/openapi.yaml', get: openapi }
]

function ready({ plane, query, knows }: Call): Answer {
  const found = readiness(
    plane.info(),
    plane.listeners(),
    plane.pools(),
    query.getAll('pool'),
    plane.troubles()
  )
  const { ready, reasons } = knows ? found : withoutNames(found)
  return { status: ready ? 200 : 503, body: { status: ready ? 'ready' : 'not ready', reasons } }
}

async function changeBackend({ plane, request, params }: Call): Promise<Answer> {
  const [pool, backend] = params as [string, string]
  const change = parseBackendChange(await readJson(request))
  const changed = await plane.changeBackend(pool, backend, change)
  return { body: changed ?? findBackend(plane, pool, backend) }
}

async function reload({ plane, query }: Call): Promise<Answer> {
  const plan = query.get('plan')
  const report = await plane.reload(plan !== null && plan !== '0' && plan !== 'false')
  if (report.errors === undefined || report.errors.length === 0) return { body: report }
  return {
    status: 422,
    body: {
      error: { code: 'bad-config', message: 'the configuration was refused; nothing changed' },
      ...report
    }
  }
}

async function openapi(): Promise<Answer> {
  try {
    const text = await readFile(new URL('../../../docs/openapi.yaml', import.meta.url), 'utf8')
    return { body: text, type: 'application/yaml; charset=utf-8' }
  } catch {
    // Missing in a reduced installation, or not readable for the user given by `user:`.
    throw new ApiError('not-found', 'docs/openapi.yaml is not there or not readable')
  }
}

function findPool(plane: ControlPlane, name: string): PoolView {
  const pool = plane.pools().find((pool) => pool.name === name)
  if (pool === undefined) throw new ApiError('not-found', `there is no pool ${JSON.stringify(name)}`)
  return pool
}

function findBackend(plane: ControlPlane, pool: string, name: string): BackendView {
  const backend = findPool(plane, pool).backends.find((backend) => backend.name === name)
  if (backend === undefined) {
    throw new ApiError(
      'not-found',
      `there is no backend ${JSON.stringify(name)} in pool ${JSON.stringify(pool)}`
    )
  }
  return backend
}
