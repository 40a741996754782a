import { z } from 'zod'
import { editedField } from '../leaf/edited-field.ts'
import { listOf, mapping } from '../leaf/leaf.ts'
import { fieldValue } from '../leaf/network-leaves.ts'

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
      unknown: (key) =>
        /^[\w-]+$/.test(key) && !/^(?:replace|overwrite|update|override|modify)$/i.test(key)
          ? `; to write a field: { set: { ${key}: … } }`
          : undefined
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
