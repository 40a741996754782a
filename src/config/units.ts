import { own } from '../core/own.ts'

const MS = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 7 * 86_400_000,
  y: 365 * 86_400_000
} as const
const BYTES = { b: 1, kb: 1024, mb: 1024 ** 2, gb: 1024 ** 3 } as const
const PER_SECOND = { s: 1, m: 1 / 60, h: 1 / 3600 } as const

/** Parses `250ms`, `10s`, `1m30s`, `1y` to milliseconds; undefined when it is not a duration. */
export function parseDuration(text: string): number | undefined {
  if (text.length > 32 || !/^(?:\d+(?:\.\d+)?(?:ms|[smhdwy]))+$/.test(text)) return undefined
  let total = 0
  for (const [, amount, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ms|[smhdwy])/g)) {
    total += Number(amount) * own(MS, unit!)!
  }
  return Math.round(total)
}

/** Parses `512b`, `64kb`, `1.5mb`, `1gb` to bytes, k = 1024; undefined when it is not a size. */
export function parseSize(text: string): number | undefined {
  const match = /^(\d{1,15}(?:\.\d{1,9})?)(b|kb|mb|gb)$/i.exec(text)
  if (match === null) return undefined
  return Math.round(Number(match[1]) * own(BYTES, match[2]!.toLowerCase())!)
}

/** Parses `20/s`, `100/m`, `5/h` to a number per second; undefined when it is not a rate. */
export function parseRate(text: string): number | undefined {
  const match = /^(\d{1,12}(?:\.\d{1,9})?)\/([smh])$/.exec(text)
  if (match === null) return undefined
  return Number(match[1]) * own(PER_SECOND, match[2]!)!
}

/** Parses `20%` to 0.2; undefined when it is not a percentage. The caller refuses values over 100 %. */
export function parsePercent(text: string): number | undefined {
  const match = /^(\d{1,6}(?:\.\d{1,9})?)%$/.exec(text)
  return match === null ? undefined : Number(match[1]) / 100
}

/** Formats bytes for people: 65536 is `64kb`. */
export function sizeText(bytes: number): string {
  for (const unit of ['gb', 'mb', 'kb'] as const) {
    if (bytes >= BYTES[unit] && bytes % BYTES[unit] === 0) return `${bytes / BYTES[unit]}${unit}`
  }
  return `${bytes}b`
}
