import { block, frame, setting, u32 } from '../wire.ts'
import type { Move } from './server.ts'

/** How a move has to end for the client: whole, or with an error of lb or a response that breaks off; or both are right. */
export type Ends = 'whole' | 'broken' | 'either'

type Fields = readonly (readonly [string, string])[]

/** Times that a tag stands in a body. */
export const TIMES = 100

const OK: Fields = [[':status', '200']]
const head = (id: number, fields: Fields = OK, flags = 4): Buffer => frame(1, flags, id, block(fields))
const data = (id: number, text: string, flags = 0): Buffer => frame(0, flags, id, Buffer.from(text))
const reset = (id: number, code: number): Buffer => frame(3, 0, id, u32(code))
const goaway = (last: number, code = 0): Buffer => frame(7, 0, 0, u32(last, code))
const times = (count: number, bytes: Buffer): Buffer => Buffer.concat(Array<Buffer>(count).fill(bytes))
const settings = (...pairs: readonly (readonly [number, number])[]): Buffer =>
  frame(4, 0, 0, Buffer.concat(pairs.map(([id, value]) => setting(id, value))))

/** A whole response. */
const answer = (id: number, tag: string, fields: Fields = OK): Buffer =>
  Buffer.concat([head(id, fields), data(id, tag.repeat(TIMES), 1)])
export const plain: Move = (peer, id, tag) => peer.send(answer(id, tag))

const before =
  (bytes: Buffer | ((id: number) => Buffer)): Move =>
  (peer, id, tag) =>
    peer.send(typeof bytes === 'function' ? bytes(id) : bytes, answer(id, tag))
const behind =
  (make: (id: number) => Buffer): Move =>
  (peer, id, tag) =>
    peer.send(answer(id, tag), make(id))
const only =
  (make: (id: number, tag: string) => Buffer): Move =>
  (peer, id, tag) =>
    peer.send(make(id, tag))
const fields =
  (...more: Fields): Move =>
  (peer, id, tag) =>
    peer.send(answer(id, tag, [...OK, ...more]))
/** Half a response, then this. */
const within =
  (make: (id: number) => Buffer): Move =>
  (peer, id, tag) =>
    peer.send(head(id), data(id, tag.repeat(TIMES / 2)), make(id), data(id, tag.repeat(TIMES / 2), 1))
const later =
  (make: (id: number, tag: string) => Buffer, ...then: ((id: number, tag: string) => Buffer)[]): Move =>
  (peer, id, tag) => {
    peer.send(make(id, tag))
    then.forEach((next, at) => setTimeout(() => peer.send(next(id, tag)), 15 * (at + 1)))
  }
const ends =
  (make: (id: number, tag: string) => Buffer, how: 'destroy' | 'resetAndDestroy' | 'end'): Move =>
  (peer, id, tag) =>
    peer.sendLast(make(id, tag), how)

export const moves: Readonly<Record<string, readonly [Ends, Move]>> = {
  plain: ['whole', plain],
  // Sections.
  'interim answers': ['whole', before((id) => times(5, head(id, [[':status', '103'], ['link', '</x>']])))],
  'interim answers without end': ['broken', before((id) => times(60, head(id, [[':status', '103']])))],
  'an interim answer with END_STREAM': ['broken', only((id) => head(id, [[':status', '103']], 5))],
  'an interim answer behind the head': ['broken', within((id) => head(id, [[':status', '103']]))],
  'a second head': ['broken', within((id) => head(id))],
  'a status of 101': ['broken', only((id) => head(id, [[':status', '101']]))],
  'a status of 99': ['broken', only((id) => head(id, [[':status', '99']], 5))],
  'a status of 1000': ['broken', only((id) => head(id, [[':status', '1000']], 5))],
  'no status': ['broken', only((id) => head(id, [['x-a', 'b']], 5))],
  'two statuses': ['broken', only((id) => head(id, [...OK, ...OK], 5))],
  'a status behind fields': ['broken', only((id) => head(id, [['x-a', 'b'], ...OK], 5))],
  'a pseudo-field of requests': ['broken', fields([':path', '/'])],
  'an upper case name': ['broken', fields(['X-A', 'b'])],
  'a field of a connection': ['broken', fields(['connection', 'close'])],
  'a line break in a value': ['broken', fields(['x-a', 'b\r\nx-c: d'])],
  'a NUL in a value': ['broken', fields(['x-a', 'b\0'])],
  'a field of 66 kB': ['broken', (peer, id) => peer.send(...long(id, 66_000), data(id, 'x', 1))],
  '501 fields': ['broken', fields(...Array.from({ length: 501 }, (_, at) => [`x-${at}`, 'v'] as const))],
  'an HPACK bomb': ['broken', only((id) => frame(1, 5, id, Buffer.concat([block(OK), Buffer.from([0x40, 3]), Buffer.from('x-a'), Buffer.from([127, 200, 30]), Buffer.alloc(127 + 72 + 30 * 128, 'v'), Buffer.alloc(8000, 0xbe)])))],
  'a broken section': ['broken', only((id) => frame(1, 5, id, Buffer.from([0xff, 0xff, 0xff, 0xff, 0xff, 0xff])))],
  'a head in CONTINUATIONs': ['whole', (peer, id, tag) => peer.send(split(id, 4), data(id, tag.repeat(TIMES), 1))],
  'CONTINUATIONs without end': ['broken', only((id) => Buffer.concat([frame(1, 0, id, block(OK)), times(500, frame(9, 0, id, block([['x-a', 'b']])))]))],
  'another frame among CONTINUATIONs': ['broken', only((id) => Buffer.concat([frame(1, 0, id, block(OK)), frame(6, 0, 0, Buffer.alloc(8)), frame(9, 4, id)]))],
  'a CONTINUATION by itself': ['broken', before((id) => frame(9, 4, id, block(OK)))],
  // Bodies.
  'DATA before the head': ['broken', before((id) => data(id, 'early'))],
  'a length that is too short': ['broken', fields(['content-length', '3'])],
  'a length that is too long': ['broken', fields(['content-length', '100000'])],
  'a length that is none': ['broken', fields(['content-length', '1,2'])],
  'DATA in a 204': ['either', (peer, id, tag) => peer.send(answer(id, tag, [[':status', '204']]))],
  'padded DATA': ['whole', (peer, id, tag) => peer.send(head(id), frame(0, 9, id, Buffer.concat([Buffer.from([200]), Buffer.from(tag.repeat(TIMES)), Buffer.alloc(200)])))],
  'a padded head': ['whole', (peer, id, tag) => peer.send(frame(1, 12, id, Buffer.concat([Buffer.from([20]), block(OK), Buffer.alloc(20)])), data(id, tag.repeat(TIMES), 1))],
  'padding longer than its DATA': ['broken', within((id) => frame(0, 8, id, Buffer.from([9, 1, 2])))],
  'padding longer than its head': ['broken', only((id) => frame(1, 12, id, Buffer.concat([Buffer.from([255]), block(OK)])))],
  'empty DATA': ['whole', within((id) => times(100, data(id, '')))],
  'DATA by the octet': ['whole', (peer, id, tag) => peer.send(head(id), ...[...tag.repeat(TIMES)].map((one) => data(id, one)), data(id, '', 1))],
  trailers: ['whole', (peer, id, tag) => peer.send(head(id), data(id, tag.repeat(TIMES)), head(id, [['x-t', 'v']], 5))],
  'trailers that do not end it': ['broken', within((id) => head(id, [['x-t', 'v']]))],
  'trailers with a status': ['broken', (peer, id, tag) => peer.send(head(id), data(id, tag), head(id, OK, 5))],
  'DATA behind trailers': ['whole', (peer, id, tag) => peer.send(head(id), data(id, tag.repeat(TIMES)), head(id, [['x-t', 'v']], 5), data(id, 'late'))],
  'DATA behind the end': ['whole', behind((id) => data(id, 'late', 1))],
  'a head behind the end': ['whole', behind((id) => head(id, OK, 5))],
  // Resets and GOAWAY.
  'a reset behind the end': ['whole', behind((id) => reset(id, 0))],
  'a reset with an error behind the end': ['whole', behind((id) => reset(id, 8))],
  'a reset before the head': ['broken', only((id) => reset(id, 0))],
  'a reset within the body': ['broken', within((id) => reset(id, 2))],
  'a reset of an unknown code': ['broken', only((id) => reset(id, 0xdead_beef))],
  'refused': ['whole', only((id) => reset(id, 7))],
  'a reset of a stream that is idle': ['broken', before((id) => reset(id + 100, 8))],
  'GOAWAY that serves it': ['whole', before((id) => goaway(id))],
  'GOAWAY that serves all': ['whole', before(goaway(0x7fff_ffff))],
  'GOAWAY that serves none': ['whole', only(() => goaway(0))],
  'GOAWAY below it, and an answer': ['whole', before((id) => goaway(Math.max(0, id - 2)))],
  'GOAWAY with an error that serves it': ['either', before((id) => goaway(id, 2))],
  'GOAWAY that takes back': ['either', before((id) => Buffer.concat([goaway(id + 100), goaway(id)]))],
  'GOAWAY that gives more': ['either', before((id) => Buffer.concat([goaway(id), goaway(id + 100)]))],
  'GOAWAY of an even stream': ['either', before((id) => goaway(id + 1))],
  'GOAWAY and the end of the connection': ['whole', ends((id, tag) => Buffer.concat([goaway(id), answer(id, tag)]), 'end')],
  'GOAWAY that serves it, and no answer': ['broken', ends((id) => goaway(id), 'end')],
  // Settings and windows.
  'windows that close': ['whole', before(settings([4, 0]))],
  'windows that close and open': ['whole', later(() => settings([4, 0]), () => settings([4, 1]), () => settings([4, 100_000]), answer)],
  'a window over 2^31-1': ['broken', before(settings([4, 0x8000_0000]))],
  'frames of one octet at most': ['broken', before(settings([5, 1]))],
  'frames of 2^24 at most': ['broken', before(settings([5, 0x100_0000]))],
  'push that is on': ['broken', before(settings([2, 1]))],
  'no table': ['whole', before(settings([1, 0]))],
  'a table of 4 GB': ['whole', before(settings([1, 0xffff_ffff]))],
  'no streams': ['whole', later(() => settings([3, 0]), answer, () => settings([3, 100]))],
  'unknown settings': ['whole', before(settings([0xff, 1], [11, 2], [12, 3]))],
  'extended CONNECT of 2': ['broken', before(settings([8, 2]))],
  'SETTINGS on a stream': ['broken', before((id) => frame(4, 0, id))],
  'SETTINGS of 5 octets': ['broken', before(frame(4, 0, 0, Buffer.alloc(5)))],
  'an ACK with settings': ['broken', before(frame(4, 1, 0, setting(4, 1)))],
  'an ACK that nobody asked for': ['either', before(frame(4, 1, 0))],
  'WINDOW_UPDATE of 0 on the stream': ['either', before((id) => frame(8, 0, id, u32(0)))],
  'WINDOW_UPDATE of 0': ['broken', before(frame(8, 0, 0, u32(0)))],
  'a window that overflows': ['broken', before(times(2, frame(8, 0, 0, u32(0x7fff_ffff))))],
  'a window of the stream that overflows': ['either', before((id) => times(2, frame(8, 0, id, u32(0x7fff_ffff))))],
  'WINDOW_UPDATE of an idle stream': ['broken', before((id) => frame(8, 0, id + 100, u32(1)))],
  // Frames out of place.
  'a head on stream 0': ['broken', before(head(0))],
  'DATA on stream 0': ['broken', before(data(0, 'x'))],
  'a head on a stream that is idle': ['broken', before((id) => head(id + 100))],
  'DATA on a stream that is idle': ['broken', before((id) => data(id + 100, 'x'))],
  'a head on an even stream': ['broken', before(head(2))],
  PUSH_PROMISE: ['broken', before((id) => frame(5, 4, id, Buffer.concat([u32(2), block(OK)])))],
  PRIORITY: ['whole', before((id) => frame(2, 0, id, Buffer.alloc(5)))],
  'PRIORITY of a wrong size': ['either', before((id) => frame(2, 0, id, Buffer.alloc(4)))],
  'frames of other kinds': ['whole', before((id) => Buffer.concat([frame(10, 0, id, Buffer.alloc(4)), frame(12, 0, 0), frame(0x77, 255, id, Buffer.alloc(99))]))],
  'PINGs': ['whole', before(times(500, frame(6, 0, 0, Buffer.alloc(8))))],
  'PING of 7 octets': ['broken', before(frame(6, 0, 0, Buffer.alloc(7)))],
  'PING on a stream': ['broken', before((id) => frame(6, 0, id, Buffer.alloc(8)))],
  'RST_STREAM of 3 octets': ['broken', before((id) => frame(3, 0, id, Buffer.alloc(3)))],
  'WINDOW_UPDATE of 3 octets': ['broken', before(frame(8, 0, 0, Buffer.alloc(3)))],
  'GOAWAY of 4 octets': ['broken', before(frame(7, 0, 0, Buffer.alloc(4)))],
  'a frame that is too long': ['broken', within((id) => frame(0, 0, id, Buffer.alloc(16_385)))],
  // Floods.
  'a flood of SETTINGS': ['either', before(times(20_000, settings([4, 65_535])))],
  'a flood of PINGs': ['either', before(times(200_000, frame(6, 0, 0, Buffer.alloc(8))))],
  'a flood of empty DATA': ['broken', within((id) => times(100_000, data(id, '')))],
  'a flood of unknown frames': ['either', before(times(200_000, frame(0x77, 0, 0)))],
  // The connection.
  garbage: ['broken', only(() => Buffer.from('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'.repeat(20)))],
  'an end before the head': ['broken', ends(() => Buffer.alloc(0), 'end')],
  'an end within the head': ['broken', ends((id) => head(id).subarray(0, 11), 'end')],
  'an end within the body': ['broken', ends((id, tag) => Buffer.concat([head(id), data(id, tag.repeat(9)).subarray(0, 30)]), 'end')],
  'a reset of TCP': ['broken', ends((id) => head(id), 'resetAndDestroy')],
  'an end behind the answer': ['whole', ends(answer, 'end')],
  silence: ['broken', () => {}],
  'silence behind the head': ['broken', only((id, tag) => Buffer.concat([head(id), data(id, tag)]))],
  'silence within a frame': ['broken', only((id) => Buffer.concat([head(id), Buffer.from([0, 9, 9, 0, 1])]))]
} // prettier-ignore

/** A head with one field of `size`. */
function long(id: number, size: number): Buffer[] {
  const section = block([...OK, ['x-long', 'v'.repeat(size)]])
  const parts: Buffer[] = []
  for (let at = 0; at < section.length; at += 16_000) {
    const last = at + 16_000 >= section.length
    parts.push(frame(at === 0 ? 1 : 9, last ? 4 : 0, id, section.subarray(at, at + 16_000)))
  }
  return parts
}

/** A head in so many frames. */
function split(id: number, count: number): Buffer {
  const section = block([...OK, ['x-long', 'v'.repeat(8000)]])
  const size = Math.ceil(section.length / count)
  return Buffer.concat(
    Array.from({ length: count }, (_, at) =>
      frame(at === 0 ? 1 : 9, at === count - 1 ? 4 : 0, id, section.subarray(at * size, (at + 1) * size))
    )
  )
}
