// Under this name a bundle's banner may declare createRequire itself.
import { createRequire as requireFrom } from 'node:module'
import { isatty } from 'node:tty'
import type { PrettyOptions } from 'pino-pretty'
import { prettyMessage } from './pretty-message.ts'

/** One line per entry. Each is written at once: a person reads no faster than that. Undefined where a bundle left pino-pretty out. */
export function prettyStream(fd: number): NodeJS.WritableStream | undefined {
  const pretty = loadPretty()
  if (pretty === undefined) return undefined
  const colorize = wantsColor(isatty(fd))
  return pretty({
    sync: true,
    destination: fd,
    colorize,
    translateTime: 'SYS:HH:MM:ss.l',
    hideObject: true,
    ignore: 'pid,hostname',
    messageFormat: (line) => prettyMessage(line, colorize ? (text) => `\x1b[39;2m${text}\x1b[0m` : undefined)
  })
}

/** Only for a reader at a terminal: it takes 50 ms and 9 MB, and services log JSON. */
function loadPretty(): ((options: PrettyOptions) => NodeJS.WritableStream) | undefined {
  try {
    return requireFrom(import.meta.url)('pino-pretty') as (options: PrettyOptions) => NodeJS.WritableStream
  } catch {
    return undefined
  }
}

/** Whether to colour what is written; https://no-color.org: NO_COLOR is set to anything but the empty string. */
export function wantsColor(isTerminal: boolean): boolean {
  return isTerminal && !process.env.NO_COLOR && process.env.TERM !== 'dumb'
}
