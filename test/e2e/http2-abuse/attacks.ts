import { block, frame, setting, u32 } from '../../l7/http2/wire.ts'

/** What one connection sends behind its preface, write by write. `/x` goes to a backend, `/none` is answered with 404 at once, `/big` is long. */
export type Attack = () => readonly Buffer[]

const A = Buffer.from('a')
const text = (value: string): Buffer => {
  const { length } = value
  const size = length < 127 ? [length] : [127, ((length - 127) & 127) | 128, (length - 127) >> 7]
  return Buffer.concat([Buffer.from(size), Buffer.from(value)])
}
/** Goes into the dynamic table. */
const indexed = (name: string, value: string): Buffer =>
  Buffer.concat([Buffer.from([0x40]), text(name), text(value)])
const fields = (path: string, method = 'GET'): [string, string][] => [
  [':method', method],
  [':scheme', 'http'],
  [':path', path],
  [':authority', 'a.example']
]
const ask = (id: number, list: [string, string][], ...more: Buffer[]): Buffer =>
  frame(1, 5, id, Buffer.concat([block(list), ...more]))
const get = (id: number, path = '/x'): Buffer => ask(id, fields(path))
const post = (id: number): Buffer => frame(1, 4, id, block(fields('/x', 'POST')))
const reset = (id: number): Buffer => frame(3, 0, id, u32(8))
const times = (count: number, bytes: Buffer): Buffer => Buffer.concat(Array<Buffer>(count).fill(bytes))
const streams = (count: number, make: (id: number, at: number) => Buffer, from = 0): Buffer =>
  Buffer.concat(Array.from({ length: count }, (_, at) => make(2 * (from + at) + 1, at)))
const rounds = (count: number, make: (at: number) => Buffer): Buffer =>
  Buffer.concat(Array.from({ length: count }, (_, at) => make(at)))

export const attacks: Readonly<Record<string, Attack>> = {
  'rapid reset': () => [streams(2000, (id) => Buffer.concat([get(id), reset(id)]))],
  'rapid reset, a read later': () =>
    Array.from({ length: 200 }, (_, at) => [streams(10, (id) => get(id), 10 * at), streams(10, reset, 10 * at)]).flat(),
  'made-you-reset by a window of 0': () => [
    streams(2000, (id) => Buffer.concat([post(id), frame(8, 0, id, u32(0))]))
  ],
  'made-you-reset by DATA behind the end': () => [
    streams(2000, (id) => Buffer.concat([get(id), frame(0, 0, id, A)]))
  ],
  CONTINUATION: () => [frame(1, 1, 1, block(fields('/x'))), times(2000, frame(9, 0, 1, Buffer.alloc(8)))],
  SETTINGS: () => [times(2000, frame(4, 0, 0, setting(4, 65_535)))],
  'windows that open and close': () => [
    streams(100, (id) => get(id, '/big')),
    times(500, Buffer.concat([frame(4, 0, 0, setting(4, 0)), frame(4, 0, 0, setting(4, 1))]))
  ],
  PING: () => [times(20_000, frame(6, 0, 0, Buffer.alloc(8)))],
  PRIORITY_UPDATE: () => [times(20_000, frame(0x10, 0, 0, Buffer.concat([u32(1), Buffer.from('u=1')])))],
  'WINDOW_UPDATE of one octet': () => [times(20_000, frame(8, 0, 0, u32(1)))],
  'long responses by the octet': () => [
    frame(4, 0, 0, setting(4, 0)),
    streams(100, (id) => get(id, '/big')),
    rounds(100, () => streams(100, (id) => frame(8, 0, id, u32(1))))
  ],
  'empty DATA': () => [post(1), times(20_000, frame(0, 0, 1))],
  'DATA that is padding': () => [post(1), times(20_000, frame(0, 8, 1, Buffer.from([0])))],
  'DATA of one octet': () => [
    streams(60, post),
    rounds(400, () => streams(60, (id) => frame(0, 0, id, A)))
  ],
  'DATA on streams that were reset': () => [
    streams(60, (id) => Buffer.concat([post(id), reset(id)])),
    rounds(300, () => streams(60, (id) => frame(0, 0, id, A)))
  ],
  'malformed requests': () => [
    streams(2000, (id) => ask(id, [...fields('/x'), ['connection', 'x']]))
  ],
  'field lists at the limit': () => [
    streams(100, (id) => ask(id, [...fields('/none'), ['x-a', 'v'.repeat(15_500)]]))
  ],
  'field lists over the limit': () => [
    streams(100, (id) => ask(id, [...fields('/none'), ['x-a', 'v'.repeat(8000)], ['x-b', 'v'.repeat(8000)]]))
  ],
  'a table that is thrashed': () => [
    streams(400, (id, at) => ask(id, fields('/none'), indexed(`x-${at}`, 'v'.repeat(3900))))
  ],
  'an HPACK bomb': () => [
    streams(200, (id) => ask(id, fields('/none'), indexed('x-bomb', 'v'.repeat(3900)), Buffer.alloc(8000, 0xbe)))
  ],
  'cookies in crumbs': () => [
    streams(1000, (id) => ask(id, fields('/none'), indexed('cookie', 'a'), Buffer.alloc(400, 0xbe)))
  ],
  trailers: () => [
    streams(400, (id) =>
      Buffer.concat([
        post(id),
        frame(0, 0, id, A),
        ask(id, Array.from({ length: 60 }, (_, at): [string, string] => [`x-t${at}`, 'v']))
      ])
    )
  ],
  'requests that are 404 at once': () => [streams(2000, (id) => get(id, '/none'))],
  'CONNECT that is refused': () => [
    streams(2000, (id) => ask(id, [[':method', 'CONNECT'], [':authority', 'a.example:1']]))
  ],
  'unknown frames': () => [times(20_000, frame(0x55, 0, 0))],
  'connections that ask once': () => [get(1, '/none')]
} // prettier-ignore
