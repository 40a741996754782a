import { definePlugin, listOf, mapping, size, text, UNKNOWN_LENGTH } from 'fourseven/plugin'

/**
 * Takes names out of JSON that clients send, at any depth (`role`, `isAdmin`: what a backend would take over unseen), and lets
 * through nothing that is no JSON. The whole body is held meanwhile, up to `maxBytes`. What goes on is written anew: once per name,
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
    const parts: Buffer[] = []
    let bytes = 0
    head.length = UNKNOWN_LENGTH
    return {
      write(buffer, start, end) {
        bytes += end - start
        if (bytes > keys.maxBytes) refuse(exchange, { code: 'LB_BODY_TOO_LARGE', reason: 'json: maxBytes' })
        // The buffer is valid during the call only.
        else parts.push(Buffer.from(buffer.subarray(start, end)))
        return true
      },
      end() {
        let json: string
        try {
          const sent = new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(parts))
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
