import type { BodyOutput, BodyTransform } from 'fourseven/plugin'

/** Pieces that wait here at most, until the body's source has to wait. */
const MOST = 4

/** Each octet of a body with some of its bits turned, some time after it came; twice gives what it was. */
export function turning(output: BodyOutput): BodyTransform {
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
