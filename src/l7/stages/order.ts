import type { z } from 'zod'
import type { GuardKeys, StageKeys } from './stage-keys.ts'
import type { CompileStage } from './stage-context.ts'
import type { StageMemory } from './stage-memory.ts'
import { allocateAuth } from './auth/auth-memory.ts'
import { allocateConcurrency, giveUpConcurrency, releaseConcurrency } from './concurrency/memory.ts'
import { allocateRateLimits } from './rate-limit/memory.ts'

/** One line of the table. */
export interface OrderEntry {
  readonly name: string
  /** Why it has this place in the order. */
  readonly place: string
  /** Called before the route is known, and the same for all routes of a listener. */
  readonly early: boolean
  /**
   * The key on a listener or a route: `queryLimit`. Undefined: the stage has none, or its keys are in
   * src/config/schema.
   */
  readonly key: string | undefined
  /**
   * Undefined: as for `key`. Only readers of the configuration load the keys: a worker gets the result, and does
   * without the schema library (10 MB a thread).
   */
  readonly keys: (() => Promise<StageKeys>) | undefined
  /** Present where the stage shares state over all threads. */
  readonly memory: StageMemory | undefined
  load(): Promise<{ readonly compile: CompileStage<never> }>
}

/**
 * All stages, in the order in which they are called. Responses pass them in the reverse order. A new stage is one line
 * here and a folder beside this file: see docs/extending.md.
 */
const table = [
  always(
    'access-log',
    'first, so that it sees the final state of every exchange',
    () => import('./access-log/access-log.ts')
  ),
  always(
    'response-edits',
    "the last word on every response is the user's",
    () => import('./header-edits/response-edits.ts')
  ),
  keyed(
    'security-headers',
    'on every response, whatever made it',
    'securityHeaders',
    async () => (await import('./security-headers/keys.ts')).securityHeadersKeys,
    () => import('./security-headers/security-headers.ts')
  ),
  keyed(
    'cors',
    'a preflight has no credentials, and its method is not the one that limits are about',
    'cors',
    async () => (await import('./cors/keys.ts')).corsKeys,
    () => import('./cors/cors.ts')
  ),
  keyed(
    'compress',
    'outside of everything that creates or changes a body',
    'compress',
    async () => (await import('./compress/keys.ts')).compressKeys,
    () => import('./compress/compress.ts')
  ),
  keyed(
    'error-pages',
    'within compression, so that its pages are compressed',
    'errorPages',
    async () => (await import('./error-pages/keys.ts')).errorPagesKeys,
    () => import('./error-pages/error-pages.ts')
  ),
  early(
    'grpc',
    'its deadline begins with the request, and refusals of later stages are answered as gRPC',
    () => import('./grpc/grpc.ts')
  ),
  early(
    'forwarding',
    "the client's address, and the request id for all log lines",
    () => import('./forwarding/forwarding.ts')
  ),
  early(
    'client-problem',
    'nobody without a good certificate is told anything else',
    () => import('./client-problem/client-problem.ts')
  ),
  early(
    'target',
    'host and path in the form that later stages and the router compare',
    () => import('./target/target.ts')
  ),
  early(
    'acme-challenge',
    'validations of an ACME authority are answered whatever the routes are',
    () => import('./acme-challenge/acme-challenge.ts')
  ),
  early('loop', 'a looping request should cost as little as possible', () => import('./loop/loop.ts')),
  early(
    'max-forwards',
    'a request that is answered here needs no route',
    () => import('./max-forwards/max-forwards.ts')
  ),
  always(
    'client-cert',
    "adds the client's certificate after forged fields have been removed",
    () => import('./client-cert/client-cert.ts')
  ),
  always('limits', 'refuse what is cheap to refuse', () => import('./limits/limits.ts')),
  guard(
    'csrf',
    'cheap; and a refused request is not counted against the user whose browser sent it',
    'csrf',
    async () => (await import('./csrf/keys.ts')).csrfKeys,
    () => import('./csrf/csrf.ts')
  ),
  guard(
    'rate-limit',
    'before anything expensive',
    'rateLimit',
    async () => (await import('./rate-limit/keys.ts')).rateLimitKeys,
    () => import('./rate-limit/rate-limit.ts'),
    { allocate: allocateRateLimits }
  ),
  guard(
    'concurrency',
    'only requests within the rate limits wait here',
    'concurrency',
    async () => (await import('./concurrency/keys.ts')).concurrencyKeys,
    () => import('./concurrency/concurrency.ts'),
    { allocate: allocateConcurrency, giveUp: giveUpConcurrency, release: releaseConcurrency }
  ),
  guard(
    'auth',
    'after the cheap checks, before everything that depends on the user',
    'auth',
    async () => (await import('./auth/keys.ts')).authKeys,
    () => import('./auth/auth.ts'),
    { allocate: allocateAuth }
  ),
  guard(
    'require',
    'whether the user may do this',
    'require',
    async () => (await import('./require/keys.ts')).requireKeys,
    () => import('./require/require.ts')
  ),
  guard(
    'rate-limit-by-identity',
    'limits by identity, which is known only now',
    'rateLimit',
    async () => (await import('./rate-limit/keys.ts')).rateLimitKeys,
    () => import('./rate-limit/by-identity.ts'),
    { allocate: allocateRateLimits }
  ),
  keyed(
    'identity',
    'backends learn the identity only of requests that are allowed',
    'identity',
    async () => (await import('./identity/keys.ts')).identityKeys,
    () => import('./identity/identity.ts')
  ),
  keyed(
    'decompress',
    'refused requests are not decoded; later stages see the body as the backend does',
    'decompress',
    async () => (await import('./decompress/keys.ts')).decompressKeys,
    () => import('./decompress/decompress.ts')
  ),
  keyed(
    'grpc-web',
    'later stages see the call as the backend does',
    'grpcWeb',
    async () => (await import('./grpc-web/keys.ts')).grpcWebKeys,
    () => import('./grpc-web/grpc-web.ts')
  ),
  keyed(
    'grpc-metrics',
    'reads the status before gRPC-Web moves it into the body',
    'grpcMetrics',
    async () => (await import('./grpc-metrics/keys.ts')).grpcMetricsKeys,
    () => import('./grpc-metrics/grpc-metrics.ts')
  ),
  keyed(
    'fault',
    'acts like a slow or failing backend; refused requests are not affected',
    'fault',
    async () => (await import('./fault/keys.ts')).faultKeys,
    () => import('./fault/fault.ts')
  ),
  always(
    'rewrite',
    'sets the path for the backend before later stages read it',
    () => import('./rewrite/rewrite.ts')
  ),
  always('respond', 'answers of the route itself need no backend', () => import('./respond/respond.ts')),
  always(
    'destination',
    'the pool, which sticky cookies and cache keys depend on',
    () => import('./destination/destination.ts')
  ),
  always(
    'sticky',
    'outside of the cache: a cookie belongs to one client',
    () => import('./sticky/sticky-stage.ts')
  ),
  always(
    'backend-header',
    'inside sticky, outside of the cache: a cached response names no backend',
    () => import('./backend-header/backend-header.ts')
  ),
  always(
    'cache',
    'answers from the store; later stages concern backends only',
    () => import('./cache/cache.ts')
  ),
  always(
    'request-edits',
    "the last word on what a backend sees is the user's",
    () => import('./header-edits/request-edits.ts')
  ),
  always('mirror', 'copies what goes to a backend, edits included', () => import('./mirror/mirror.ts')),
  keyed(
    'buffer',
    'last: only the backend is left to answer',
    'buffer',
    async () => (await import('./buffer/keys.ts')).bufferKeys,
    () => import('./buffer/buffer.ts')
  )
] as const

export const order: readonly OrderEntry[] = table

/** What may be written under the keys of the stages, for the compiler: of each key its schema's input, or `false`. */
export type StageInputs = { readonly [Entry in KeyedEntry as Entry['key']]: InputOf<Entry> | false }

type KeyedEntry = Extract<(typeof table)[number], { readonly key: string }>
type InputOf<Entry> = Entry extends Keyed<string, infer Schema> ? z.input<Schema> : never

interface Keyed<Key extends string, Schema extends z.ZodType> extends OrderEntry {
  readonly key: Key
  readonly keys: () => Promise<StageKeys<Schema>>
}

type Load<Keys> = () => Promise<{ readonly compile: CompileStage<Keys> }>

/** A stage without a key of its own: it reads the listener and the route. */
function always(name: string, place: string, load: Load<undefined>): OrderEntry {
  return { name, place, early: false, key: undefined, keys: undefined, memory: undefined, load }
}

function early(name: string, place: string, load: Load<undefined>): OrderEntry {
  return { ...always(name, place, load), early: true }
}

/** A stage with a key of its own, on a listener or a route; a route's replaces the listener's, `false` turns it off. */
export function keyed<const Key extends string, Schema extends z.ZodType>(
  name: string,
  place: string,
  key: Key,
  keys: () => Promise<StageKeys<Schema>>,
  load: Load<z.output<Schema>>,
  memory?: StageMemory<z.output<Schema>>
): Keyed<Key, Schema> {
  return { name, place, early: false, key, keys, load, memory }
}

/** As `keyed`, for a stage that refuses requests: its keys have `shadow`. */
export function guard<const Key extends string, Schema extends z.ZodType<GuardKeys>>(
  name: string,
  place: string,
  key: Key,
  keys: () => Promise<StageKeys<Schema>>,
  load: Load<z.output<Schema>>,
  memory?: StageMemory<z.output<Schema>>
): Keyed<Key, Schema> {
  return keyed(name, place, key, keys, load, memory)
}
