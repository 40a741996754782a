import type { BodyOutput, BodyTransform } from '../../exchange/body-chain.ts'
import type { Exchange } from '../../exchange/exchange.ts'
import type { ResponseHead } from '../../exchange/response/response-head.ts'
import { NO_BODY, UNKNOWN_LENGTH } from '../../message/body-length.ts'
import type { Counter } from '../../../core/metrics/metrics.ts'
import type { Stage } from '../stage.ts'
import type { StageContext } from '../stage-context.ts'
import { CodingChoice, type Coding } from './accept-encoding.ts'
import { addVary, markEncoded, weakenTag } from './encoded-fields.ts'
import { compressStream, compressWhole, flushKind, supported, type Levels } from './encoders.ts'
import type { CompressKeys } from './keys.ts'
import { isEventStream, MediaTypes } from './media-types.ts'
import { StreamEncoder } from './stream-encoder.ts'
import { VariantCopy } from './variant-copy.ts'
import { Variants } from './variants.ts'
import { WholeEncoder } from './whole-encoder.ts'

/** Bodies up to here are compressed at once, on this thread: the way to another costs more. */
const WHOLE_BYTES = 64 * 1024

/** Of this thread. */
const variants = new Variants()

/** Compresses bodies for clients that accept it; what lies in the cache once per coding. */
class Compress implements Stage {
  readonly name = 'compress'
  readonly #choice: CodingChoice
  readonly #types: MediaTypes
  readonly #minBytes: number
  readonly #levels: Levels
  readonly #counters = new Map<Coding, Counter>()
  readonly #counterOf: (coding: Coding) => Counter

  constructor(keys: CompressKeys, { engine, listener, route }: StageContext) {
    this.#choice = new CodingChoice(keys.algorithms.filter(supported))
    this.#types = new MediaTypes(keys.types)
    this.#minBytes = keys.minBytes
    this.#levels = keys.levels
    const labels = { listener: listener.name, route: route?.name ?? '' }
    this.#counterOf = (coding) =>
      engine.metrics.counter('lb_compressed_responses_total', { ...labels, coding })
  }

  response(exchange: Exchange, head: ResponseHead): void {
    const { status, headers } = head
    const coding = this.#choice.of(exchange.request.headers.get('accept-encoding'))
    if (status === 304) return notModified(exchange, head, coding)
    if (!hasRepresentation(status) || head.length === 0) return
    const { stored } = head
    if (stored !== undefined && coding !== undefined && this.#sendVariant(exchange, head, stored, coding))
      return
    if (!this.#compressible(head)) return
    addVary(headers, 'Accept-Encoding')
    if (coding === undefined || secretAcrossSites(exchange)) return
    const bodiless = head.length === NO_BODY || exchange.request.method === 'HEAD'
    const { whole } = head
    if (!bodiless && whole !== undefined && whole.length <= WHOLE_BYTES) {
      const bytes = this.#worthwhile(coding, whole)
      if (bytes === undefined) {
        if (stored !== undefined) variants.add(stored, this, coding, undefined)
        return
      }
      markEncoded(headers, coding)
      if (stored === undefined) head.substitute(bytes)
      else {
        const variant = variants.add(stored, this, coding, bytes)
        head.substitute(bytes, variant.text)
      }
      this.#count(coding)
      return
    }
    markEncoded(headers, coding)
    if (bodiless) {
      head.length = NO_BODY
      return
    }
    head.coding = coding
    head.identityLength = head.length
    head.length = UNKNOWN_LENGTH
    this.#count(coding)
  }

  body(exchange: Exchange, head: ResponseHead, output: BodyOutput): BodyTransform | undefined {
    const coding = head.coding as Coding | undefined
    if (coding === undefined) return undefined
    const { identityLength, stored } = head
    const levels = this.#levels
    if (identityLength >= 0 && identityLength <= WHOLE_BYTES && stored === undefined) {
      return new WholeEncoder(identityLength, (bytes) => compressWhole(coding, bytes, levels), output)
    }
    const events = isEventStream(head.headers.first('content-type') ?? '')
    return new StreamEncoder({
      compressor: compressStream(coding, levels, identityLength, events),
      flushKind: flushKind(coding),
      events,
      clock: exchange.context.clock,
      owner: exchange,
      output,
      copy:
        stored === undefined
          ? undefined
          : new VariantCopy((bytes) => variants.add(stored, this, coding, bytes))
    })
  }

  /** True: the answer is ready, since this entry has been encoded before. */
  #sendVariant(exchange: Exchange, head: ResponseHead, stored: object, coding: Coding): boolean {
    const variant = variants.get(stored, this, coding)
    if (variant === undefined || exchange.request.method === 'HEAD') return false
    const { headers } = head
    if (variant.bytes === undefined) {
      addVary(headers, 'Accept-Encoding')
      return true
    }
    if (secretAcrossSites(exchange)) return false
    if (variant.fieldsBefore !== headers.text) {
      variant.fieldsBefore = headers.text
      addVary(headers, 'Accept-Encoding')
      markEncoded(headers, coding)
      variant.fieldsAfter = headers.text
    } else headers.text = variant.fieldsAfter
    head.substitute(variant.bytes, variant.text)
    this.#count(coding)
    return true
  }

  #worthwhile(coding: Coding, whole: Buffer): Buffer | undefined {
    const bytes = compressWhole(coding, whole, this.#levels)
    return bytes.length < whole.length ? bytes : undefined
  }

  /** Whether this response may go out compressed to anybody. */
  #compressible(head: ResponseHead): boolean {
    const { headers, length } = head
    if (length >= 0 && length < this.#minBytes) return false
    const type = headers.first('content-type')
    if (type === undefined || !this.#types.has(type)) return false
    if (headers.has('content-encoding') || headers.has('content-range')) return false
    const control = headers.get('cache-control')
    return control === undefined || !/(?:^|,)\s*no-transform\s*(?:,|$)/i.test(control)
  }

  #count(coding: Coding): void {
    let counter = this.#counters.get(coding)
    if (counter === undefined) this.#counters.set(coding, (counter = this.#counterOf(coding)))
    counter.add()
  }
}

/** Not those without a body, with a part of one, or with what is no representation. */
function hasRepresentation(status: number): boolean {
  return status >= 200 && status !== 204 && status !== 205 && status !== 206 && status !== 226
}

/** A client whose copy is an encoded one is told of it by the same tag. */
function notModified(exchange: Exchange, { headers }: ResponseHead, coding: Coding | undefined): void {
  const tag = headers.first('etag')
  if (coding === undefined || tag === undefined || tag.startsWith('W/')) return
  if (exchange.request.headers.get('if-none-match')?.includes(`W/${tag}`) !== true) return
  weakenTag(headers)
  addVary(headers, 'Accept-Encoding')
}

/**
 * A page of another site can have requests made with the user's cookie and guess at what is in the answer by its length
 * (BREACH): those answers keep theirs.
 */
function secretAcrossSites({ request }: Exchange): boolean {
  const site = request.headers.first('sec-fetch-site')
  if (site !== 'cross-site') return false
  return request.headers.has('cookie') || request.headers.has('authorization')
}

export function compile(keys: CompressKeys, context: StageContext): Stage {
  return new Compress(keys, context)
}
