import { readFileSync, statSync } from 'node:fs'
import { resolve } from 'node:path'
import { EnvText } from './env-text.ts'
import { errorAt, type Finding, type Path } from '../report/problem.ts'
import { isMap, type Raw, type RawMap, select, valueAt } from '../raw.ts'
import { systemReason } from '../report/system-reason.ts'

const MAX_SECRET_BYTES = 65_536

/** The keys whose value may be `file:/path`. */
const secrets: readonly Path[] = [
  ['admin', 'token'],
  ['redis', 'url'],
  ['acme', 'directory', '*', 'eab', 'key'],
  ...authPaths(['apiKeys', 'keys', '*']),
  ...authPaths(['apiKeys', 'keys', '*', '*']),
  ...authPaths(['jwt', 'secret']),
  ...authPaths(['jwt', 'dpop', 'nonceSecret']),
  ...authPaths(['introspection', 'clientSecret']),
  ...authPaths(['oidc', 'clientSecret']),
  ...authPaths(['oidc', 'sessionSecret'])
]

/** The keys whose value may be `file:/path` too; these files are read again whenever they change. */
const watched: readonly Path[] = [
  ...authPaths(['apiKeys', 'keys']),
  ...authPaths(['basic', 'users']),
  ...authPaths(['jwt', 'jwks'])
]

function authPaths(tail: Path): Path[] {
  const listener = ['listeners', '*']
  return [listener, [...listener, 'routes', '*']].flatMap((place) => [
    [...place, 'auth', '*', ...tail],
    [...place, 'auth', 'methods', '*', ...tail]
  ])
}

/** Replaces `file:/path` by the content of the file; one line break at its end is not part of the secret. */
export function readSecrets(root: Raw, directory: string): Finding[] {
  const findings: Finding[] = []
  for (const pattern of secrets) {
    for (const { path, value } of select(root, pattern)) {
      const written = value instanceof EnvText ? value.text : value
      if (typeof written !== 'string' || !written.startsWith('file:')) continue
      const parent = valueAt(root, path.slice(0, -1))
      const key = String(path.at(-1))
      if (!isMap(parent) && !Array.isArray(parent)) continue
      const file = resolve(directory, written.slice('file:'.length))
      const secret = readSecret(file)
      if (secret.error !== undefined) findings.push(errorAt(path, secret.error))
      ;(parent as RawMap)[key] = secret.text
    }
  }
  findWatched(root, directory)
  return findings
}

/** Relative paths are relative to the configuration's directory. */
function findWatched(root: Raw, directory: string): void {
  for (const pattern of watched) {
    for (const { path, value } of select(root, pattern)) {
      const written = value instanceof EnvText ? value.text : value
      if (typeof written !== 'string' || !written.startsWith('file:')) continue
      const parent = valueAt(root, path.slice(0, -1))
      if (!isMap(parent)) continue
      const file = resolve(directory, written.slice('file:'.length))
      parent[String(path.at(-1))] = `file:${file}`
    }
  }
}

export function readSecret(file: string): { text: string; error?: string } {
  try {
    if (statSync(file).size > MAX_SECRET_BYTES)
      return { text: 'x', error: `${file} is too large for a secret` }
    const text = readFileSync(file, 'utf8').replace(/\r?\n$/, '')
    return text === '' ? { text: 'x', error: `${file} is empty; a secret is expected in it` } : { text }
  } catch (error) {
    return { text: 'x', error: `cannot read the secret in ${file}: ${systemReason(error)}` }
  }
}
