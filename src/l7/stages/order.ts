import type { z } from 'zod'
import type { GuardKeys, StageKeys } from './stage-keys.ts'
import type { CompileStage } from './stage-context.ts'
import type { StageMemory } from './stage-memory.ts'
import { allocateAuth } from './auth/auth-memory.ts'
import { allocateConcurrency, releaseConcurrency } from './concurrency/memory.ts'
import { allocateRateLimits } from './rate-limit/memory.ts'

/** One line of the table. */
export interface OrderEntry {
  readonly name: string
  /** Why it stands where it stands. */
  readonly place: string
  /** Asked before the route is known, and the same for all routes of a listener. */
  readonly early: boolean
  /** The key on a listener or a route: `queryLimit`. Undefined: it is always there, or its keys stand elsewhere. */
  readonly key: string | undefined
  /**
   * Undefined: always there, or its keys stand elsewhere in src/config/schema. They are loaded by who reads
   * configurations: a worker is sent what was read, and does without the schema library (10 MB a thread).
   */
  readonly keys: (() => Promise<StageKeys>) | undefined
  /** Where the stage counts something over all threads. */
  readonly memory: StageMemory | undefined
  load(): Promise<{ readonly compile: CompileStage<never> }>
}

/**
 * All stages, in the order in which they are asked. Responses pass them in the reverse order. A new stage is one line
 * here and a folder beside this file: see docs/extending.md.
 */
const table = [
  always(
    'access-log',
    'first: it is told of every exchange, last of all',
    () => import('./access-log/access-log.ts')
  ),
  always(
    'response-edits',
    "the last word on every response is the user's",
    () => import('./header-edits/response-edits.ts')
  ),
  keyed(
    'security-headers',
    'on every answer, whoever made it',
    'securityHeaders',
    async () => (await import('./security-headers/keys.ts')).securityHeadersKeys,
    () => import('./security-headers/security-headers.ts')
  ),
  keyed(
    'cors',
    'a preflight carries no credentials and is no request of the method that limits name',
    'cors',
    async () => (await import('./cors/keys.ts')).corsKeys,
    () => import('./cors/cors.ts')
  ),
  keyed(
    'compress',
    'outside of all that makes or changes a body',
    'compress',
    async () => (await import('./compress/keys.ts')).compressKeys,
    () => import('./compress/compress.ts')
  ),
  keyed(
    'error-pages',
    'within compression, which takes what it puts in place',
    'errorPages',
    async () => (await import('./error-pages/keys.ts')).errorPagesKeys,
    () => import('./error-pages/error-pages.ts')
  ),
  early(
    'grpc',
    'its deadline begins with the request, and whatever refuses it is answered in its words',
    () => import('./grpc/grpc.ts')
  ),
  early(
    'forwarding',
    'who the client is, and the id under which everything else is logged',
    () => import('./forwarding/forwarding.ts')
  ),
  early(
    'target',
    'host and path as all later stages and the router compare them',
    () => import('./target/target.ts')
  ),
  early(
    'acme-challenge',
    "an authority's validation is answered whatever the routes say",
    () => import('./acme-challenge/acme-challenge.ts')
  ),
  early(
    'loop',
    'a loop costs nothing but this, however often it comes around',
    () => import('./loop/loop.ts')
  ),
  early(
    'max-forwards',
    'what is not to go on needs no route',
    () => import('./max-forwards/max-forwards.ts')
  ),
  always(
    'client-cert',
    'who the client has proved to be, after all that clients only say has been removed',
    () => import('./client-cert/client-cert.ts')
  ),
  always('limits', 'refuse what is cheap to refuse', () => import('./limits/limits.ts')),
  guard(
    'csrf',
    'cheap, and no refused request counts for its victim',
    'csrf',
    async () => (await import('./csrf/keys.ts')).csrfKeys,
    () => import('./csrf/csrf.ts')
  ),
  guard(
    'rate-limit',
    'before anything costly',
    'rateLimit',
    async () => (await import('./rate-limit/keys.ts')).rateLimitKeys,
    () => import('./rate-limit/rate-limit.ts'),
    { allocate: allocateRateLimits }
  ),
  guard(
    'concurrency',
    'what waits here has passed the rate limits',
    'concurrency',
    async () => (await import('./concurrency/keys.ts')).concurrencyKeys,
    () => import('./concurrency/concurrency.ts'),
    { allocate: allocateConcurrency, release: releaseConcurrency }
  ),
  guard(
    'auth',
    'behind what is cheap to refuse, before all that may depend on who it is',
    'auth',
    async () => (await import('./auth/keys.ts')).authKeys,
    () => import('./auth/auth.ts'),
    { allocate: allocateAuth }
  ),
  guard(
    'require',
    'whether who it is may do this',
    'require',
    async () => (await import('./require/keys.ts')).requireKeys,
    () => import('./require/require.ts')
  ),
  guard(
    'rate-limit-by-identity',
    'limits whose key is who it is, which is known only now',
    'rateLimit',
    async () => (await import('./rate-limit/keys.ts')).rateLimitKeys,
    () => import('./rate-limit/by-identity.ts'),
    { allocate: allocateRateLimits }
  ),
  keyed(
    'identity',
    'who it is goes on only once it may',
    'identity',
    async () => (await import('./identity/keys.ts')).identityKeys,
    () => import('./identity/identity.ts')
  ),
  keyed(
    'decompress',
    'who is refused has nothing decoded; what follows sees the body as its backend does',
    'decompress',
    async () => (await import('./decompress/keys.ts')).decompressKeys,
    () => import('./decompress/decompress.ts')
  ),
  keyed(
    'grpc-web',
    'what follows sees the call as its backend does',
    'grpcWeb',
    async () => (await import('./grpc-web/keys.ts')).grpcWebKeys,
    () => import('./grpc-web/grpc-web.ts')
  ),
  keyed(
    'grpc-metrics',
    'hears the status before gRPC-Web puts it into the body',
    'grpcMetrics',
    async () => (await import('./grpc-metrics/keys.ts')).grpcMetricsKeys,
    () => import('./grpc-metrics/grpc-metrics.ts')
  ),
  keyed(
    'fault',
    'in place of a backend that is slow or fails: who is refused anyway sees nothing of it',
    'fault',
    async () => (await import('./fault/keys.ts')).faultKeys,
    () => import('./fault/fault.ts')
  ),
  always(
    'rewrite',
    'the path that goes on, before anything asks for it',
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
    "outside of the cache: a cookie is one client's",
    () => import('./sticky/sticky-stage.ts')
  ),
  always(
    'backend-header',
    'names whom the cache has not stood in for',
    () => import('./backend-header/backend-header.ts')
  ),
  always(
    'cache',
    'answers what is stored; what follows concerns backends only',
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
    'what refuses, answers or copies the request has had its turn: only a backend is left to ask',
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
