import { lookup as systemLookup, type LookupAddress, type LookupOptions } from 'node:dns'
import { systemClock, type Clock } from '../../core/clock.ts'
import { guarded } from '../../core/containment.ts'
import { KnownNames } from './known-names.ts'

type Callback = (
  error: NodeJS.ErrnoException | null,
  address: string | LookupAddress[],
  family?: number
) => void

/** The `lookup` that node:net and node:tls take. */
export type Lookup = (name: string, options: LookupOptions, callback: Callback) => void

/** All addresses of a name. */
export type Resolve = (
  name: string,
  callback: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void
) => void

/** getaddrinfo reports no TTL, so an answer is used for this long. */
const FRESH_MS = 5_000
/** When the resolver says that a known name does not exist, its last answer is used for this long. */
const STALE_MS = 300_000
/** After a failure without an older answer, the resolver is not asked again for this long. */
const FAILED_MS = 1_000
/** Names come from the configuration; the bound is for configurations that keep changing. */
const MAX_NAMES = 4_096

type Use = (answer: Answer) => void

interface Answer {
  addresses: LookupAddress[]
  error: NodeJS.ErrnoException | null
  answeredAt: number
  triedAt: number
  waiting: Use[] | undefined
}
/**
 * Looks up names for connects, once per name and five seconds however many connections are opened: getaddrinfo takes
 * 100 µs and one of libuv's four threads. libuv lets lookups use half of them, so that two names whose resolver hangs
 * delay other names that were never resolved, but nothing else.
 */
export function cachedLookup(
  clock: Clock,
  resolve: Resolve = resolveAll,
  share?: (heard: (name: string, addresses: LookupAddress[]) => void) => KnownNames
): Lookup {
  const answers = new Map<string, Answer>()
  const known = share?.((name, addresses) => {
    const answer = answers.get(name)
    // Newer than an answer of ours; the resolver is asked when it would have been.
    if (answer === undefined) return
    Object.assign(answer, { addresses, answeredAt: clock.now() })
    // It is being asked: nobody waits for it any more.
    for (const use of answer.waiting?.splice(0) ?? []) guarded(() => use(answer))
  })

  function ask(name: string, use: Use): void {
    const now = clock.now()
    let answer = answers.get(name)
    if (answer === undefined) {
      if (answers.size >= MAX_NAMES) answers.delete(answers.keys().next().value!)
      const addresses = known?.get(name) ?? []
      const answeredAt = addresses.length > 0 ? now : -Infinity
      answer = { addresses, error: null, answeredAt, triedAt: -Infinity, waiting: undefined }
      answers.set(name, answer)
    }
    const wait = answer.error === null ? FRESH_MS : FAILED_MS
    if (answer.waiting === undefined && now - answer.triedAt < wait) return use(answer)
    // While a known name is looked up again its last answer is used: no connection waits for a refresh.
    const usable =
      answer.addresses.length > 0 && (!denied(answer.error) || now - answer.answeredAt < STALE_MS)
    if (answer.waiting === undefined) refresh(name, answer, now)
    if (usable || answer.waiting === undefined) use(answer)
    else answer.waiting.push(use)
  }

  function refresh(name: string, answer: Answer, now: number): void {
    answer.waiting = []
    answer.triedAt = now
    resolve(name, (error, addresses) => {
      answer.error = error
      if (error === null) {
        answer.addresses = addresses
        answer.answeredAt = now
        if (addresses.length > 0) known?.answered(name, addresses)
      } else if (denied(error) && now - answer.answeredAt >= STALE_MS) {
        answer.addresses = []
      }
      const waiting = answer.waiting!
      answer.waiting = undefined
      for (const use of waiting) guarded(() => use(answer))
    })
  }

  return (name, options, callback) => {
    ask(name, (answer) => {
      // net expects the answer in a later turn, as from the resolver.
      process.nextTick(() => {
        guarded(() => {
          const first = answer.addresses[0]
          if (first === undefined) callback(answer.error ?? notFound(name), [])
          else if (options.all) callback(null, answer.addresses)
          else callback(null, first.address, first.family)
        })
      })
    })
  }
}

let ofThread: Lookup | undefined

/** The lookup of this thread. It knows what other threads have been answered since it was first called here. */
export function threadLookup(): Lookup {
  return (ofThread ??= cachedLookup(systemClock, resolveAll, (heard) => new KnownNames(heard)))
}

function resolveAll(name: string, callback: Parameters<Resolve>[1]): void {
  systemLookup(name, { all: true, order: 'verbatim' }, callback)
}

/** The resolver answered that the name does not exist. When it does not answer at all, the last answer stays valid. */
function denied(error: NodeJS.ErrnoException | null): boolean {
  return error !== null && (error.code === 'ENOTFOUND' || error.code === 'ENODATA')
}

function notFound(name: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`no address for ${name}`), { code: 'ENOTFOUND' })
}
