const months = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec']

// RFC 9110 §5.6.7: senders use IMF-fixdate; the two obsolete forms must still be parsed. Case is ignored.
const fixdate = /^(?:mon|tue|wed|thu|fri|sat|sun), (\d\d) ([a-z]{3}) (\d{4}) (\d\d):(\d\d):(\d\d) gmt$/i
const rfc850 =
  /^(?:mon|tues|wednes|thurs|fri|satur|sun)day, (\d\d)-([a-z]{3})-(\d\d) (\d\d):(\d\d):(\d\d) gmt$/i
const asctime = /^(?:mon|tue|wed|thu|fri|sat|sun) ([a-z]{3}) ([ \d]\d) (\d\d):(\d\d):(\d\d) (\d{4})$/i

/**
 * Milliseconds since the epoch, or undefined when it is not an HTTP date. `now` gives the century of two-digit years.
 */
export function parseHttpDate(text: string | undefined, now: number): number | undefined {
  if (text === undefined || text.length > 64) return undefined
  let match = fixdate.exec(text)
  if (match !== null) return utc(match[3]!, match[2]!, match[1]!, match[4]!, match[5]!, match[6]!)
  match = asctime.exec(text)
  if (match !== null) return utc(match[6]!, match[1]!, match[2]!, match[3]!, match[4]!, match[5]!)
  match = rfc850.exec(text)
  if (match === null) return undefined
  // RFC 9110 §5.6.7: more than 50 years ahead means the past century.
  const thisYear = new Date(now).getUTCFullYear()
  let year = thisYear - (thisYear % 100) + Number(match[3])
  if (year > thisYear + 50) year -= 100
  return utc(String(year), match[2]!, match[1]!, match[4]!, match[5]!, match[6]!)
}

/** The first date of a repeated field: its lines are joined by commas, and a date contains one too. */
export function parseFirstHttpDate(text: string | undefined, now: number): number | undefined {
  if (text === undefined) return undefined
  const whole = parseHttpDate(text, now)
  if (whole !== undefined || text.length < 31) return whole
  const second = text.indexOf(',', text.indexOf(',') + 1)
  return second < 0 ? undefined : parseHttpDate(text.slice(0, second), now)
}

export function formatHttpDate(ms: number): string {
  return new Date(ms).toUTCString()
}

function utc(year: string, month: string, day: string, hour: string, minute: string, second: string) {
  const index = months.indexOf(month.toLowerCase())
  const dayOfMonth = Number(day)
  if (index < 0 || dayOfMonth < 1 || dayOfMonth > 31) return undefined
  // 60 is a leap second.
  if (Number(hour) > 23 || Number(minute) > 59 || Number(second) > 60) return undefined
  return Date.UTC(Number(year), index, dayOfMonth, Number(hour), Number(minute), Number(second))
}
