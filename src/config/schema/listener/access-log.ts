import { z } from 'zod'
import { defaults } from '../../defaults.ts'
import { ACCESS_FIELDS } from '../../model/access-log-model.ts'
import { listOf, mapping } from '../leaf/leaf.ts'
import { decimal, duration, flag, word } from '../leaf/leaves.ts'
import { firstOf, loneList, loneText } from '../leaf/lone.ts'
import { logPlace } from './log-place.ts'

const { accessLog } = defaults.listener

/** Of names that nobody needs to choose. */
export const ALWAYS_THERE = 'take it out: time, level and message stand on every line'

/** Names of the fields in other programs. */
const foreignFields = new Map<string, string>(
  Object.entries({
    client: ['remoteaddr', 'ip', 'clientip'],
    ms: ['timetotal', 'requesttime', 'duration'],
    backend: ['upstream', 'upstreamaddr'],
    connectMs: ['upstreamconnecttime'],
    firstByteMs: ['upstreamheadertime'],
    userAgent: ['httpuseragent', 'useragent'],
    referer: ['httpreferer'],
    target: ['uri', 'path', 'requesturi'],
    bytesOut: ['bodybytessent', 'bytes'],
    requestId: ['requestid'],
    user: ['remoteuser']
  }).flatMap(([field, words]) => words.map((word) => [word, `here it is ${field}`] as const))
)
for (const added of ['grpcstatus', 'clientcert', 'fault', 'auth', 'wouldrefuse', 'plugin']) {
  foreignFields.set(added, 'take it out: what a stage adds is always on the line, whatever `fields` says')
}

for (const given of [
  'time',
  'timestamp',
  'timelocal',
  'timeiso8601',
  'ts',
  'level',
  'severity',
  'msg',
  'message'
]) {
  foreignFields.set(given, ALWAYS_THERE)
}

const foreignFormats = new Map([
  ['console', 'write json'],
  ['text', 'write json'],
  ['logfmt', 'write json'],
  ['structured', 'write json'],
  ['common', 'here it is clf'],
  ['ncsa', 'here it is clf'],
  ['apache', 'here it is combined'],
  ['nginx', 'here it is combined'],
  ['tcplog', 'write json; lines of TCP connections are the access log of `mode: l4`'],
  ['httplog', 'write json'],
  ['main', 'here it is combined']
])

/** nginx's `log_format`, HAProxy's `log-format`, httpd's `LogFormat`. */
function formatString(written: string): string | undefined {
  return /[$%{]/.test(written)
    ? 'lines have no format of their own; `fields: [client, method, target, status, ms]` chooses what stands in them'
    : undefined
}

/** nginx's `access_log FILE FORMAT buffer=32k`, httpd's `CustomLog FILE FORMAT`. */
function fileAndFormat(value: unknown): string | undefined {
  const [file, format] = typeof value === 'string' ? value.trim().split(/\s+/) : []
  if (file === undefined || format === undefined || !/[./]/.test(file)) return undefined
  const known = /^(?:clf|combined|json)$/.test(format)
    ? format
    : /^(?:clf|combined)$/.exec(foreignFormats.get(format.toLowerCase())?.split(' ').at(-1) ?? '')?.[0]
  return `did you mean { file: "${file}"${known === undefined ? '' : `, format: ${known}`} }?`
}

export const accessLogSchema = z
  .union([
    flag(),
    mapping(
      {
        slow: duration({ example: '2s' }).optional().describe('What takes longer is logged as a warning.'),
        sample: decimal(0, 1)
          .prefault(accessLog.sample)
          .describe('Share of exchanges to log; failures and slow ones are always logged.'),
        fields: listOf(word(ACCESS_FIELDS, foreignFields), { min: 1, max: 100 })
          .optional()
          .describe(
            'Fields to log, in this order, besides `level`, `time`, `msg` and those that stages add; left out: all. Only with `format: json`.'
          ),
        format: word(['json', 'clf', 'combined'], foreignFormats, formatString)
          .prefault(accessLog.format)
          .describe(
            'JSON, or the formats of httpd and nginx: `clf` is their `common`, `combined` adds referer and user agent.'
          ),
        ...logPlace()
      },
      {
        lone: firstOf(
          fileAndFormat,
          loneText('file', /^[^\s]*[./][^\s]*$/),
          loneText('format', /^(json|clf|combined)$/),
          loneList('fields')
        )
      }
    )
  ])
  .prefault(accessLog.enabled)
  .describe('Log one line per exchange: `true`, `false`, or settings.')
