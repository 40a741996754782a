import { setTimeout as after } from 'node:timers/promises'
import { definePlugin } from 'fourseven/plugin'

/** Does what no plugin may, with the requests that ask for it. */
export default definePlugin({
  name: 'nonsense',
  before: 'csrf',
  timeout: '1s',
  words: 'Does what it must not.',
  request(exchange): Promise<void> | undefined {
    switch (exchange.request.headers.get('x-nonsense')) {
      case 'throw':
        throw new Error('nonsense on purpose')
      case 'reject':
        return after(5).then(() => {
          throw new Error('nonsense on purpose')
        })
      case 'reject nothing':
        return Promise.reject(undefined as unknown as Error)
      case 'split':
        exchange.setRequestField('X-Split', 'a\r\nX-Plan: {}')
        return undefined
      case 'path':
        exchange.forwardPath = '/a b HTTP/1.1\r\nX: y'
        return undefined
      case 'late':
        return after(20).then(() => undefined)
      case 'never':
        return new Promise(() => {})
      default:
        return undefined
    }
  },
  response(exchange, head) {
    switch (exchange.request.headers.get('x-nonsense')) {
      case 'throw behind':
        throw new Error('nonsense on purpose')
      case 'length':
        head.headers.set('Content-Length', '1')
        return
      case 'split behind':
        head.headers.set('X-Split', 'a\r\n\r\nb')
        return
      case 'async behind':
        return Promise.reject(new Error('nonsense on purpose')) as unknown as void
    }
  },
  body(exchange, _head, output) {
    const asked = exchange.request.headers.get('x-nonsense')
    if (asked === 'throw in the body') {
      return {
        write: () => {
          throw new Error('nonsense on purpose')
        },
        end: (trailers) => output.end(trailers)
      }
    }
    if (asked === 'no transform') return 7 as never
    return undefined
  },
  done(exchange) {
    if (exchange.request.headers.get('x-nonsense') === 'throw when done')
      throw new Error('nonsense on purpose')
  }
})
