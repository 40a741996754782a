import { MIN_SECRET } from '../../config/secrets/finding-without-secrets.ts'
import { isPluginSecret } from '../../config/secrets/plugin-secrets.ts'
import { isSecretPath, MASK, secretsWithin, withoutUrlSecrets } from '../../config/secrets/secret-places.ts'

/** A copy of the configuration that may be shown: without secrets, and without the passwords of URLs. `tls.key` is a path and stays. */
export function maskSecrets(value: unknown): unknown {
  return maskAt([], value)
}

/** The same for the part of the configuration at `path`. */
export function maskAt(path: readonly string[], value: unknown): unknown {
  return withTexts(value, path, (text, at) => {
    const secret = isSecretPath(at) || isPluginSecret(at, text)
    return secret && text !== '' && text !== '*' ? MASK : withoutUrlSecrets(at, text)
  })
}

/** A copy of what is line about a request, without the secrets of the configuration that went into it: edits of headers, URLs that are asked. */
export function withoutSecretsOf(config: object, shown: unknown): unknown {
  const secrets = new Set<string>()
  withTexts(config, [], (text, at) => {
    const whole = isSecretPath(at) || isPluginSecret(at, text)
    for (const secret of whole ? [text] : secretsWithin(at, text))
      if (secret.length >= MIN_SECRET) secrets.add(secret)
    return text
  })
  // A secret may be a part of another one.
  const longestFirst = [...secrets].toSorted((a, b) => b.length - a.length)
  if (secrets.size === 0) return shown
  return withTexts(shown, [], (line) =>
    longestFirst.reduce((text, secret) => text.replaceAll(secret, MASK), line)
  )
}

/** A copy in which `change` has seen each text, with the path of keys to it. */
function withTexts(
  value: unknown,
  path: readonly string[],
  change: (text: string, path: readonly string[]) => string
): unknown {
  if (typeof value === 'string') return change(value, path)
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map((item) => withTexts(item, path, change))
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key, withTexts(item, [...path, key], change)])
  )
}
