/** What pino puts on every line itself. */
const ownFields = new Set(['level', 'time', 'msg', 'pid', 'hostname'])

/**
 * The rest of a line on a terminal: the message, then `key=value` for what it does not say already. What others sent
 * (a path, a probe's answer) is quoted, so that it cannot move the cursor.
 */
export function prettyMessage(
  line: Readonly<Record<string, unknown>>,
  dim: (text: string) => string = (text) => text
): string {
  const message = String(line.msg ?? '').replace(/[\x00-\x1f\x7f-\x9f]/g, '?')
  const fields: string[] = []
  let stack = ''
  for (const [key, value] of Object.entries(line)) {
    if (ownFields.has(key) || value === undefined) continue
    if ((key === 'err' || key === 'error') && isError(value)) stack += indented(value.stack)
    else if (isTexts(value))
      stack += value.map((text) => (isSaid(message, text) ? '' : indented(text))).join('')
    else if (!isSaid(message, value)) fields.push(`${key}=${formatValue(value)}`)
  }
  return message + (fields.length === 0 ? '' : `  ${dim(fields.join(' '))}`) + stack
}

/** Sentences, such as the mistakes of a configuration, stand on lines of their own. */
function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.some((item) => typeof item === 'string' && item.includes(' '))
}

function isSaid(message: string, value: unknown): boolean {
  // A single digit is part of any port.
  const text = typeof value === 'string' || typeof value === 'number' ? String(value) : ''
  return text.length > 1 && message.includes(text)
}

function formatValue(value: unknown): string {
  if (typeof value === 'string' && /^[\w./:@*+%?&=,~-]+$/.test(value)) return value
  return JSON.stringify(value).replace(/[\x7f-\x9f]/g, '?')
}

function isError(value: unknown): value is { stack: string } {
  return typeof value === 'object' && value !== null && 'stack' in value && typeof value.stack === 'string'
}

function indented(stack: string): string {
  return stack
    .split('\n')
    .map((line) => `\n    ${line.replace(/[\x00-\x1f\x7f-\x9f]/g, '?')}`)
    .join('')
}
