import { textOf } from '../environment/env-text.ts'
import { type Raw, valueAt } from '../raw.ts'
import type { Finding } from '../report/problem.ts'
import { isPluginSecret } from './plugin-secrets.ts'
import { isSecretPath, MASK, secretsWithin } from './secret-places.ts'

/** What is shorter protects nothing, and stands in messages as a word. */
export const MIN_SECRET = 6
/** Messages quote this many characters of a value, or all of them. */
const QUOTED = 40

/**
 * The finding as it may stand in a log: a message quotes what was written, also what came from a variable or from a
 * file. `root`: the values that were judged.
 */
export function findingWithoutSecrets(root: Raw, finding: Finding): Finding {
  const text = textOf(valueAt(root, finding.path))
  if (text === undefined || text.length < MIN_SECRET) return finding
  const names = finding.path.filter((part) => typeof part === 'string')
  const whole = !isPlainly(names, text) && (isSecretPath(names) || isPluginSecret(names, text))
  const quoted = whole ? [text, text.slice(0, QUOTED)] : secretsWithin(names, text)
  let { message } = finding
  for (const value of quoted) {
    if (value.length < MIN_SECRET) continue
    message = message.replaceAll(JSON.stringify(value).slice(1, -1), MASK).replaceAll(value, MASK)
  }
  return message === finding.message ? finding : { ...finding, message }
}

/** What stands where a secret may stand, and is none: the name of a file instead of hashes, an expression. */
export function isPlainly(names: readonly string[], text: string): boolean {
  const key = names.at(-1)
  return ((key === 'users' || key === 'keys') && /^(?:file:)?[./]/.test(text)) || text.startsWith('^')
}
