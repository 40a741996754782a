import type { z } from 'zod'
import { bufferKeys } from './buffer/keys.ts'
import { concurrencyKeys } from './concurrency/keys.ts'
import { rateLimitKeys } from './rate-limit/keys.ts'
import { authKeys } from './auth/keys.ts'
import { decompressKeys } from './decompress/keys.ts'
import { grpcMetricsKeys } from './grpc-metrics/keys.ts'
import { grpcWebKeys } from './grpc-web/keys.ts'
import { identityKeys } from './identity/keys.ts'
import { requireKeys } from './require/keys.ts'
import { compressKeys } from './compress/keys.ts'
import { corsKeys } from './cors/keys.ts'
import { csrfKeys } from './csrf/keys.ts'
import { errorPagesKeys } from './error-pages/keys.ts'
import { faultKeys } from './fault/keys.ts'
import { securityHeadersKeys } from './security-headers/keys.ts'
import type { GuardKeys, StageKeys } from './stage-keys.ts'
import type { CompileStage } from './stage-context.ts'

/** One line of the table. */
export interface OrderEntry {
  readonly name: string
  /** Why it stands where it stands. */
  readonly place: string
  /** Asked before the route is known, and the same for all routes of a listener. */
  readonly early: boolean
  /** Undefined: always there, or its keys stand elsewhere in src/config/schema. */
  readonly keys: StageKeys | undefined
  load(): Promise<{ readonly compile: CompileStage<never> }>
}

/**
 * All stages, in the order in which they are asked. Responses pass them in the reverse order. A new stage is one line
 * here and a folder beside this file: see docs/extending.md.
 */
export const order: readonly OrderEntry[] = [
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
    securityHeadersKeys,
    () => import('./security-headers/security-headers.ts')
  ),
  keyed(
    'cors',
    'a preflight carries no credentials and is no request of the method that limits name',
    corsKeys,
    () => import('./cors/cors.ts')
  ),
  keyed(
    'compress',
    'outside of all that makes or changes a body',
    compressKeys,
    () => import('./compress/compress.ts')
  ),
  keyed(
    'error-pages',
    'within compression, which takes what it puts in place',
    errorPagesKeys,
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
    csrfKeys,
    () => import('./csrf/csrf.ts')
  ),
  guard('rate-limit', 'before anything costly', rateLimitKeys, () => import('./rate-limit/rate-limit.ts')),
  guard(
    'concurrency',
    'what waits here has passed the rate limits',
    concurrencyKeys,
    () => import('./concurrency/concurrency.ts')
  ),
  guard(
    'auth',
    'behind what is cheap to refuse, before all that may depend on who it is',
    authKeys,
    () => import('./auth/auth.ts')
  ),
  guard('require', 'whether who it is may do this', requireKeys, () => import('./require/require.ts')),
  guard(
    'rate-limit-by-identity',
    'limits whose key is who it is, which is known only now',
    rateLimitKeys,
    () => import('./rate-limit/by-identity.ts')
  ),
  keyed(
    'identity',
    'who it is goes on only once it may',
    identityKeys,
    () => import('./identity/identity.ts')
  ),
  keyed(
    'decompress',
    'who is refused has nothing decoded; what follows sees the body as its backend does',
    decompressKeys,
    () => import('./decompress/decompress.ts')
  ),
  keyed(
    'grpc-web',
    'what follows sees the call as its backend does',
    grpcWebKeys,
    () => import('./grpc-web/grpc-web.ts')
  ),
  keyed(
    'grpc-metrics',
    'hears the status before gRPC-Web puts it into the body',
    grpcMetricsKeys,
    () => import('./grpc-metrics/grpc-metrics.ts')
  ),
  keyed(
    'fault',
    'in place of a backend that is slow or fails: who is refused anyway sees nothing of it',
    faultKeys,
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
    bufferKeys,
    () => import('./buffer/buffer.ts')
  )
]

type Load<Keys> = () => Promise<{ readonly compile: CompileStage<Keys> }>

/** A stage that looks at the whole listener and route for what concerns it. */
function always(name: string, place: string, load: Load<undefined>): OrderEntry {
  return { name, place, early: false, keys: undefined, load }
}

function early(name: string, place: string, load: Load<undefined>): OrderEntry {
  return { ...always(name, place, load), early: true }
}

/** A stage with a key of its own, on a listener or a route; a route's replaces the listener's, `false` turns it off. */
export function keyed<Schema extends z.ZodType>(
  name: string,
  place: string,
  keys: StageKeys<Schema>,
  load: Load<z.output<Schema>>
): OrderEntry {
  return { name, place, early: false, keys, load }
}

/** As `keyed`, for a stage that refuses requests: its keys have `shadow`. */
export function guard<Schema extends z.ZodType<GuardKeys>>(
  name: string,
  place: string,
  keys: StageKeys<Schema>,
  load: Load<z.output<Schema>>
): OrderEntry {
  return keyed(name, place, keys, load)
}
