import { definePlugin, UNKNOWN_LENGTH } from 'fourseven/plugin'
import { turning } from './turning.ts'

/** Turns the bits of uploads for those who ask for it; the origin turns them back. */
export default definePlugin({
  name: 'turn-uploads',
  after: 'decompress',
  words: 'Turns the bits of uploads.',
  requestBody(exchange, head, output) {
    const asked = exchange.request.headers.get('x-turn-upload')
    if (asked === undefined) return undefined
    exchange.setRequestField('X-Turned-Upload', 'yes')
    if (asked === 'chunked') head.length = UNKNOWN_LENGTH
    return turning(output)
  }
})
