import type { securityHeadersKeys } from './security-headers/keys.ts'
import type { corsKeys } from './cors/keys.ts'
import type { compressKeys } from './compress/keys.ts'
import type { errorPagesKeys } from './error-pages/keys.ts'
import type { csrfKeys } from './csrf/keys.ts'
import type { rateLimitKeys } from './rate-limit/keys.ts'
import type { concurrencyKeys } from './concurrency/keys.ts'
import type { authKeys } from './auth/keys.ts'
import type { requireKeys } from './require/keys.ts'
import type { identityKeys } from './identity/keys.ts'
import type { decompressKeys } from './decompress/keys.ts'
import type { grpcWebKeys } from './grpc-web/keys.ts'
import type { grpcMetricsKeys } from './grpc-metrics/keys.ts'
import type { faultKeys } from './fault/keys.ts'
import type { bufferKeys } from './buffer/keys.ts'
import { order } from './order.ts'
import type { StageKeys } from './stage-keys.ts'

/** The keys of all stages that have some, in the order of the table. Not for workers: it loads the schema library. */
export const keysOfStages: readonly (StageKeys & { readonly key: string })[] = await Promise.all(
  order.flatMap(({ key, keys }) =>
    key === undefined || keys === undefined ? [] : [keys().then((loaded) => ({ key, ...loaded }))]
  )
)

/** What may be written under the keys of stages, for the compiler. A test holds it to the table. */
export interface StageInputs {
  readonly securityHeaders: InputOf<typeof securityHeadersKeys>
  readonly cors: InputOf<typeof corsKeys>
  readonly compress: InputOf<typeof compressKeys>
  readonly errorPages: InputOf<typeof errorPagesKeys>
  readonly csrf: InputOf<typeof csrfKeys>
  readonly rateLimit: InputOf<typeof rateLimitKeys>
  readonly concurrency: InputOf<typeof concurrencyKeys>
  readonly auth: InputOf<typeof authKeys>
  readonly require: InputOf<typeof requireKeys>
  readonly identity: InputOf<typeof identityKeys>
  readonly decompress: InputOf<typeof decompressKeys>
  readonly grpcWeb: InputOf<typeof grpcWebKeys>
  readonly grpcMetrics: InputOf<typeof grpcMetricsKeys>
  readonly fault: InputOf<typeof faultKeys>
  readonly buffer: InputOf<typeof bufferKeys>
}

type InputOf<Keys extends StageKeys> = Keys['schema']['_zod']['input'] | false
