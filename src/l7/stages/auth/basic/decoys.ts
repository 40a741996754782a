import { hash as oneHash } from 'node:crypto'

/** Of the kinds of a file, the most frequent are imitated. */
const MAX_KINDS = 32
/** Where there is no hash at all: as slow as most. */
const NOBODY = '$2b$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy'

interface Kind {
  /** The first of its hashes in the order of texts. Nobody outside knows it: it is also the key of the choice. */
  decoy: string
  count: number
}

/**
 * What the passwords of unknown names are checked against, so that the time does not tell which names exist: a hash of
 * one of the kinds and costs of the file. An unknown name always takes the time of the same kind, in all threads and after a
 * restart, as a name of the file does; how many take which is as in the file, and users that come or go move few of them
 * (weighted rendezvous hashing).
 */
export class Decoys {
  readonly users: ReadonlyMap<string, string>
  readonly #kinds: readonly Kind[]

  constructor(users: ReadonlyMap<string, string>) {
    this.users = users
    const kinds = new Map<string, Kind>()
    for (const hash of users.values()) {
      const name = kindOf(hash)
      const kind = kinds.get(name)
      if (kind === undefined) kinds.set(name, { decoy: hash, count: 1 })
      else {
        kind.count++
        if (hash < kind.decoy) kind.decoy = hash
      }
    }
    this.#kinds = [...kinds.values()].sort((a, b) => b.count - a.count).slice(0, MAX_KINDS)
  }

  /** A hash that a password of this name can be checked against. */
  of(name: string): string {
    let chosen = NOBODY
    let best = Infinity
    for (const { decoy, count } of this.#kinds) {
      const number = oneHash('sha256', `${decoy}\n${name}`, 'buffer').readUInt32BE(0)
      const distance = -Math.log((number + 1) / 2 ** 32) / count
      if (distance < best) {
        best = distance
        chosen = decoy
      }
    }
    return chosen
  }
}

/** What the time of a check depends on: the algorithm and its cost. */
function kindOf(hash: string): string {
  const bcrypt = /^\$2[aby]\$(\d\d)\$/.exec(hash)
  if (bcrypt !== null) return `2$${bcrypt[1]!}`
  const [, algorithm, ...parts] = hash.split('$')
  return [algorithm, ...parts.slice(0, -1).filter((part) => part.includes('='))].join('$')
}
