import { flat } from '../../../core/flat.ts'
import { jsonText } from '../../../core/log/json-text.ts'
import type { LineBytes } from '../../../core/log/line-bytes.ts'
import type { Exchange } from '../../exchange/exchange.ts'
import type { LogValue } from '../../exchange/log-fields.ts'
import { fieldValues, shortened, statusOf } from './field-values.ts'
import { withoutCredentials } from './without-credentials.ts'

/** Writes the fields of `exchangeFields` as text: an object passed to a logger takes ten times as long. */
export class ExchangeLine {
  readonly #begin: string

  constructor(listener: string, route: string | undefined) {
    const routeText = route === undefined ? '' : `,"route":${jsonText(route)}`
    this.#begin = flat(`,"event":"request","listener":${jsonText(listener)}${routeText},"client":`)
  }

  write(line: LineBytes, exchange: Exchange, durationMs: number): void {
    const { request, target, backend, errorCode, errorReason, cacheStatus, identity } = exchange
    line.text(this.#begin).json(exchange.clientIp)
    line.text((exchange.scheme === 'http' ? overHttp : overHttps)[request.version])
    if (request.method !== '') line.text(',"method":').json(request.method)
    if (request.host !== '') line.text(',"host":').json(shortened(request.host))
    if (request.target !== '')
      line.text(',"target":').json(withoutCredentials(shortened(request.target), exchange))
    const status = statusOf(exchange)
    if (status !== undefined) line.text(',"status":').count(status)
    if (errorCode !== undefined) line.text(',"code":').json(errorCode)
    if (errorReason !== '') line.text(',"reason":').json(errorReason)
    if (target !== undefined) line.text(',"pool":').json(target.pool.pool.name)
    if (backend !== undefined) line.text(',"backend":').json(backend.name)
    const { times, retries } = exchange
    if (times !== undefined) {
      if (times.asked === 1) line.text(',"attempts":1')
      else line.text(',"attempts":').count(times.asked)
    }
    if (retries !== 0) line.text(',"retries":').count(retries)
    if (cacheStatus !== '') line.text(',"cache":').json(cacheStatus)
    line.text(',"bytesIn":').count(exchange.bytesIn).text(',"bytesOut":').count(exchange.bytesOut)
    line.text(',"ms":').hundredths(durationMs)
    writeTimes(line, exchange)
    const agent = request.headers.first('user-agent')
    if (agent !== undefined) line.text(',"userAgent":').json(shortened(agent))
    const referer = fieldValues.referer(exchange)
    if (referer !== undefined) line.text(',"referer":').json(referer)
    line.text(',"requestId":"').text(exchange.requestId).text('"')
    if (identity !== undefined) line.text(',"user":').json(identity.name)
    const more = exchange.logFields?.list
    if (more !== undefined) writeMore(line, more)
  }
}

const overHttp = {
  '1.0': ',"protocol":"HTTP/1.0","scheme":"http"',
  '1.1': ',"protocol":"HTTP/1.1","scheme":"http"',
  '2.0': ',"protocol":"HTTP/2.0","scheme":"http"'
} as const
const overHttps = {
  '1.0': ',"protocol":"HTTP/1.0","scheme":"https"',
  '1.1': ',"protocol":"HTTP/1.1","scheme":"https"',
  '2.0': ',"protocol":"HTTP/2.0","scheme":"https"'
} as const

function writeTimes(line: LineBytes, { times, startedAt }: Exchange): void {
  if (times === undefined) return
  if (times.queueMs !== 0) line.text(',"queueMs":').hundredths(times.queueMs)
  if (times.connectMs >= 0) line.text(',"connectMs":').hundredths(times.connectMs)
  if (times.answeredAt !== 0) line.text(',"firstByteMs":').hundredths(times.answeredAt - startedAt)
}

/** Names and values alternate. */
function writeMore(line: LineBytes, fields: readonly LogValue[]): void {
  for (let i = 0; i < fields.length; i += 2) {
    const value = fields[i + 1]!
    line
      .text(',')
      .json(fields[i] as string)
      .text(':')
    if (typeof value === 'string') line.json(value)
    // JSON has no NaN and no Infinity.
    else line.text(typeof value === 'number' && !Number.isFinite(value) ? 'null' : String(value))
  }
}
