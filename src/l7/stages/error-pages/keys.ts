import { z } from 'zod'
import { leaf, mapping, Refusal, type LeafIssue } from '../../../config/schema/leaf/leaf.ts'
import { flag, on, text } from '../../../config/schema/leaf/leaves.ts'
import { stageKeys } from '../stage-keys.ts'

/** Largest page in bytes. */
export const MAX_PAGE = 262_144

function key() {
  return leaf<string, string>(
    'a status such as 503, a class such as 5xx, or backend',
    { title: 'status' },
    (input) =>
      /^(?:[45](?:\d\d|xx)|backend)$/.test(String(input))
        ? String(input)
        : new Refusal({ cure: keyCure(String(input)) })
  )
}

function keyCure(written: string): string | undefined {
  if (/^[45](?:\d|0)x$/i.test(written)) return `write ${written[0]}xx`
  const several = written.split(/[\s,|]+/).filter((each) => /^[45]\d\d$/.test(each))
  if (several.length > 1)
    return `each status is a key of its own: { ${several.map((each) => `${each}: PAGE`).join(', ')} }`
  const range = /^([45])\d\d\s*-\s*([45])\d\d$/.exec(written)
  if (range !== null)
    return range[1] === range[2] ? `write ${range[1]}xx` : 'write 4xx and 5xx, each as a key'
  return /^(?:default|all|any|\*)$/i.test(written) ? 'write 4xx and 5xx, each as a key' : undefined
}

const BUILT_IN = 'errors without a page of their own get the built-in one; take it out'

const page = mapping({
  body: text('the text of a page', { min: 0, max: MAX_PAGE, lines: true })
    .optional()
    .describe('Text with `{status}`, `{reason}`, `{requestId}` and `{host}`, which are escaped.'),
  file: text('the path of a page')
    .optional()
    .describe('File to use instead of `body`; read again when it changes. A path alone means this.'),
  type: text('a media type such as text/html', { max: 128 })
    .prefault('text/html; charset=utf-8')
    .describe('Content-Type.')
})

const pages = z
  .record(
    key(),
    z
      .union([flag(), page])
      .describe(
        "A file (`./sorry.html`, relative to this one), or `{ body, type }`. Of `backend`: `true`, for backends' errors too."
      )
  )
  .superRefine((value, context) => {
    for (const [status, one] of Object.entries(value)) {
      // The content of a file has been read into `body` already.
      const whole = typeof one !== 'boolean' && one.body !== undefined
      if (status === 'backend' ? typeof one === 'boolean' : whole) continue
      const expected = status === 'backend' ? 'true or false' : 'a file or { body, type }'
      const cure = status !== 'backend' && one === true ? BUILT_IN : undefined
      const params: LeafIssue = { leaf: true, expected, ...(cure !== undefined && { cure }) }
      context.addIssue({ code: 'custom', path: [status], message: expected, params: { ...params } })
    }
  })

/** `errorPages: ./pages` does not say which file is for which status. */
function builtIn() {
  return leaf<true, true>('true', { const: true }, (input) => {
    const read = on().safeParse(input)
    if (read.success) return true
    if (typeof input !== 'string' || !/[./]/.test(input)) return new Refusal({})
    const [status, file] = /\.\w+$/.test(input)
      ? ['5xx', input]
      : ['404', `${input.replace(/\/$/, '')}/404.html`]
    return new Refusal({ cure: `say for which errors: { ${status}: "${file}" }` })
  })
}

export const errorPagesKeys = stageKeys({
  words:
    'Pages for errors, by status or class; `true`: the built-in page. Clients that prefer JSON get JSON.',
  schema: z.union([builtIn(), pages]).transform((value) => (value === true ? {} : value))
})

export type ErrorPagesKeys = z.output<typeof errorPagesKeys.schema>
export type PageKeys = z.output<typeof page>
