import { isatty } from 'node:tty'
import { pino } from 'pino'
import { isoTime } from './iso-time.ts'
import { JsonLines } from './json-lines.ts'
import { LineSink } from './line-sink.ts'
import { prettyStream } from './pretty-stream.ts'

export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent'

/** The interface by which everything below the composition root logs: the fields first, then one sentence. */
export interface Logger {
  level: LogLevel
  trace(fields: object, message: string): void
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
  fatal(fields: object, message: string): void
  /** For lines that are written once per request: the same lines as pino's, at a tenth of the cost. Undefined where the log is no JSON. */
  readonly json?: JsonLines
  /** Writes a line as it is. */
  readonly text?: (line: string) => void
}

export interface LogOptions {
  readonly level?: LogLevel
  /** Fields on every line: `{ worker: 1 }`. */
  readonly fields?: object
  /**
   * For threads that write access logs: lines are gathered and written every 100 ms or 4 KiB, without waiting for the
   * reader. Left out: each line is written at once.
   */
  readonly buffered?: boolean
  readonly fd?: number
  /** Left out: `LB_LOG=pretty|json` decides, else whether `fd` is a terminal. */
  readonly format?: 'json' | 'pretty'
}

/** The logger of a thread. What it gathers is written by `flushLogs`. */
export function createLogger(options: LogOptions = {}): Logger {
  const { level = 'info', fields = {}, buffered = false, fd = 1 } = options
  const format = options.format ?? formatFor(fd)
  const forReaders = format === 'pretty' ? prettyStream(fd) : undefined
  const sink = forReaders === undefined ? new LineSink(fd, buffered) : undefined
  const logger = pino(
    {
      level,
      base: fields,
      timestamp: isoTimestamp,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { err: pino.stdSerializers.err, error: pino.stdSerializers.err }
    },
    (forReaders ?? sink)!
  )
  // pino's types say `level: string`; what it does is what Logger says.
  return Object.assign(logger as unknown as Logger, {
    ...(sink !== undefined && {
      json: new JsonLines(sink, fields, (level) => logger.isLevelEnabled(level)),
      text: (line: string) => sink.write(`${line}\n`, true)
    })
  })
}

function formatFor(fd: number): 'json' | 'pretty' {
  if (process.env.LB_LOG === 'pretty' || process.env.LB_LOG === 'json') return process.env.LB_LOG
  // isatty instead of process.stdout.isTTY: in a worker thread stdout is a stream to the main thread.
  return isatty(fd) ? 'pretty' : 'json'
}

function isoTimestamp(): string {
  return `,"time":"${isoTime(Date.now())}"`
}
