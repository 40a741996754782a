import { z } from 'zod'
import { listOf, mapping } from '../../../config/schema/leaf/leaf.ts'
import { flag, integer, on, size, text, word } from '../../../config/schema/leaf/leaves.ts'
import { firstOf, loneList, loneText } from '../../../config/schema/leaf/lone.ts'
import { stageKeys } from '../stage-keys.ts'
import { defaultTypes } from './media-types.ts'

function mediaRange() {
  return text('a media type such as application/json, or text/*', {
    max: 128,
    json: { title: 'media type' },
    reject: (value) =>
      /^[\w.+-]+\/(?:[\w.+-]+|\*)$/.test(value)
        ? undefined
        : `"${value}" is not a media type; write text/html, or text/* for all texts`
  })
}

/** `gzip, br`, as one text. */
function severalCodings(value: unknown): string | undefined {
  const words = typeof value === 'string' ? value.split(/[\s,;|+]+/).filter((word) => word !== '') : []
  return words.length > 1 && words.every((word) => /^(?:gzip|br|brotli|zstd|deflate)$/.test(word))
    ? `did you mean { algorithms: [${words.map((word) => (word === 'brotli' ? 'br' : word)).join(', ')}] }?`
    : undefined
}

const algorithms = ['zstd', 'br', 'gzip', 'deflate'] as const

/** Names of codings in other programs. */
const foreignCodings = new Map([
  ['brotli', 'write br'],
  ['zstandard', 'write zstd'],
  ['gz', 'write gzip']
])

const levels = mapping({
  zstd: integer(1, 9).prefault(1).describe('1 to 3 are best for compressing while the response is sent.'),
  br: integer(1, 9).prefault(4).describe('3 or 4 are best for compressing while the response is sent.'),
  gzip: integer(1, 9).prefault(4).describe('For gzip and deflate.')
})

const own = mapping(
  {
    algorithms: listOf(word(algorithms, foreignCodings), { min: 1, max: 4 })
      .prefault([...algorithms])
      .describe('Codings to use, in order of preference where the client has none.'),
    types: listOf(mediaRange(), { min: 1, max: 64 })
      .prefault([...defaultTypes])
      .describe(
        'Media types to compress; `text/*` is all text types but `text/event-stream`, which has to be named and is then flushed per event.'
      ),
    minBytes: size({ min: 1, max: 2 ** 30, example: '1kb' })
      .prefault('1kb')
      .describe('Shorter bodies are not compressed.'),
    dictionary: flag()
      .prefault(false)
      .describe(
        'Stored bodies serve browsers as dictionaries for what replaces them (RFC 9842, `dcz`): over TLS, where the route has a cache.'
      ),
    levels: levels.prefault({}).describe('Compression level of each coding.')
  },
  {
    lone: firstOf(loneText('algorithms', /^(gzip|br|zstd|deflate)$/), loneList('algorithms'), (value) =>
      value === 'brotli' ? 'did you mean { algorithms: br }?' : severalCodings(value)
    )
  }
)

export const compressKeys = stageKeys({
  words: 'Compresses responses for clients that accept it; `true`: all defaults.',
  schema: z.union([on(), own]).transform((value) => (value === true ? own.parse({}) : value))
})

export type CompressKeys = z.output<typeof compressKeys.schema>
