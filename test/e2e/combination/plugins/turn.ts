import { definePlugin } from 'fourseven/plugin'

/** Each octet of a body with some of its bits turned; twice gives what it was. */
function turned(bytes: Buffer): Buffer {
  return bytes.map((octet) => octet ^ 0x5a) as Buffer
}

/** Pieces that wait here at most, until the answer's source has to wait. */
const MOST = 4

/** Turns the bits of answers for those who ask for it, some time after they came. */
export default definePlugin({
  name: 'turn',
  before: 'csrf',
  words: 'Turns the bits of answers.',
  body(exchange, head, output) {
    if (exchange.request.headers.get('x-turn') === undefined) return undefined
    head.headers.set('X-Turned', 'yes')
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
        waiting.push(turned(Buffer.from(buffer.subarray(start, end))))
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
