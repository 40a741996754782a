import { createHmac, createSecretKey } from 'node:crypto'
import { definePlugin, mapping, secret, text } from 'fourseven/plugin'

/** Signs what goes to a backend, so that it takes requests from nobody else: HMAC-SHA-256 over method, target, host and time. */
export default definePlugin({
  name: 'signing',
  after: 'request-edits',
  words: 'Signs requests to backends.',
  keys: mapping({
    key: secret().describe('Shared with the backends.'),
    id: text('the name of the key').prefault('lb').describe('Which key it is, while keys are changed.')
  }),

  compile({ keys }) {
    const key = createSecretKey(keys.key, 'utf8')
    return {
      owns: ['signature', 'signature-date'],

      forward(_exchange, head) {
        const date = new Date().toUTCString()
        const signature = createHmac('sha256', key)
          .update(`${head.method} ${head.target}\n${head.host}\n${date}`)
          .digest('base64')
        head.headers.set('Signature-Date', date)
        head.headers.set('Signature', `keyid="${keys.id}", signature="${signature}"`)
      }
    }
  }
})
