import { definePlugin, listOf, mapping, size, text, UNKNOWN_LENGTH } from 'fourseven/plugin'

/**
 * Takes names out of JSON that clients send, at any depth (`role`, `isAdmin`: what a backend would take over unseen). What says
 * that it is JSON and is none is refused; what does not say so passes as it is. The whole body is held meanwhile, up to `maxBytes`. What goes on is written anew: once per name,
 * without white space, integers beyond 2^53 rounded.
 */
export default definePlugin({
  name: 'json',
  // Behind `decompress` and what limits and authenticates.
  before: 'mirror',
  words: 'Takes names out of JSON that clients send.',
  keys: mapping({
    drop: listOf(text('the name of a member')).describe('Names that backends do not get.'),
    maxBytes: size({ min: 1024, max: 16_777_216, example: '1mb' }).prefault('1mb').describe('Longest body.')
  }),

  requestBody(exchange, head, output, { keys, refuse }) {
    if (
      !/^application\/(?:[\w.-]+\+)?json\s*(?:;|$)/i.test(exchange.request.headers.get('content-type') ?? '')
    )
      return undefined
    if (head.coding !== undefined) {
      refuse(exchange, { code: 'LB_MEDIA_TYPE', reason: `json cannot read ${head.coding}` })
      return undefined
    }
    // One block that grows: a piece for each chunk of a client that sends single octets would take a hundred times as much.
    let held = Buffer.alloc(0)
    let bytes = 0
    head.length = UNKNOWN_LENGTH
    return {
      write(buffer, start, end) {
        const needed = bytes + end - start
        if (needed > keys.maxBytes) {
          refuse(exchange, { code: 'LB_BODY_TOO_LARGE', reason: 'json: maxBytes' })
          return true
        }
        if (needed > held.length) {
          const before = held
          held = Buffer.allocUnsafe(Math.min(keys.maxBytes, Math.max(2 * needed, 4096)))
          before.copy(held, 0, 0, bytes)
        }
        // The buffer is valid during the call only.
        buffer.copy(held, bytes, start, end)
        bytes = needed
        return true
      },
      end() {
        let json: string
        try {
          const sent = new TextDecoder('utf-8', { fatal: true }).decode(held.subarray(0, bytes))
          const value: unknown = JSON.parse(sent, (name, member: unknown) =>
            keys.drop.includes(name) ? undefined : member
          )
          json = JSON.stringify(value) ?? 'null'
        } catch {
          return output.fail(new Error('no JSON'))
        }
        output.write(Buffer.from(json))
        output.end('')
      }
    }
  }
})
