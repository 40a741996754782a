import { definePlugin } from 'fourseven/plugin'
import { turning } from './turning.ts'

/** Turns the bits of answers for those who ask for it. */
export default definePlugin({
  name: 'turn',
  before: 'csrf',
  words: 'Turns the bits of answers.',
  body(exchange, head, output) {
    if (exchange.request.headers.get('x-turn') === undefined) return undefined
    head.headers.set('X-Turned', 'yes')
    return turning(output)
  }
})
