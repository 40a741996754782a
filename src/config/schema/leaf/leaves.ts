import { own } from '../../../core/own.ts'
import { booleanOf, EnvText, numberOf, textOf } from '../../environment/env-text.ts'
import { foreignCure, type ForeignWords } from '../../report/foreign-words.ts'
import { suggestion } from '../../report/nearest.ts'
import { durationText } from '../../../core/duration-text.ts'
import { parseDuration, parsePercent, parseRate, parseSize, sizeText } from '../../units.ts'
import { leaf, Refusal } from './leaf.ts'

const HOUR = 3_600_000
/** setTimeout takes 31 bits of milliseconds; what waits longer fires at once. */
const MAX_TIMEOUT_MS = 24 * 24 * HOUR
const MAX_TTL_MS = 10 * 365 * 24 * HOUR

/** Text of bounded length without control characters. `reject` may refuse with a sentence. */
export function text(
  expected: string,
  {
    min = 1,
    max = 1024,
    lines = false,
    json = {},
    reject
  }: {
    min?: number
    max?: number
    lines?: boolean
    json?: Readonly<Record<string, unknown>>
    reject?: (value: string) => string | undefined
  } = {}
) {
  return leaf<string>(expected, { type: 'string', ...json }, (input) => {
    const value = textOf(input)
    if (value === undefined) return new Refusal({ cure: quoteCure(input) })
    if (value.length < min) return new Refusal({})
    if (value.length > max) {
      return new Refusal({ message: `${value.length} characters are too many; at most ${max} are allowed` })
    }
    if (!lines && /[\u0000-\u0008\u000a-\u001f\u007f]/.test(value)) {
      return new Refusal({ message: 'control characters and line breaks are not allowed here' })
    }
    const sentence = reject?.(value)
    return sentence === undefined ? value : new Refusal({ message: sentence })
  })
}

/** `@` in a cure stands for the value as it is written in the file. */
function quoteCure(input: unknown): string | undefined {
  if (typeof input === 'number' || typeof input === 'boolean') return 'write it in quotes: "@"'
  return undefined
}

/** `foreign`: what other load balancers say, with the cure for it. */
export function word<const Words extends readonly string[]>(words: Words, foreign: ForeignWords = new Map()) {
  const expected = words.length === 1 ? `"${words[0]}"` : `one of ${words.join(', ')}`
  return leaf<Words[number]>(expected, { type: 'string', enum: [...words] }, (input) => {
    const value = textOf(input)
    if (value !== undefined && words.includes(value)) return value
    const plain =
      value ?? (typeof input === 'number' || typeof input === 'boolean' ? String(input) : undefined)
    if (plain === undefined) return new Refusal({})
    const cure = foreignCure(plain, foreign)
    if (cure !== undefined) return new Refusal({ cure })
    const near = suggestion(plain, words)
    return new Refusal(near.includes('did you mean') ? { cure: near.slice(2) } : {})
  })
}

const NO = new Set(['no', 'off', 'false', 'none', 'never', 'disabled', 'disable', 'skip', 'optional'])

export function flag() {
  return leaf<boolean>('true or false', { type: 'boolean' }, (input) => {
    const value = booleanOf(input)
    if (value !== undefined) return value
    const word = textOf(input)?.toLowerCase()
    if (word === 'yes' || word === 'on' || word === 'true') return new Refusal({ cure: 'write true' })
    if (word !== undefined && NO.has(word)) return new Refusal({ cure: 'write false' })
    if (numberOf(input) === 1) return new Refusal({ cure: 'write true' })
    if (numberOf(input) === 0 || input === null) return new Refusal({ cure: 'write false' })
    return new Refusal({})
  })
}

/** Exactly `false`, to turn off what else is a mapping. */
export function off() {
  return leaf<false>('false', { const: false }, (input) =>
    booleanOf(input) === false ? false : new Refusal({})
  )
}

/** Exactly `true`, for all defaults of what else is a mapping. */
function yes(input: unknown): boolean {
  return /^(?:yes|on|true)$/i.test(textOf(input) ?? '')
}

export function on() {
  return leaf<true>('true', { const: true }, (input) =>
    booleanOf(input) === true ? true : new Refusal(yes(input) ? { cure: 'write true' } : {})
  )
}

/** `zero`: what to do who writes 0, where that is too little. */
export function integer(min: number, max: number, zero?: string) {
  const expected = `a whole number from ${min} to ${max}`
  return leaf<number>(expected, { type: 'integer', minimum: min, maximum: max }, (input) => {
    const value = numberOf(input)
    if (value === undefined) {
      if (input === false && min === 0) return new Refusal({ cure: 'write 0' })
      const plain = typeof input === 'string' && /^\d+$/.test(input)
      return new Refusal(plain ? { cure: 'write it without quotes' } : { cure: wholeCure(textOf(input)) })
    }
    if (value === 0 && min > 0 && zero !== undefined) return new Refusal({ cure: zero })
    return Number.isInteger(value) && value >= min && value <= max ? value : new Refusal({})
  })
}

/** `10k`, `90%`, `1_000`, `unlimited`. */
function wholeCure(written: string | undefined): string | undefined {
  if (written === undefined) return undefined
  const rate = /^(\d{1,9})\s*r?(?:eq)?\/([smh])$/i.exec(written)
  if (rate !== null) return `write ${rate[1]} here, and the time beside it: \`per: 1${rate[2]}\``
  const [, digits, unit] =
    /^(\d{1,9})\s*([kKmM%])?$/.exec(written.replaceAll(/(?<=\d)[_, ](?=\d{3})/g, '')) ?? []
  if (digits !== undefined) {
    const times = unit === undefined || unit === '%' ? 1 : unit.toLowerCase() === 'k' ? 1_000 : 1_000_000
    return `write ${Number(digits) * times}`
  }
  return /^(?:unlimited|infinite|infinity|none|off|no)$/i.test(written)
    ? 'for no limit leave the key out'
    : undefined
}

export function decimal(min: number, max: number) {
  const expected = `a number from ${min} to ${max}`
  return leaf<number>(expected, { type: 'number', minimum: min, maximum: max }, (input) => {
    const value = numberOf(input)
    if (value !== undefined && value >= min && value <= max) return value
    const share = /^(\d+(?:\.\d+)?)%$/.exec(textOf(input) ?? '')?.[1]
    if (share === undefined) return new Refusal({})
    return new Refusal({ cure: `write ${max === 1 ? Number(share) / 100 : share}` })
  })
}

/** Milliseconds. The bounds are part of the message. */
export function duration({ min = 1, max = MAX_TIMEOUT_MS, example = '10s' } = {}) {
  const expected = `a duration such as "${example}"`
  const pattern = '^([0-9]+(\\.[0-9]+)?(ms|s|m|h|d|w|y))+$'
  const json = { title: 'duration', type: 'string', pattern, examples: [example] }
  return leaf<number>(expected, json, (input) => {
    const written = textOf(input) ?? (typeof input === 'number' ? String(input) : undefined)
    if (written === undefined) return new Refusal(input === true ? { cure: `write "${example}"` } : {})
    // Zero needs no unit.
    const value = written === '0' ? 0 : parseDuration(written)
    if (value === undefined) return new Refusal({ cure: durationCure(written, max, example) })
    if (value < min || value > max) {
      const range =
        value === 0
          ? `a limit of time cannot be 0; leave the key out for the default, or write up to ${durationText(max)}`
          : `durations here go from ${durationText(min)} to ${durationText(max)}`
      return new Refusal({ message: `"${written}" is ${value < min ? 'too short' : 'too long'}; ${range}` })
    }
    return value
  })
}

/** A duration that no timer waits for: lifetimes in caches and cookies. */
export function lifetime({ example = '60s' } = {}) {
  return duration({ min: 0, max: MAX_TTL_MS, example })
}

const NO_LIMIT = /^(?:off|none|never|no|false|infinite|infinity|unlimited|disabled?|-\d+|max)$/i

function durationCure(written: string, max: number, example: string): string {
  if (NO_LIMIT.test(written))
    return `leave the key out for the default; the longest is "${durationText(max)}"`
  const iso = /^P(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)$/i.exec(written)
  if (iso !== null) {
    const [, hours, minutes, seconds] = iso
    return `did you mean "${[hours && `${hours}h`, minutes && `${minutes}m`, seconds && `${seconds}s`].filter(Boolean).join('')}"?`
  }
  if (/^\d+$/.test(written)) return bareDurationCure(Number(written), parseDuration(example)!)
  // nginx and people write units of their own: `5 minutes`, `second`.
  const match = /^(?:@?every\s+)?([\d.]*)\s*([a-z]*)$/i.exec(written)
  if (match === null) return 'units are ms, s, m, h, d, w, y'
  const units: Readonly<Record<string, string>> = {
    '': 's',
    sec: 's',
    second: 's',
    min: 'm',
    minute: 'm',
    hour: 'h',
    hr: 'h',
    day: 'd',
    week: 'w',
    year: 'y',
    msec: 'ms',
    millisecond: 'ms'
  }
  const unit = match[2]!.toLowerCase()
  const known = own(units, unit) ?? own(units, unit.replace(/s$/, '')) ?? (parseDuration(`1${unit}`) && unit)
  return known ? `did you mean "${match[1] || 1}${known}"?` : 'units are ms, s, m, h, d, w, y'
}

/** Other proxies count in milliseconds or in seconds; from the size of the number one can tell mostly. */
function bareDurationCure(number: number, exampleMs: number): string {
  // Where hours and days are usual, thousands may be seconds as well.
  if (number >= 1000 && exampleMs >= HOUR)
    return `write "${durationText(number * 1000)}" if these are seconds, "${durationText(number)}" if milliseconds`
  if (number >= 1000) return `did you mean "${durationText(number)}"? A number alone has no unit`
  if (number >= 100) return `write "${number}ms" or "${number}s"`
  return `did you mean "${number}s"?`
}

/** Bytes. */
export function size({ min = 0, max = 2 ** 40, example = '64kb' } = {}) {
  const expected = `a size such as "${example}"`
  const pattern = '^[0-9]+(\\.[0-9]+)?([bB]|[kKmMgG][bB])$'
  const json = { title: 'size', type: 'string', pattern, examples: [example] }
  return leaf<number>(expected, json, (input) => {
    const written = textOf(input) ?? (typeof input === 'number' ? String(input) : undefined)
    if (written === undefined) return new Refusal({})
    const value = parseSize(written)
    if (value === undefined) return new Refusal({ cure: sizeCure(written) })
    if (value < min || value > max) {
      const range = `sizes here go from ${sizeText(min)} to ${sizeText(max)}`
      return new Refusal({ message: `"${written}" is ${value < min ? 'too small' : 'too large'}; ${range}` })
    }
    return value
  })
}

function sizeCure(written: string): string {
  if (written === '0') return 'for no limit leave the key out'
  if (NO_LIMIT.test(written)) return 'for no limit leave the key out; units are b, kb, mb, gb (k = 1024)'
  if (/^\d{1,15}$/.test(written)) return `did you mean "${sizeText(Number(written))}"?`
  if (/^\d+\s*ti?b?$/i.test(written))
    return `units are b, kb, mb, gb (k = 1024): "${Number.parseInt(written, 10) * 1024}gb"`
  const match = /^([\d.]+)\s*([kmgt]?)(i?b?|bytes?)$/i.exec(written)
  const amount = match?.[1]
  const unit = match?.[2]?.toLowerCase()
  if (amount === undefined || unit === undefined || unit === 't') return 'units are b, kb, mb, gb (k = 1024)'
  return `did you mean "${amount}${unit}b"?`
}

/** Events per second. */
export function rate({ example = '20/s' } = {}) {
  const expected = `a rate such as "${example}"`
  const pattern = '^[0-9]+(\\.[0-9]+)?/[smh]$'
  const json = { title: 'rate', type: 'string', pattern, examples: [example] }
  return leaf<number>(expected, json, (input) => {
    const written = textOf(input) ?? (typeof input === 'number' ? String(input) : undefined)
    const value = written === undefined ? undefined : parseRate(written)
    if (value !== undefined && value > 0 && value <= 1e9) return value
    if (value !== undefined)
      return new Refusal({ message: `"${written}" is out of range; write "1/h" or more` })
    if (written !== undefined && /^\d+$/.test(written))
      return new Refusal({ cure: `did you mean "${written}/s"?` })
    const [, count, unit] =
      /^(\d+)\s*(?:r(?:eq(?:uests?)?)?\s*)?(?:\/|p|per)\s*([smh])[a-z]*$/i.exec(written ?? '') ?? []
    return new Refusal({
      cure: count === undefined ? 'units are /s, /m, /h' : `did you mean "${count}/${unit!.toLowerCase()}"?`
    })
  })
}

/** A share of 0..1, written as a percentage. */
export function percent({ max = 1, example = '20%' } = {}) {
  const expected = `a percentage such as "${example}"`
  const pattern = '^[0-9]+(\\.[0-9]+)?%$'
  const json = { title: 'percentage', type: 'string', pattern, examples: [example] }
  return leaf<number>(expected, json, (input) => {
    const number = numberOf(input)
    const written = textOf(input)
    if (number !== undefined && !(input instanceof EnvText)) {
      const meant = number > 0 && number <= 1 ? Math.round(number * 1000) / 10 : number
      return new Refusal({ cure: `did you mean "${meant}%"?` })
    }
    const value = written === undefined ? undefined : parsePercent(written)
    if (value === undefined) return new Refusal({})
    return value <= max
      ? value
      : new Refusal({ message: `"${written}" is too much; at most ${max * 100}% is allowed` })
  })
}
