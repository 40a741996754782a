import { flat } from '../../../core/flat.ts'
import { asciiJson, jsonText } from '../../../core/log/json-text.ts'
import type { Exchange } from '../../exchange/exchange.ts'
import { fieldValues, hundredthsText, protocolOf, shortened, statusOf } from './field-values.ts'

/**
 * The fields of an exchange's line as JSON, as `exchangeFields` names them: 0.6 µs, where an object through a logger takes
 * 3. What does not change from request to request is made once.
 */
export class ExchangeLine {
  readonly #begin: string
  readonly #client = new RepeatedField('client')
  readonly #method = new RepeatedField('method')
  readonly #host = new RepeatedField('host')
  readonly #pool = new RepeatedField('pool')
  readonly #backend = new RepeatedField('backend')
  readonly #agent = new RepeatedField('userAgent')

  constructor(listener: string, route: string | undefined) {
    const routeText = route === undefined ? '' : `,"route":${jsonText(route)}`
    this.#begin = flat(`"event":"request","listener":${jsonText(listener)}${routeText}`)
  }

  of(exchange: Exchange, durationMs: number): string {
    const { request, target, backend, errorCode, errorReason, cacheStatus, identity, logFields } = exchange
    let line = `${this.#begin}${this.#client.of(exchange.clientIp)},"protocol":"${protocolOf(exchange)}","scheme":"${exchange.scheme}"`
    if (request.method !== '') line += this.#method.of(request.method)
    if (request.host !== '') line += this.#host.of(request.host)
    if (request.target !== '') line += `,"target":${jsonText(shortened(request.target))}`
    const status = statusOf(exchange)
    if (status !== undefined) line += `,"status":${status}`
    if (errorCode !== undefined) line += `,"code":"${errorCode}"`
    if (errorReason !== '') line += `,"reason":${jsonText(errorReason)}`
    if (target !== undefined) line += this.#pool.of(target.pool.pool.name)
    if (backend !== undefined) line += this.#backend.of(backend.name)
    if (exchange.times !== undefined) line += `,"attempts":${exchange.retries + 1}`
    if (exchange.retries !== 0) line += `,"retries":${exchange.retries}`
    if (cacheStatus !== '') line += `,"cache":${jsonText(cacheStatus)}`
    line += `,"bytesIn":${exchange.bytesIn},"bytesOut":${exchange.bytesOut},"ms":${hundredthsText(durationMs)}${timesOf(exchange)}`
    const agent = request.headers.first('user-agent')
    if (agent !== undefined) line += this.#agent.of(agent)
    const referer = fieldValues.referer(exchange)
    if (referer !== undefined) line += `,"referer":${jsonText(referer)}`
    line += `,"requestId":"${exchange.requestId}"`
    if (identity !== undefined) line += `,"user":${jsonText(identity.name)}`
    if (logFields !== undefined) line += `,${asciiJson(JSON.stringify(logFields)).slice(1, -1)}`
    return line
  }
}

/** A field whose text is mostly the same as the last time. */
class RepeatedField {
  readonly #begin: string
  #text = ''
  #json: string

  constructor(name: string) {
    this.#begin = `,"${name}":`
    this.#json = `${this.#begin}""`
  }

  of(text: string): string {
    if (text !== this.#text) {
      this.#text = text
      this.#json = flat(this.#begin + jsonText(shortened(text)))
    }
    return this.#json
  }
}

function timesOf({ times, startedAt }: Exchange): string {
  if (times === undefined) return ''
  let text = times.queueMs === 0 ? '' : `,"queueMs":${hundredthsText(times.queueMs)}`
  if (times.connectMs >= 0) text += `,"connectMs":${hundredthsText(times.connectMs)}`
  if (times.answeredAt !== 0) text += `,"firstByteMs":${hundredthsText(times.answeredAt - startedAt)}`
  return text
}
