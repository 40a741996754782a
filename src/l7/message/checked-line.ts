import { isToken } from '../../core/latin1.ts'
import { FRAMING_FIELDS } from '../../config/model/framing-fields.ts'

/** Also what would become a line break once it is written as latin1. */
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/

/** What a block of fields is asked while code of the user's has it. */
export interface FieldCheck {
  field(name: string, value: string): void
  lines(text: string): void
}

export const checked: FieldCheck = { field: checkField, lines: checkLines }

/** The line of a field that a plugin writes; throws where it would be none, or more than one. */
export function checkedLine(name: string, value: string): string {
  checkField(name, value)
  return `${name}: ${value}\r\n`
}

export function checkField(name: string, value: string | undefined): void {
  if (typeof name !== 'string' || !isToken(name))
    throw new TypeError(`${JSON.stringify(name)} is no field name`)
  if (FRAMING_FIELDS.has(name.toLowerCase())) throw framing(name)
  if (value !== undefined && (typeof value !== 'string' || !VALUE.test(value)))
    throw new TypeError(`the value of the field ${name} holds what no field may: ${JSON.stringify(value)}`)
}

const LINE = "[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\\t\\x20-\\x7e\\x80-\\xff]*"
const LINES = new RegExp(`^(?:${LINE}\r\n)*$`)
const FRAMED = new RegExp(`^(?:${[...FRAMING_FIELDS].join('|')}):.*$`, 'gim')

/** Lines that somebody adds: each is a whole field, and none frames the message. */
export function checkLines(text: string): void {
  checkForm(text)
  const found = text.match(FRAMED)
  if (found !== null) throw framing(found[0].split(':', 1)[0]!)
}

/** Whether a block of fields is one still, whatever a plugin has made of its text. */
export function checkBlock(before: string, after: string): void {
  if (after === before) return
  checkForm(after)
  for (const line of after.match(FRAMED) ?? [])
    if (!`\n${before}`.includes(`\n${line}\r`)) throw framing(line.split(':', 1)[0]!)
}

function checkForm(text: string): void {
  if (typeof text === 'string' && LINES.test(text)) return
  const line = String(text)
    .split('\r\n')
    .find((each, at, all) =>
      at === all.length - 1 ? each !== '' : !LINES.test(`${each}\r\n`) || each === ''
    )
  throw new TypeError(
    `this is no line of a field, "Name: value" with CR LF behind it: ${JSON.stringify((line ?? '').slice(0, 200))}`
  )
}

function framing(name: string): TypeError {
  return new TypeError(`the field ${name} frames the message and is lb's own`)
}
