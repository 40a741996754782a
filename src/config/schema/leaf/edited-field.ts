import { isToken } from '../../../core/latin1.ts'
import { FRAMING_FIELDS } from '../../model/framing-fields.ts'
import { text } from './leaves.ts'

/**
 * `hostToo`: only `set` may name Host, since a request has exactly one (RFC 9112 §3.2). `whyNot`: says what else is wrong
 * with a name in lower case.
 */
export function editedField({
  hostToo = false,
  whyNot = () => undefined
}: { hostToo?: boolean; whyNot?: (name: string) => string | undefined } = {}) {
  return text('a field name such as X-Tenant', {
    json: { title: 'field name' },
    max: 128,
    reject(value) {
      // Caddy's marks.
      if (/^[-+>?][A-Za-z]/.test(value))
        return value.startsWith('-')
          ? `to remove a field name it under \`remove\`: remove: [${value.slice(1)}]`
          : `write the name alone, under \`${value.startsWith('+') ? 'add' : 'set'}\`: ${value.slice(1)}`
      if (!isToken(value)) {
        const meant = value.trim().replaceAll(/\s+/g, '-').replace(/:.*$/, '')
        const cure = /^[\w-]+$/.test(meant) ? `did you mean "${meant}"?` : 'use letters, digits and dashes'
        return `"${value}" is not a field name; ${cure}`
      }
      if (!hostToo && value.toLowerCase() === 'host') {
        return 'a request has exactly one Host: to change it, put it under `set`'
      }
      if (!FRAMING_FIELDS.has(value.toLowerCase())) return whyNot(value.toLowerCase())
      return `"${value}" frames the message and is written by lb itself; it cannot be edited`
    }
  })
}
