import { flat } from '../../core/flat.ts'

let second = 0
let line = ''

/** "Date: …\r\n" for now (RFC 9110 §6.6.1), made once per second. */
export function dateLine(): string {
  const now = Date.now()
  if (now - second >= 1000 || now < second) {
    second = now - (now % 1000)
    line = flat(`Date: ${new Date(second).toUTCString()}\r\n`)
  }
  return line
}
