import dns, { type LookupAddress, type LookupOptions } from 'node:dns'
import { syncBuiltinESMExports } from 'node:module'

/** Names of backends have this end; nobody answers at the first address, and a backend at the second. */
const END = '.two.test'
const ADDRESSES: readonly LookupAddress[] = [
  { address: '127.0.0.9', family: 4 },
  { address: '127.0.0.1', family: 4 }
]

type Callback = (error: NodeJS.ErrnoException | null, addresses: readonly LookupAddress[]) => void

/** From now on this thread's resolver knows the names. Others are looked up as before. */
export function knowNames(): void {
  if (known) return
  known = true
  const lookup = dns.lookup as unknown as (name: string, options: LookupOptions, done: Callback) => void
  const ours = (name: string, options: LookupOptions, done: Callback): void => {
    if (name.endsWith(END)) setImmediate(done, null, ADDRESSES)
    else lookup(name, options, done)
  }
  Object.assign(dns, { lookup: ours })
  syncBuiltinESMExports()
}

let known = false

/** The same backend by a name of its own; one with a path has none. */
export function named(address: string, at: number): string {
  return address.replace(/^127\.0\.0\.1:/, `b${at}${END}:`)
}
