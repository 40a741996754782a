import {
  cookieValue,
  definePlugin,
  fieldName,
  mapping,
  percent,
  type PluginExchange,
  text
} from 'fourseven/plugin'

/** Who was put into the group just now: the answer is to say so. */
const chosen = new WeakMap<PluginExchange, string>()

/** Sends a share of visitors to another pool, and keeps each where he is by a cookie. */
export default definePlugin({
  name: 'ab',
  after: 'destination',
  words: 'A/B test: a share of visitors gets another pool.',
  keys: mapping({
    cookie: fieldName().prefault('ab').describe('Cookie that remembers the group.'),
    share: percent({ example: '10%' }).prefault('50%').describe('Of visitors in group b.'),
    pool: text('the name of a pool').describe('Pool of group b.')
  }),

  compile({ keys, pool, counter }) {
    // Looked up once: a pool that is not there is an error of the configuration.
    const target = pool(keys.pool)
    return {
      request(exchange) {
        let group = cookieValue(exchange.request.headers.get('cookie'), keys.cookie)
        if (group !== 'a' && group !== 'b') {
          group = Math.random() < keys.share ? 'b' : 'a'
          chosen.set(exchange, group)
        }
        if (group === 'b') exchange.target = target
        counter(`group-${group}`).add()
        exchange.addLogField('ab', group)
      },

      response(exchange, head) {
        const group = chosen.get(exchange)
        if (group !== undefined)
          head.headers.append('Set-Cookie', `${keys.cookie}=${group}; Path=/; HttpOnly; SameSite=Lax`)
      }
    }
  }
})
