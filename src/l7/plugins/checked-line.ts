const NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/
/** Also what would become a line break once it is written as latin1. */
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/

/** What frames a message is lb's own. */
const FRAMING = new Set([
  'connection',
  'content-length',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade'
])

/** The line of a field that a plugin writes; throws where it would be none, or more than one. */
export function checkedLine(name: string, value: string): string {
  checkField(name, value)
  return `${name}: ${value}\r\n`
}

export function checkField(name: string, value: string | undefined): void {
  if (typeof name !== 'string' || !NAME.test(name))
    throw new TypeError(`${JSON.stringify(name)} is no field name`)
  if (FRAMING.has(name.toLowerCase()))
    throw new TypeError(`the field ${name} frames the message and is lb's own`)
  if (value !== undefined && (typeof value !== 'string' || !VALUE.test(value)))
    throw new TypeError(`the value of the field ${name} holds what no field may: ${JSON.stringify(value)}`)
}

const LINES = /^(?:[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t\x20-\x7e\x80-\xff]*\r\n)*$/

/** Whether a block of fields is one still, whatever a plugin has made of its text. */
export function checkLines(text: string): void {
  if (!LINES.test(text)) throw new TypeError('what it has made of the fields is no block of fields')
}
