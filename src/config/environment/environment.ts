import { EnvText } from './env-text.ts'

export type Environment = Readonly<Record<string, string | undefined>>

/** Longest text that substitution may produce. */
const MAX_TEXT = 65_536

export interface Substituted {
  readonly value: string | EnvText
  /** Errors; the value must not be used when there are any. */
  readonly errors: readonly string[]
}

/**
 * Substitutes `${NAME}`, `${NAME:-default}` and `$$` in one scalar. It works on the parsed scalar, so no value can
 * change the structure of the file; inserted values are not substituted again.
 */
export function substitute(text: string, env: Environment): Substituted {
  const errors: string[] = []
  let whole = false
  const value = text.replace(/\$\$|\$\{([^}]*)\}?|\$/g, (match: string, inner: string | undefined) => {
    if (match === '$$') return '$'
    if (match === '$') return match
    if (!match.endsWith('}')) {
      errors.push(`"${clip(match)}" is not closed; write "\${NAME}", or "$$" for a dollar sign`)
      return ''
    }
    const variable = /^([A-Za-z_][A-Za-z0-9_]*)(?::-([\s\S]*))?$/.exec(inner ?? '')
    if (variable === null) {
      errors.push(
        `"${clip(match)}" is not a variable; write ${/^[1-9]$/.test(inner ?? '') ? `"$${inner}" for a group of an expression, ` : ''}"\${NAME}" or "\${NAME:-default}", and "$$" for a dollar sign`
      )
      return ''
    }
    whole ||= match.length === text.length
    const name = variable[1]!
    const found = Object.hasOwn(env, name) ? env[name] : undefined
    // As in a shell, `:-` also replaces a variable that is set but empty.
    if (variable[2] !== undefined) return found === undefined || found === '' ? variable[2] : found
    if (found === undefined) {
      errors.push(
        `environment variable ${name} is not set; set it, or give a default with "\${${name}:-default}"`
      )
    }
    return found ?? ''
  })
  if (value.length > MAX_TEXT) errors.push(`the value is over ${MAX_TEXT} characters long`)
  if (whole && /^(?:true|false|[+-]?\d+(?:\.\d+)?)$/.test(value)) return { value: new EnvText(value), errors }
  return { value, errors }
}

function clip(text: string): string {
  return text.length > 40 ? `${text.slice(0, 40)}…` : text
}
