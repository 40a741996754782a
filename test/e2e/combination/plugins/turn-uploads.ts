import { definePlugin, UNKNOWN_LENGTH } from 'fourseven/plugin'

/** Pieces that wait here at most, until the client has to wait. */
const MOST = 4

/** Turns the bits of uploads for those who ask for it, some time after they came; the origin turns them back. */
export default definePlugin({
  name: 'turn-uploads',
  after: 'decompress',
  words: 'Turns the bits of uploads.',
  requestBody(exchange, head, output) {
    const asked = exchange.request.headers.get('x-turn-upload')
    if (asked === undefined) return undefined
    exchange.setRequestField('X-Turned-Upload', 'yes')
    if (asked === 'chunked') head.length = UNKNOWN_LENGTH
    const waiting: Buffer[] = []
    let last: string | undefined
    let flows = true
    let full = false
    let over = false
    let later: NodeJS.Immediate | undefined
    const put = (): void => {
      later = undefined
      while (flows && !over && waiting.length > 0) flows = output.write(waiting.shift()!)
      if (over || waiting.length > 0) return
      if (last !== undefined) {
        over = true
        output.end(last)
      } else if (full) {
        full = false
        output.ready()
      }
    }
    const soon = (): void => void (later ??= setImmediate(put))
    return {
      write(buffer, start, end) {
        waiting.push(Buffer.from(buffer.subarray(start, end)).map((octet) => octet ^ 0x5a) as Buffer)
        soon()
        full = waiting.length >= MOST
        return !full
      },
      end(trailers) {
        last = trailers
        soon()
      },
      onDrain() {
        flows = true
        soon()
      },
      abort() {
        over = true
      }
    }
  }
})
