import type { Clock } from '../../core/clock.ts'
import type { Account } from '../client/account.ts'
import { AcmeError } from '../client/acme-error.ts'

const FIRST_MS = 1_000
const LONGEST_MS = 15_000
/** An authority that names a time beyond this is asked then by a later try. */
const MAX_WAIT_MS = 900_000

/** Asks for a resource until it is no longer `busy`, no sooner than its Retry-After says. */
export async function poll<Resource>(
  account: Account,
  clock: Clock,
  url: string,
  busy: (resource: Resource) => boolean
): Promise<Resource> {
  const until = clock.now() + MAX_WAIT_MS
  for (let wait = FIRST_MS; ; wait = Math.min(wait * 1.5, LONGEST_MS)) {
    const { body, retryAt } = await account.post(url)
    const resource = body as Resource
    if (!busy(resource)) return resource
    const ms = retryAt === undefined ? wait : Math.max(retryAt - clock.wall(), 0)
    if (clock.now() + ms > until)
      throw new AcmeError('timeout', 'it is not done in time', retryAt === undefined ? {} : { retryAt })
    await new Promise<void>((resolve) => clock.after(Math.max(ms, 100), resolve))
  }
}
