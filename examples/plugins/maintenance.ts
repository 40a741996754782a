import { answer, definePlugin, listOf, mapping, text } from 'fourseven/plugin'

/** A point of time as the file has it, in milliseconds. */
function time() {
  return text('a time such as "2026-12-01T02:00:00Z"', {
    reject: (value) => (Number.isNaN(Date.parse(value)) ? `"${value}" is no time` : undefined)
  })
}

/** Answers 503 from one time to another, to all but those who maintain. */
export default definePlugin({
  name: 'maintenance',
  before: 'csrf',
  words: 'A window of time in which all but some are answered 503.',
  keys: mapping({
    from: time().describe('When it begins.'),
    until: time().describe('When it ends.'),
    except: listOf(text('an address')).prefault([]).describe('Clients that come through.')
  }),

  compile({ keys, counter }) {
    const from = Date.parse(keys.from)
    const until = Date.parse(keys.until)
    const except = new Set(keys.except)
    return {
      request(exchange) {
        const now = Date.now()
        if (now < from || now >= until || except.has(exchange.clientIp)) return undefined
        counter('answered').add()
        return answer(exchange, {
          status: 503,
          headers: { 'Retry-After': String(Math.ceil((until - now) / 1e3)), 'Cache-Control': 'no-store' },
          body: 'We are back soon.\n'
        })
      }
    }
  }
})
