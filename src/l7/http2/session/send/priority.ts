/** Urgency 0 to 7, lower is sooner, and whether parts of the body are useful (RFC 9218 §4). */
export const DEFAULT_URGENCY = 3

/** The value of a Priority field as `urgency * 2 + incremental`; unknown values mean the default. */
export function parsePriority(field: string): number {
  let urgency = DEFAULT_URGENCY
  let incremental = 0
  // A dictionary of structured fields (RFC 8941 §3.2): the last of equal names counts, parameters are ignored.
  for (const member of field.slice(0, MAX_FIELD).split(',')) {
    const text = member.split(';', 1)[0]!.trim()
    if (/^u=[0-7]$/.test(text)) urgency = text.charCodeAt(2) - 48
    else if (text === 'i' || text === 'i=?1') incremental = 1
    else if (text === 'i=?0') incremental = 0
  }
  return urgency * 2 + incremental
}

const MAX_FIELD = 256
