import { z } from 'zod'
import { defaults } from '../../defaults.ts'
import { CONNECTION_FIELDS } from '../../model/access-log-model.ts'
import { listOf, mapping } from '../leaf/leaf.ts'
import { decimal, flag, word } from '../leaf/leaves.ts'
import { firstOf, loneList, loneText } from '../leaf/lone.ts'
import { ALWAYS_THERE } from './access-log.ts'
import { logPlace } from './log-place.ts'

const { accessLog } = defaults.listener

/** Names of the fields in other programs. */
const foreignFields = new Map<string, string>(
  Object.entries({
    client: ['remoteaddr', 'ip', 'clientip', 'ci'],
    ms: ['sessiontime', 'duration', 'timetotal', 'tt'],
    backend: ['upstream', 'upstreamaddr', 'server', 's'],
    connectMs: ['upstreamconnecttime', 'tc'],
    queueMs: ['tw'],
    bytesIn: ['bytesreceived'],
    bytesOut: ['bytessent', 'b'],
    serverName: ['sslservername', 'sslprereadservername', 'sni'],
    reason: ['ts', 'terminationstate'],
    code: ['status']
  }).flatMap(([field, words]) => words.map((word) => [word, `here it is ${field}`] as const))
)
for (const given of [
  'time',
  'timestamp',
  'timelocal',
  'timeiso8601',
  'level',
  'severity',
  'msg',
  'message'
]) {
  foreignFields.set(given, ALWAYS_THERE)
}

const ofRequests = 'a relaying listener knows no requests; write json or stream'
const foreignFormats = new Map([
  ['clf', ofRequests],
  ['combined', ofRequests],
  ['common', ofRequests],
  ['tcplog', 'write json, or stream for lines as nginx writes them'],
  ['text', 'write stream'],
  ['basic', 'write stream'],
  ['nginx', 'write stream'],
  ['logfmt', 'write json']
])

export const connectionLogSchema = z
  .union([
    flag(),
    mapping(
      {
        sample: decimal(0, 1)
          .prefault(accessLog.sample)
          .describe('Share of connections to log; failures are always logged.'),
        fields: listOf(word(CONNECTION_FIELDS, foreignFields), { min: 1, max: 100 })
          .optional()
          .describe(
            'Fields to log, in this order, besides `level`, `time` and `msg`; left out: all. Only with `format: json`.'
          ),
        format: word(['json', 'stream'], foreignFormats)
          .prefault(accessLog.format)
          .describe(
            'JSON, or the format of nginx’s `stream` module: client, time, protocol, status, bytes out and in, seconds, backend.'
          ),
        ...logPlace()
      },
      {
        lone: firstOf(
          loneText('file', /^[./]/),
          loneText('format', /^(json|stream)$/),
          loneList('fields'),
          (value) =>
            foreignFormats.has(String(value)) ? `did you mean { format: stream }? ${ofRequests}` : undefined
        ),
        elsewhere: { slow: 'is a key of `mode: l7` only: a long connection is not a slow one' }
      }
    )
  ])
  .prefault(accessLog.enabled)
  .describe('Log one line per connection or UDP session when it ends: `true`, `false`, or settings.')
