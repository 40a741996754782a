import { defaults } from '../../defaults.ts'
import { listOf, mapping } from '../leaf/leaf.ts'
import { integer, size, text } from '../leaf/leaves.ts'
import { firstOf, loneNumber, loneText } from '../leaf/lone.ts'
import { method } from '../leaf/network-leaves.ts'

const limitTexts = {
  headBytes: 'Size of request line and fields together; over it: 431.',
  headerCount: 'Number of fields; over it: 431.',
  urlBytes: 'Length of the request target; over it: 414.'
}
const headBytes = () => size({ min: 256, max: 1024 ** 2, example: '16kb' })
const headerCount = () => integer(1, 10_000)
const urlBytes = () => size({ min: 16, max: 1024 ** 2, example: '8kb' })

const requestLimits = {
  bodyBytes: size({ example: '10mb' })
    .optional()
    .describe('Length of the body; over it: 413. Left out: no limit.'),
  methods: listOf(method({ named: true }), { min: 1, max: 50 })
    .optional()
    .describe('Allowed methods; others: 405. Left out: any.'),
  contentTypes: listOf(
    text('a media type such as application/json', {
      max: 128,
      reject: (value) =>
        value.includes('/')
          ? undefined
          : `"${value}" is no media type; write application/${value}, or text/${value}`
    }),
    { min: 1, max: 100 }
  )
    .optional()
    .describe('Allowed media types of request bodies; others: 415. Left out: any.')
}

/** A limit without a key usually means the body. */
const loneLimit = { lone: firstOf(loneText('bodyBytes', /^\d/), loneNumber('bodyBytes')) }

export const listenerLimits = mapping(
  {
    headBytes: headBytes().prefault(defaults.listener.limits.headBytes).describe(limitTexts.headBytes),
    headerCount: headerCount()
      .prefault(defaults.listener.limits.headerCount)
      .describe(limitTexts.headerCount),
    urlBytes: urlBytes().prefault(defaults.listener.limits.urlBytes).describe(limitTexts.urlBytes),
    ...requestLimits
  },
  loneLimit
)

export const routeLimits = mapping(
  {
    headBytes: headBytes().optional().describe(limitTexts.headBytes),
    headerCount: headerCount().optional().describe(limitTexts.headerCount),
    urlBytes: urlBytes().optional().describe(limitTexts.urlBytes),
    ...requestLimits
  },
  loneLimit
)
