import { flat } from '../../../core/flat.ts'
import type { Exchange } from '../../exchange/exchange.ts'
import type { ResponseHead } from '../../exchange/response/response-head.ts'
import { FieldNames } from '../../headers/field-names.ts'
import { nameBits } from '../../message/header-block.ts'
import type { Stage } from '../stage.ts'
import type { SecurityHeadersKeys } from './keys.ts'
import { presets, type Preset } from './presets.ts'

interface Line {
  /** Lower case. */
  readonly name: string
  readonly line: string
}

/** Adds security fields for browsers to every response, and removes those that name the software of backends. */
class SecurityHeaders implements Stage {
  readonly name = 'security-headers'
  readonly #lines: readonly Line[]
  /** All lines as one text. */
  readonly #block: string
  readonly #hsts: Line | undefined
  readonly #override: boolean
  /** Fields to remove before the lines are added. */
  readonly #dropped: FieldNames
  readonly #blockBits: number
  /** The names of all lines. */
  readonly #names: FieldNames

  constructor(keys: SecurityHeadersKeys) {
    const preset = presets[keys.preset]
    const merged: Preset = { ...preset, ...given(keys) }
    this.#lines = linesOf(merged)
    this.#block = flat(this.#lines.map(({ line }) => line).join(''))
    this.#blockBits = nameBits(this.#block)
    this.#hsts = hstsLine(merged)
    this.#override = keys.override
    const names = [...this.#lines.map(({ name }) => name), 'strict-transport-security']
    const hidden = keys.hide.map((name) => name.toLowerCase())
    this.#dropped = new FieldNames(keys.override ? [...hidden, ...names] : hidden)
    this.#names = new FieldNames(names)
  }

  response(exchange: Exchange, head: ResponseHead): void {
    this.#put(exchange, head)
    if (head.policy === undefined) return
    // The site's own policy would block the page's style.
    head.headers.remove('content-security-policy-report-only')
    head.headers.set('Content-Security-Policy', head.policy)
  }

  #put({ scheme }: Exchange, { headers }: ResponseHead): void {
    const hsts = scheme === 'https' ? this.#hsts : undefined
    // A response made by lb names no software.
    headers.drop(this.#dropped)
    if (this.#override || !headers.hasAny(this.#names)) {
      headers.appendLines(this.#block, this.#blockBits)
      if (hsts !== undefined) headers.appendLines(hsts.line)
      return
    }
    // The backend sent some of them: those stay.
    for (const { name, line } of this.#lines) if (!headers.has(name)) headers.appendLines(line)
    if (hsts !== undefined && !headers.has(hsts.name)) headers.appendLines(hsts.line)
  }
}

/** Drops undefined keys. */
function given(keys: SecurityHeadersKeys): Preset {
  const { preset, override, hide, hstsSubdomains, hstsPreload, ...rest } = keys
  void [preset, override, hide]
  const named = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined)) as Preset
  return {
    ...named,
    ...(hstsSubdomains && { hstsSubdomains }),
    ...(hstsPreload && { hstsPreload })
  }
}

function linesOf(fields: Preset): Line[] {
  const values: readonly (readonly [name: string, value: string | false | undefined])[] = [
    ['X-Content-Type-Options', fields.nosniff === true && 'nosniff'],
    ['X-Frame-Options', fields.frame],
    ['Referrer-Policy', fields.referrer],
    ['Content-Security-Policy', fields.csp],
    ['Content-Security-Policy-Report-Only', fields.cspReportOnly],
    ['Permissions-Policy', fields.permissions],
    ['Cross-Origin-Opener-Policy', fields.opener],
    ['Cross-Origin-Embedder-Policy', fields.embedder],
    ['Cross-Origin-Resource-Policy', fields.resource]
  ]
  return values
    .filter((pair): pair is readonly [string, string] => typeof pair[1] === 'string' && pair[1] !== '')
    .map(([name, value]) => ({ name: name.toLowerCase(), line: `${name}: ${value}\r\n` }))
}

/** RFC 6797 §7.2: never over clear text. */
function hstsLine({ hsts, hstsSubdomains, hstsPreload }: Preset): Line | undefined {
  if (hsts === undefined || hsts === false) return undefined
  const name = 'Strict-Transport-Security'
  const more =
    (hstsSubdomains === true ? '; includeSubDomains' : '') + (hstsPreload === true ? '; preload' : '')
  return { name: name.toLowerCase(), line: `${name}: max-age=${Math.floor(hsts / 1000)}${more}\r\n` }
}

export function compile(keys: SecurityHeadersKeys): Stage {
  return new SecurityHeaders(keys)
}
