import { MIN_SECRET } from '../../config/secrets/finding-without-secrets.ts'
import { isPluginSecret } from '../../config/secrets/plugin-secrets.ts'
import { isSecretPath, MASK, secretsWithin, withoutUrlSecrets } from '../../config/secrets/secret-places.ts'

/** A copy of the configuration that may be shown: without secrets, and without the passwords of URLs. `tls.key` is a path and stays. */
export function maskSecrets(value: unknown): unknown {
  return mask(value, [])
}

/** The same for the part of the configuration at `path`. */
export function maskAt(path: readonly string[], value: unknown): unknown {
  return mask(value, path)
}

function mask(value: unknown, path: readonly string[]): unknown {
  if (typeof value === 'string') {
    const secret = isSecretPath(path) || isPluginSecret(path, value)
    return secret && value !== '' && value !== '*' ? MASK : withoutUrlSecrets(path, value)
  }
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map((item) => mask(item, path))
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, mask(item, [...path, key])]))
}

/** A copy of what is told about a request, without the secrets of the configuration that went into it: edits of headers, URLs that are asked. */
export function withoutSecretsOf(config: object, shown: unknown): unknown {
  const secrets = new Set<string>()
  collect(config, [], secrets)
  // A secret may be a part of another one.
  const longestFirst = [...secrets].toSorted((a, b) => b.length - a.length)
  return secrets.size === 0 ? shown : replaced(shown, longestFirst)
}

function collect(value: unknown, path: readonly string[], secrets: Set<string>): void {
  if (typeof value === 'string') {
    const whole = isSecretPath(path) || isPluginSecret(path, value)
    for (const text of whole ? [value] : secretsWithin(path, value))
      if (text.length >= MIN_SECRET) secrets.add(text)
  } else if (Array.isArray(value)) for (const item of value) collect(item, path, secrets)
  else if (typeof value === 'object' && value !== null)
    for (const [key, item] of Object.entries(value)) collect(item, [...path, key], secrets)
}

function replaced(value: unknown, secrets: readonly string[]): unknown {
  if (typeof value === 'string') return secrets.reduce((text, secret) => text.replaceAll(secret, MASK), value)
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map((item) => replaced(item, secrets))
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, replaced(item, secrets)]))
}
