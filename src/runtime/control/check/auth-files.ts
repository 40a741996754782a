import { readFileSync } from 'node:fs'
import type { Config } from '../../../config/model/model.ts'
import { errorAt, type Finding, type Path } from '../../../config/report/problem.ts'
import { systemReason } from '../../../config/report/system-reason.ts'
import { messageOf } from '../../../core/errors.ts'
import { readKeyFile } from '../../../l7/stages/auth/api-keys/read-key-file.ts'
import { readHtpasswd } from '../../../l7/stages/auth/basic/htpasswd.ts'
import { readKeySet } from '../../../l7/stages/auth/jwt/key-set.ts'

/** The readers of files of credentials, by the key that names one. They throw for what is malformed. */
const readers = new Map<string, (text: string) => unknown>([
  ['users', readHtpasswd],
  ['keys', (text) => readKeyFile(text, new Map())],
  ['jwks', (text) => readKeySet(text)]
])

/** Files of credentials: while one is missing or malformed, everybody is refused. */
export function* checkAuthFiles(config: Config): Generator<Finding> {
  for (const [index, listener] of config.listeners.entries()) {
    if (listener.mode !== 'l7') continue
    const places = [{ path: ['listeners', index] as Path, stages: listener.stages }]
    for (const [number, { stages }] of listener.routes.entries()) {
      if (stages['auth'] === listener.stages['auth']) continue
      places.push({ path: ['listeners', index, 'routes', number], stages })
    }
    for (const { path, stages } of places) {
      for (const { key, file } of filesIn(stages['auth'])) {
        const why = whyNotUsable(key, file)
        if (why !== undefined) yield errorAt([...path, 'auth'], why)
      }
    }
  }
}

function whyNotUsable(key: string, file: string): string | undefined {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    return `cannot read ${file}: ${systemReason(error)}`
  }
  try {
    readers.get(key)?.(text)
    return undefined
  } catch (error) {
    // The parser of JSON repeats the text, which may be a key.
    return `${file}: ${error instanceof SyntaxError ? 'not JSON' : messageOf(error)}`
  }
}

/** Every `file:/path` among the values, with its key. */
function filesIn(value: unknown, key = ''): { readonly key: string; readonly file: string }[] {
  if (typeof value === 'string')
    return value.startsWith('file:/') ? [{ key, file: value.slice('file:'.length) }] : []
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([name, inner]) => filesIn(inner, name))
}
