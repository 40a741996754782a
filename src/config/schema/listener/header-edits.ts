import { isToken } from '../../../core/latin1.ts'
import { z } from 'zod'
import { listOf, mapping } from '../leaf/leaf.ts'
import { text } from '../leaf/leaves.ts'
import { fieldValue } from '../leaf/network-leaves.ts'

/** Fields that frame a message: `lb` sets them itself, whatever the configuration says. */
const FRAMING = [
  'connection',
  'content-length',
  'keep-alive',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade'
]

/** `hostToo`: only `set` may name Host, since a request has exactly one (RFC 9112 §3.2). */
export function editedField({ hostToo = false } = {}) {
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
      if (!FRAMING.includes(value.toLowerCase())) return undefined
      return `"${value}" frames the message and is written by lb itself; it cannot be edited`
    }
  })
}

function edits(side: string) {
  return mapping(
    {
      set: z
        .record(editedField({ hostToo: true }), fieldValue())
        .prefault({})
        .describe('Fields to set, replacing those with the same name.'),
      add: z.record(editedField(), fieldValue()).prefault({}).describe('Fields to add after existing ones.'),
      remove: listOf(editedField(), { max: 100 }).prefault([]).describe('Fields to remove.')
    },
    {
      example: '{ set: { X-A: b } }',
      unknown: (key) => (/^[\w-]+$/.test(key) ? `; to write a field: { set: { ${key}: … } }` : undefined)
    }
  )
    .prefault({})
    .describe(`Edits of the ${side}: first \`remove\`, then \`set\`, then \`add\`.`)
}

export const headersSchema = mapping(
  { request: edits('request'), response: edits('response') },
  {
    example: '{ request: { set: { X-A: b } } }',
    elsewhere: Object.fromEntries(
      ['set', 'add', 'remove'].map((key) => [
        key,
        `belongs under \`request\` or \`response\`: { request: { ${key}: … } }`
      ])
    ),
    unknown: (key) =>
      /^[A-Za-z][\w]*-[\w-]+$|^(?:Server|Host|Authorization|Cookie|Vary|Expires)$/.test(key)
        ? `; it goes to one of the sides: { request: { set: { ${key}: … } } } or { response: { set: { ${key}: … } } }`
        : customHeaders(key)
  }
)

function customHeaders(key: string): string | undefined {
  const side = /^custom(request|response)headers$/i.exec(key)?.[1]?.toLowerCase()
  return side === undefined ? undefined : `; here it is \`${side}: { set: { NAME: value } }\``
}

export type HeadersInput = z.output<typeof headersSchema>
