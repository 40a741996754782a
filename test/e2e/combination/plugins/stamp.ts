import { definePlugin } from 'fourseven/plugin'

/** Says of each answer of a backend that it has been here. */
export default definePlugin({
  name: 'stamp',
  before: 'csrf',
  words: 'Stamps requests and answers.',
  request(exchange) {
    exchange.setRequestField('X-Stamp', 'asked')
  },
  response(_exchange, head) {
    head.headers.set('X-Stamp', 'answered')
  }
})
