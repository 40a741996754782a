import { booleanOf, EnvText, numberOf, textOf } from '../../environment/env-text.ts'
import { foreignCure, type ForeignWords } from '../../report/foreign-words.ts'
import { suggestion } from '../../report/nearest.ts'
import { durationText } from '../../../core/duration-text.ts'
import { parseDuration, parsePercent, parseRate, parseSize, sizeText } from '../../units.ts'
import { durationCure, outOfRange, sizeCure, strayEnd, wholeCure } from './cures.ts'
import { leaf, Refusal } from './leaf.ts'

const HOUR = 3_600_000
/** setTimeout takes 31 bits of milliseconds; a longer timer fires at once. */
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
    plain,
    several,
    reject
  }: {
    min?: number
    max?: number
    lines?: boolean
    json?: Readonly<Record<string, unknown>>
    /** What to do in place of `true` or a number. */
    plain?: string
    /** What to do in place of a list. */
    several?: string
    reject?: (value: string) => string | undefined
  } = {}
) {
  return leaf<string, string>(expected, { type: 'string', ...json }, (input) => {
    const value = textOf(input)
    if (value === undefined) {
      const cure = Array.isArray(input) ? several : quoteCure(input) && (plain ?? quoteCure(input))
      return new Refusal({ cure })
    }
    // What is too short is most often a secret: it is counted, not shown.
    if (value.length < min)
      return new Refusal(min > 1 ? { message: `expected ${expected}; this one has ${value.length}` } : {})
    if (value.length > max) {
      return new Refusal({ message: `${value.length} characters are too many; at most ${max} are allowed` })
    }
    if (!lines && /[\u0000-\u0008\u000a-\u001f\u007f]/.test(value)) {
      return new Refusal({
        message: `control characters and line breaks are not allowed here${/^[^\n]+\n$/.test(value) ? '; write it behind the colon, without "|" or ">"' : ''}`
      })
    }
    const sentence = reject?.(value)
    return sentence === undefined ? value : new Refusal({ message: sentence })
  })
}

/** In a cure, `@` is replaced by the value as written in the file. */
function quoteCure(input: unknown): string | undefined {
  if (typeof input === 'number' || typeof input === 'boolean') return 'write it in quotes: "@"'
  return undefined
}

/** `foreign`: what other load balancers say, with the cure for it; `byForm`: the cure for what no table lists. */
export function word<const Words extends readonly string[]>(
  words: Words,
  foreign: ForeignWords = new Map(),
  byForm?: (written: string) => string | undefined
) {
  const expected = words.length === 1 ? `"${words[0]}"` : `one of ${words.join(', ')}`
  return leaf<Words[number], Words[number]>(expected, { type: 'string', enum: [...words] }, (input) => {
    const value = textOf(input)
    if (value !== undefined && words.includes(value)) return value
    const plain =
      value ?? (typeof input === 'number' || typeof input === 'boolean' ? String(input) : undefined)
    if (plain === undefined) return new Refusal({})
    const cure = foreignCure(plain, foreign) ?? byForm?.(plain)
    if (cure !== undefined) return new Refusal({ cure })
    const ended = strayEnd(plain)
    if (ended !== undefined && words.includes(ended)) return new Refusal({ cure: `write ${ended}` })
    const several = plain.split(/[\s,|+]+/).filter((part) => part !== '')
    if (several.length > 1 && several.every((part) => words.includes(part)))
      return new Refusal({ cure: `each is an item of a list: [${several.join(', ')}]` })
    const near = suggestion(plain, words)
    return new Refusal(near.includes('did you mean') ? { cure: near.slice(2) } : {})
  })
}

const YES = new Set(['yes', 'on', 'true', 'enable', 'enabled', 'include', 'always', 'y', 'active'])
const NO = new Set(['no', 'off', 'false', 'none', 'never', 'disabled', 'disable', 'skip', 'optional'])

export function flag() {
  return leaf<boolean, boolean>('true or false', { type: 'boolean' }, (input) => {
    const value = booleanOf(input)
    if (value !== undefined) return value
    const word = textOf(input)?.toLowerCase()
    if (word !== undefined && YES.has(word)) return new Refusal({ cure: 'write true' })
    if (word !== undefined && NO.has(word)) return new Refusal({ cure: 'write false' })
    if (numberOf(input) === 1) return new Refusal({ cure: 'write true' })
    if (numberOf(input) === 0 || input === null) return new Refusal({ cure: 'write false' })
    return new Refusal({})
  })
}

/** Only `false`, to turn off a setting that is otherwise a mapping. */
export function off() {
  return leaf<false, false>('false', { const: false }, (input) =>
    booleanOf(input) === false ? false : new Refusal(no(input) ? { cure: 'write false' } : {})
  )
}

function no(input: unknown): boolean {
  return input === null || NO.has((textOf(input) ?? '').toLowerCase())
}

/** Only `true`, for all defaults of a setting that is otherwise a mapping. */
function yes(input: unknown): boolean {
  return /^(?:yes|on|true)$/i.test(textOf(input) ?? '')
}

export function on() {
  return leaf<true, true>('true', { const: true }, (input) =>
    booleanOf(input) === true ? true : new Refusal(yes(input) ? { cure: 'write true' } : {})
  )
}

/** `zero`: what to do instead of writing 0, where 0 is too small. */
export function integer(min: number, max: number, zero?: string) {
  const expected = `a whole number from ${min} to ${max}`
  return leaf<number, number>(expected, { type: 'integer', minimum: min, maximum: max }, (input) => {
    const value = numberOf(input)
    if (value === undefined) {
      if (input === false && min === 0) return new Refusal({ cure: 'write 0' })
      const plain = typeof input === 'string' && /^\d+$/.test(input)
      return new Refusal(plain ? { cure: 'write it without quotes' } : { cure: wholeCure(textOf(input)) })
    }
    if (value === 0 && min > 0 && zero !== undefined) return new Refusal({ cure: zero })
    if (Number.isInteger(value) && value >= min && value <= max) return value
    return new Refusal({ cure: outOfRange(value, min, max) })
  })
}

export function decimal(min: number, max: number) {
  const expected = `a number from ${min} to ${max}`
  return leaf<number, number>(expected, { type: 'number', minimum: min, maximum: max }, (input) => {
    const value = numberOf(input)
    if (value !== undefined && value >= min && value <= max) return value
    if (value !== undefined && max === 1 && value > 1 && value <= 100)
      return new Refusal({ cure: `write ${value / 100} for ${value} %` })
    if (value !== undefined) return new Refusal({ cure: outOfRange(value, min, max) })
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
  return leaf<number, string | 0>(expected, json, (input) => {
    const written = textOf(input) ?? (typeof input === 'number' ? String(input) : undefined)
    if (written === undefined) return new Refusal(input === true ? { cure: `write "${example}"` } : {})
    // Zero needs no unit.
    const value = written === '0' ? 0 : parseDuration(written)
    if (value === undefined) return new Refusal({ cure: durationCure(written, max, example) })
    if (value < min || value > max) {
      const range =
        value === 0
          ? `a timeout cannot be 0; leave the key out for the default, or write up to ${durationText(max)}`
          : `durations here go from ${durationText(min)} to ${durationText(max)}`
      return new Refusal({ message: `"${written}" is ${value < min ? 'too short' : 'too long'}; ${range}` })
    }
    return value
  })
}

/** A duration without a timer: lifetimes in caches and cookies. */
export function lifetime({ example = '60s' } = {}) {
  return duration({ min: 0, max: MAX_TTL_MS, example })
}

/** Bytes. */
export function size({ min = 0, max = 2 ** 40, example = '64kb' } = {}) {
  const expected = `a size such as "${example}"`
  const pattern = '^[0-9]+(\\.[0-9]+)?([bB]|[kKmMgG][bB])$'
  const json = { title: 'size', type: 'string', pattern, examples: [example] }
  return leaf<number, string | 0>(expected, json, (input) => {
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

/** Events per second. */
export function rate({ example = '20/s' } = {}) {
  const expected = `a rate such as "${example}"`
  const pattern = '^[0-9]+(\\.[0-9]+)?/[smh]$'
  const json = { title: 'rate', type: 'string', pattern, examples: [example] }
  return leaf<number, string>(expected, json, (input) => {
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
  return leaf<number, string>(expected, json, (input) => {
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
