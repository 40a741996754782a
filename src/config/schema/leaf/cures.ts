import { durationText } from '../../../core/duration-text.ts'
import { own } from '../../../core/own.ts'
import { parseDuration, sizeText } from '../../units.ts'

const HOUR = 3_600_000

/** What stands behind a value by mistake: `l7;`, `l7#http`, `5s]`. */
export function strayEnd(written: string): string | undefined {
  const bare = /^(.+?)\s*(?:[;,\]})]+|#.*)$/.exec(written)?.[1]
  return bare === written ? undefined : bare
}

/** The nearest that is taken. */
export function outOfRange(value: number, min: number, max: number): string {
  if (value < min && !(value > 0 && value < 1)) return `write ${min} or more`
  if (value > max) return `write ${max} or less`
  return value < 1 && max >= 100
    ? `write ${Math.round(value * 100)}, relative to 100`
    : `write ${Math.round(value)}`
}

/** `10k`, `90%`, `1_000`, `unlimited`. */
export function wholeCure(written: string | undefined): string | undefined {
  if (written === undefined) return undefined
  const group = /^([1-5])xx$/i.exec(written)?.[1]
  if (group !== undefined)
    return group === '5' ? 'write each: [500, 502, 503, 504]' : 'write each status, as a number'
  const phrase = /^([1-5]\d\d) [A-Za-z][A-Za-z ]+$/.exec(written)?.[1]
  if (phrase !== undefined) return `write ${phrase}`
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

const NO_LIMIT =
  /^(?:off|none|never|no|false|infinite|infinity|unlimited|disabled?|-\d+|max|session|default|auto|forever|always)$/i

export function durationCure(written: string, max: number, example: string): string {
  if (NO_LIMIT.test(written))
    return `leave the key out for the default; the longest is "${durationText(max)}"`
  if (/^(?:on|yes|true)$/i.test(written)) return `write "${example}"`
  // The field itself: `max-age=31536000; includeSubDomains`, `timeout=5, max=100`.
  const field = /^(?:max-age|s-maxage|timeout|expires)\s*=\s*"?(\d{1,10})\b/i.exec(written)
  if (field !== null)
    return `did you mean "${durationText(Number(field[1]) * 1000)}"? Each other part has a key of its own`
  const iso = /^P(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)$/i.exec(written)
  if (iso !== null) {
    const [, hours, minutes, seconds] = iso
    return `did you mean "${[hours && `${hours}h`, minutes && `${minutes}m`, seconds && `${seconds}s`].filter(Boolean).join('')}"?`
  }
  if (/^\d+$/.test(written)) return bareDurationCure(Number(written), parseDuration(example)!)
  const clock = /^(\d{1,2}):(\d{2})(?::(\d{2}))?$/.exec(written)
  if (clock !== null) {
    const [, first, second, third] = clock.map(Number)
    const seconds =
      third === undefined || Number.isNaN(third)
        ? first! * 60 + second!
        : first! * 3600 + second! * 60 + third
    return `did you mean "${durationText(seconds * 1000)}"?`
  }
  if (/^-/.test(written)) return 'for the default leave the key out'
  if (/^[\d.]+\s*(?:us|µs|ns)$/i.test(written)) return 'the least is 1ms; units are ms, s, m, h, d, w, y'
  const ended = strayEnd(written)
  if (ended !== undefined && parseDuration(ended) !== undefined) return `did you mean "${ended}"?`
  if (
    /^\d+,\d+\s*[a-z]+$/i.test(written) &&
    parseDuration(written.replace(',', '.').replace(' ', '')) !== undefined
  )
    return `did you mean "${written.replace(',', '.').replace(' ', '')}"?`
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
  // An age in minutes and more is counted in seconds everywhere.
  if (number >= 60 && exampleMs >= 300_000 && exampleMs < HOUR)
    return `did you mean "${durationText(number * 1000)}"?`
  // Where hours and days are usual, thousands may be seconds as well.
  if (number >= 1000 && exampleMs >= HOUR)
    return `write "${durationText(number * 1000)}" if these are seconds, "${durationText(number)}" if milliseconds`
  if (number >= 1000) return `did you mean "${durationText(number)}"? A number alone has no unit`
  if (exampleMs < 1000) return `did you mean "${number}ms"?`
  if (number >= 100) return `write "${number}ms" or "${number}s"`
  return `did you mean "${number}s"?`
}

export function sizeCure(written: string): string {
  if (written === '0') return 'for no limit leave the key out'
  if (NO_LIMIT.test(written)) return 'for no limit leave the key out; units are b, kb, mb, gb (k = 1024)'
  if (/^\d{1,15}$/.test(written)) return `did you mean "${sizeText(Number(written))}"?`
  if (/^\d+\s*ti?b?$/i.test(written))
    return `units are b, kb, mb, gb (k = 1024): "${Number.parseInt(written, 10) * 1024}gb"`
  const bits = /^(\d+)\s*([kmg])bits?$/i.exec(written)
  if (bits !== null)
    return `bytes are counted, of 8 bits each: did you mean "${sizeText((Number(bits[1]) * 1024 ** ('kmg'.indexOf(bits[2]!.toLowerCase()) + 1)) / 8)}"?`
  const match = /^([\d.]+)\s*([kmgt]?)(i?b?|bytes?)$/i.exec(written)
  const amount = match?.[1]
  const unit = match?.[2]?.toLowerCase()
  if (amount === undefined || unit === undefined || unit === 't') return 'units are b, kb, mb, gb (k = 1024)'
  return `did you mean "${amount}${unit}b"?`
}
