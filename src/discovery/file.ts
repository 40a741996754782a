import { readFile, stat } from 'node:fs/promises'
import type { FileDiscovery } from '../config/model/model.ts'
import { readBackendList } from '../config/backend-list.ts'
import { Poller } from './poller.ts'
import type { Source, SourceDeps } from './source.ts'

/** A larger file is not a list of backends. */
const MAX_BYTES = 16 * 1024 * 1024
/** A file is checked twice a second, like the configuration: that also notices swapped symlinks. */
const LOOK_MS = 500
/** A file that was written less than this ago may be half written: half a list in YAML is a shorter list. */
const SETTLE_MS = 100

/** Reads a YAML or JSON file again whenever it changes. A malformed or missing file changes nothing. */
export function fileSource(config: FileDiscovery, deps: SourceDeps): Source {
  let known = ''
  let found = false
  const look = async (signal: AbortSignal): Promise<number> => {
    const stats = await stat(config.path).catch((error: unknown) => {
      // When the old content is back, it is an answer again.
      known = ''
      throw error
    })
    const { mtimeMs, size, ino } = stats
    // To open a pipe waits for its writer, and each such wait holds one of the few threads that all files of the process share.
    if (!stats.isFile()) throw new Error(`${config.path} is not a regular file`)
    const state = `${mtimeMs} ${size} ${ino}`
    if (state === known) return LOOK_MS
    const age = deps.clock.wall() - mtimeMs
    if (found && age >= 0 && age < SETTLE_MS) return SETTLE_MS
    if (size > MAX_BYTES)
      throw new RangeError(`${config.path} has ${size} bytes; at most ${MAX_BYTES} are read`)
    const text = await readFile(config.path, { encoding: 'utf8', signal })
    const list = readBackendList(text, config.path)
    // A refused version is not read again before it changes.
    known = state
    if (typeof list === 'string') throw new Error(list)
    deps.found(list)
    found = true
    return LOOK_MS
  }
  // A check is cheap: a missing or half-written file is read as soon as it is complete.
  const poller = new Poller(deps, look, { mostMs: LOOK_MS })
  return { label: `file ${config.path}`, close: () => poller.close() }
}
