import type { AcmeAnswer } from '../client/acme-client.ts'
import { AcmeError } from '../client/acme-error.ts'
import type { StepDeps } from './obtain-deps.ts'

const FIRST_MS = 1_000
const LONGEST_MS = 15_000
const SHORTEST_MS = 100
/** If an authority names a later time than this, the next try asks then. */
const MAX_WAIT_MS = 900_000

/**
 * Polls a resource until it is no longer `busy`, no sooner than its Retry-After allows. `before`: an earlier answer
 * about it from another URL.
 */
export async function poll<Resource>(
  { account, clock, rest }: Pick<StepDeps, 'account' | 'clock' | 'rest'>,
  url: string,
  busy: (resource: Resource) => boolean,
  before?: Pick<AcmeAnswer, 'retryAt'>
): Promise<Resource> {
  const until = clock.now() + MAX_WAIT_MS
  const wait = async (ms: number, retryAt: number | undefined): Promise<void> => {
    const asked = retryAt === undefined ? ms : Math.max(retryAt - clock.wall(), 0)
    if (clock.now() + asked > until)
      throw new AcmeError('timeout', 'it is not done in time', retryAt === undefined ? {} : { retryAt })
    if (retryAt !== undefined && asked >= FIRST_MS) await rest(url, retryAt)
    const left = retryAt === undefined ? asked : retryAt - clock.wall()
    await new Promise<void>((resolve) => clock.after(Math.max(left, SHORTEST_MS), resolve))
  }
  if (before?.retryAt !== undefined) await wait(0, before.retryAt)
  for (let ms = FIRST_MS; ; ms = Math.min(ms * 1.5, LONGEST_MS)) {
    const { body, retryAt } = await account.post(url)
    const resource = body as Resource
    if (!busy(resource)) return resource
    await wait(ms, retryAt)
  }
}
