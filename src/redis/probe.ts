import type { Connection } from './connect.ts'
import { runScript, Script } from './script.ts'

/** In a cluster each key may be on another node: with so many keys, hardly any node is left out. */
const PROBES_OF_CLUSTER = 16
const PROBE_LIVES_MS = 10_000

/** A full or read-only server refuses it, and so is not used. */
const write = new Script(`return redis.call('SET', KEYS[1], '1', 'PX', ARGV[1])`)

/** Writes to keys that begin with `name`; throws if a node does not execute that. */
export function probe(connection: Connection, name: string, cluster: boolean): Promise<unknown> {
  const names = Array.from({ length: cluster ? PROBES_OF_CLUSTER : 1 }, (_, i) => `${name}:${i}`)
  return Promise.all(
    names.map((each) => runScript(connection, write, [each], [PROBE_LIVES_MS]).then(expectOk))
  )
}

function expectOk(reply: unknown): void {
  if (reply !== 'OK') throw new Error("an answer that is not the script's")
}
