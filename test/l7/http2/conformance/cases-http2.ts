import {
  COMPRESSION_ERROR, CONTINUATION, DATA, FLAG_ACK, FLAG_PADDED, FLOW_CONTROL_ERROR, FRAME_SIZE_ERROR, GOAWAY, HEADERS, PING,
  PREFACE, PRIORITY, PROTOCOL_ERROR, PUSH_PROMISE, REFUSED_STREAM, RST_STREAM, SETTINGS, STREAM_CLOSED, WINDOW_UPDATE
} from '../../../../src/l7/http2/frames/codes.ts' // prettier-ignore
import { u32 } from '../wire.ts'
import {
  acknowledged, answered, block, body, closed, connectionError, continuation, data, dummies, END, fields, finished, frame, get,
  goaway, headers, ping, pong, post, POST, priority, request, reset, resetWith, settings, streamError, WHOLE, widen,
  withPriority, type Case
} from './steps.ts' // prettier-ignore

const z = (size: number): Buffer => Buffer.alloc(size)
const bytes = (hex: string): Buffer => Buffer.from(hex, 'hex')
const protocolError = connectionError(PROTOCOL_ERROR)
const sizeError = connectionError(FRAME_SIZE_ERROR)
const malformed = streamError(PROTOCOL_ERROR)
const streamClosed = streamError(STREAM_CLOSED)
const wasClosed = connectionError(STREAM_CLOSED)
const closedOrProtocol = connectionError(STREAM_CLOSED, PROTOCOL_ERROR)
const notHpack = connectionError(COMPRESSION_ERROR)
const UNKNOWN = frame(0x16, 0, 0, z(8))
const open = headers(WHOLE, 1, block(fields()))
const unfinished = headers(END, 1, block(fields()))
const begun = headers(0, 1, block(fields()))
const trailer = (...list: (readonly [string, string])[]): Buffer => headers(END | WHOLE, 1, block(list))
const odd = (hex: string): Buffer => get(1, bytes(hex))
const extra = (name: string, value: string): Buffer => request(fields({}, [name, value]))

/** What a server must answer to a client that breaks the rules, by the sections of RFC 7540, and HPACK by RFC 7541. */
export const http2Cases: readonly Case[] = [
  ['4.1', 'a frame of an unknown type', UNKNOWN, ping(), pong],
  ['4.1', 'unknown flags', ping(0x16 & ~FLAG_ACK), pong],
  ['4.1', 'the reserved bit', frame(PING, 0, 0x8000_0000, Buffer.from('h2-check')), pong],
  ['4.2', 'DATA of 16,384 bytes', post(), frame(DATA, END, 1, z(16_384)), answered],
  ['4.2', 'DATA too large', post(), frame(DATA, END, 1, z(16_385)), streamError(FRAME_SIZE_ERROR)],
  ['4.2', 'HEADERS too large', headers(END | WHOLE, 1, block(fields()), dummies(5)), sizeError],
  ['4.3', 'a block that is not HPACK', odd('40'), notHpack],
  ['4.3', 'PRIORITY within a field section', unfinished, priority(1), continuation(WHOLE, 1), protocolError],
  ['4.3', 'HEADERS of another stream within a field section', unfinished, get(3), protocolError],
  ['5.1', 'idle: DATA', data(1), protocolError],
  ['5.1', 'idle: RST_STREAM', reset(1), protocolError],
  ['5.1', 'idle: WINDOW_UPDATE', widen(1, 100), protocolError],
  ['5.1', 'idle: CONTINUATION', continuation(WHOLE, 1, block(fields())), protocolError],
  ['5.1', 'half-closed: DATA', get(), data(1), streamClosed],
  ['5.1', 'half-closed: HEADERS', get(), get(), streamClosed],
  ['5.1', 'half-closed: CONTINUATION', get(), continuation(WHOLE, 1), closedOrProtocol],
  ['5.1', 'closed by RST_STREAM: DATA', open, reset(1), data(1), streamClosed],
  ['5.1', 'closed by RST_STREAM: HEADERS', open, reset(1), get(), streamClosed],
  ['5.1', 'closed by RST_STREAM: CONTINUATION', open, reset(1), continuation(WHOLE, 1), closedOrProtocol],
  ['5.1', 'closed: DATA', get(), finished, data(1), wasClosed],
  ['5.1', 'closed: HEADERS', get(), finished, get(), wasClosed],
  ['5.1', 'closed: CONTINUATION', get(), finished, continuation(WHOLE, 1), closedOrProtocol],
  ['5.1.1', 'an even number', get(2), protocolError],
  ['5.1.1', 'a number below the one before', get(5), get(3), protocolError],
  ['5.1.1', 'HEADERS on a half-closed stream', get(5), get(5), streamClosed],
  ['5.1.2', 'more streams than allowed', settings([4, 0]), async (peer) => {
    const most = peer.settings.get(3)!
    for (let i = 0; i <= most; i++) peer.send(get(2 * i + 1))
    await peer.next(({ type, payload }) => type === RST_STREAM && [PROTOCOL_ERROR, REFUSED_STREAM].includes(payload.readUInt32BE(0)), 'REFUSED_STREAM')
  }],
  ['5.3.1', 'HEADERS that depend on themselves', withPriority(1), malformed],
  ['5.3.1', 'PRIORITY that depends on itself', priority(2, 2), malformed],
  ['5.4.1', 'the connection is closed after an error', frame(PING, 0, 3, z(8)), closed],
  ['5.4.1', 'GOAWAY comes before', frame(PING, 0, 3, z(8)), goaway(PROTOCOL_ERROR)],
  ['5.5', 'an unknown frame', UNKNOWN, ping(), pong],
  ['5.5', 'an unknown frame within a field section', unfinished, UNKNOWN, protocolError],
  ['6.1', 'DATA on stream 0', data(0), protocolError],
  ['6.1', 'DATA behind END_STREAM', request(fields(POST)), data(1), streamClosed],
  ['6.1', 'padding longer than the payload', post(1, ['content-length', '4']), frame(DATA, END | FLAG_PADDED, 1, Buffer.from('\x06Test', 'latin1')), protocolError],
  ['6.2', 'PRIORITY in place of CONTINUATION', begun, priority(1), continuation(WHOLE, 1), protocolError],
  ['6.2', 'HEADERS of another stream in place of CONTINUATION', begun, get(3), continuation(WHOLE, 1), protocolError],
  ['6.2', 'HEADERS on stream 0', get(0), protocolError],
  ['6.2', 'padding longer than the payload', headers(END | WHOLE | FLAG_PADDED, 1, Buffer.from([block(fields()).length + 2]), block(fields())), malformed],
  ['6.3', 'PRIORITY on stream 0', priority(0), protocolError],
  ['6.3', 'PRIORITY of four bytes', open, frame(PRIORITY, 0, 1, z(4)), streamError(FRAME_SIZE_ERROR)],
  ['6.4', 'RST_STREAM on stream 0', reset(0), protocolError],
  ['6.4', 'RST_STREAM on an idle stream', reset(1), protocolError],
  ['6.4', 'RST_STREAM of three bytes', open, frame(RST_STREAM, 0, 1, z(3)), sizeError],
  ['6.5', 'SETTINGS ACK with a payload', frame(SETTINGS, FLAG_ACK, 0, z(1)), sizeError],
  ['6.5', 'SETTINGS on a stream', frame(SETTINGS, 0, 1, bytes('000300000064')), protocolError],
  ['6.5', 'SETTINGS of three bytes', frame(SETTINGS, 0, 0, z(3)), connectionError(FRAME_SIZE_ERROR, PROTOCOL_ERROR)],
  ['6.5.2', 'ENABLE_PUSH of 2', settings([2, 2]), protocolError],
  ['6.5.2', 'NO_RFC7540_PRIORITIES of 2 (RFC 9218 2.1)', settings([9, 2]), protocolError],
  ['6.5.2', 'NO_RFC7540_PRIORITIES of 0', settings([9, 0]), ping(), pong],
  ['6.5.2', 'ENABLE_CONNECT_PROTOCOL of 2 (RFC 8441 3)', settings([8, 2]), protocolError],
  ['6.5.2', 'INITIAL_WINDOW_SIZE over 2^31-1', settings([4, 2 ** 31]), connectionError(FLOW_CONTROL_ERROR)],
  ['6.5.2', 'MAX_FRAME_SIZE too small', settings([5, 16_383]), protocolError],
  ['6.5.2', 'MAX_FRAME_SIZE too large', settings([5, 2 ** 24]), protocolError],
  ['6.5.2', 'an unknown setting', settings([0xff, 1]), ping(), pong],
  ['6.5.3', 'INITIAL_WINDOW_SIZE twice', settings([4, 100], [4, 1]), acknowledged, get(), body(1)],
  ['6.5.3', 'SETTINGS are acknowledged', settings([2, 0]), acknowledged],
  ['6.7', 'PING is answered', ping(), pong],
  ['6.7', 'PING ACK is not', frame(PING, FLAG_ACK, 0, Buffer.from('not this')), ping(), pong],
  ['6.7', 'PING on a stream', frame(PING, 0, 1, z(8)), protocolError],
  ['6.7', 'PING of six bytes', frame(PING, 0, 0, z(6)), sizeError],
  ['6.8', 'GOAWAY on a stream', frame(GOAWAY, 0, 1, z(8)), protocolError],
  ['6.9', 'WINDOW_UPDATE of 0', widen(0, 0), protocolError],
  ['6.9', 'WINDOW_UPDATE of 0 on a stream', open, widen(1, 0), malformed],
  ['6.9', 'WINDOW_UPDATE of three bytes', frame(WINDOW_UPDATE, 0, 0, z(3)), sizeError],
  ['6.9.1', 'a window of one byte', settings([4, 1]), acknowledged, get(), body(1)],
  ['6.9.1', 'windows over 2^31-1', widen(0, 2 ** 31 - 1), widen(0, 2 ** 31 - 1), goaway(FLOW_CONTROL_ERROR)],
  ['6.9.1', 'a stream window over 2^31-1', post(), widen(1, 2 ** 31 - 1), widen(1, 2 ** 31 - 1), resetWith(FLOW_CONTROL_ERROR)],
  ['6.9.2', 'another INITIAL_WINDOW_SIZE behind HEADERS', settings([4, 0]), acknowledged, get(), settings([4, 1]), acknowledged, body(1)],
  ['6.9.2', 'a window that becomes negative', settings([4, 3]), acknowledged, get(), body(3), settings([4, 2]), acknowledged, widen(1, 2), body(1)],
  ['6.9.2', 'INITIAL_WINDOW_SIZE that takes a window over 2^31-1', frame(SETTINGS, 0, 0, bytes('000480000000')), connectionError(FLOW_CONTROL_ERROR)],
  ['6.9.2', 'INITIAL_WINDOW_SIZE that takes an open stream over 2^31-1', post(), widen(1, 2 ** 31 - 1 - 65_535), settings([4, 131_072]), connectionError(FLOW_CONTROL_ERROR)],
  ['6.10', 'several CONTINUATION', unfinished, continuation(0, 1), continuation(WHOLE, 1), answered],
  ['6.10', 'CONTINUATION, then another frame', headers(0, 1, block(fields(POST))), continuation(0, 1), data(1), protocolError],
  ['6.10', 'CONTINUATION on stream 0', unfinished, continuation(WHOLE, 0), protocolError],
  ['6.10', 'CONTINUATION behind END_HEADERS', get(), continuation(WHOLE, 1), closedOrProtocol],
  ['6.10', 'CONTINUATION behind the last CONTINUATION', unfinished, continuation(WHOLE, 1), continuation(WHOLE, 1), closedOrProtocol],
  ['6.10', 'CONTINUATION behind DATA', headers(0, 1, block(fields(POST))), data(1), frame(CONTINUATION, 0, 1), protocolError],
  ['7', 'GOAWAY with an unknown code', frame(GOAWAY, 0, 0, u32(0, 0xff)), closed],
  ['7', 'RST_STREAM with an unknown code', post(), reset(1, 0xff), ping(), pong],
  ['8.1', 'a second HEADERS without END_STREAM', post(), data(1, 'test', 0), headers(WHOLE, 1, block([['x-test', 'ok']])), malformed],
  ['8.1.2', 'upper case in a name', extra('X-TEST', 'ok'), malformed],
  ['8.1.2.1', 'an unknown pseudo-field', extra(':test', 'ok'), malformed],
  ['8.1.2.1', 'a pseudo-field of responses', extra(':status', '200'), malformed],
  ['8.1.2.1', 'a pseudo-field in trailers', post(1, ['trailer', 'x-test']), data(1, 'test', 0), trailer([':method', '200'], ['x-test', 'ok']), malformed],
  ['8.1.2.1', 'a pseudo-field behind a field', request([[':method', 'GET'], [':scheme', 'http'], [':authority', 'a.example'], ['x-test', 'ok'], [':path', '/']]), malformed],
  ['8.1.2.2', 'a field of the connection', extra('connection', 'keep-alive'), malformed],
  ['8.1.2.2', 'TE other than trailers', request(fields({}, ['trailers', 'test'], ['te', 'trailers, deflate'])), malformed],
  ['8.1.2.3', 'an empty :path', request(fields({ ':path': '' })), malformed],
  ['8.1.2.3', 'no :method', request(fields({ ':method': undefined })), malformed],
  ['8.1.2.3', 'no :scheme', request(fields({ ':scheme': undefined })), malformed],
  ['8.1.2.3', 'no :path', request(fields({ ':path': undefined })), malformed],
  ['8.1.2.3', ':method twice', extra(':method', 'GET'), malformed],
  ['8.1.2.3', ':scheme twice', extra(':scheme', 'http'), malformed],
  ['8.1.2.3', ':path twice', extra(':path', '/'), malformed],
  ['8.1.2.6', 'content-length other than one DATA', post(1, ['content-length', '1']), data(1), malformed],
  ['8.1.2.6', 'content-length other than two DATA', post(1, ['content-length', '1']), data(1, 'test', 0), data(1), malformed],
  ['8.1.2.6', 'content-length larger than DATA', post(1, ['content-length', '9']), data(1), malformed],
  ['8.2', 'PUSH_PROMISE', frame(PUSH_PROMISE, WHOLE, 1, Buffer.concat([u32(3), block(fields())])), protocolError],
  ['HPACK 2.3.3', 'an index beyond both tables', odd('fe'), notHpack],
  ['HPACK 2.3.3', 'a name by an index beyond both tables', odd('7e0474657374'), notHpack],
  ['HPACK 4.2', 'a table size update at the end', odd('21'), notHpack],
  ['HPACK 5.2', 'Huffman padding of more than 7 bits', odd('0085f2b24a84ff8449509fff'), notHpack],
  ['HPACK 5.2', 'Huffman padding of zeros', odd('0085f2b24a84ff83495090'), notHpack],
  ['HPACK 5.2', 'EOS within a Huffman string', odd('0085f2b24a87fffffffd25427f'), notHpack],
  ['HPACK 6.1', 'the index 0', odd('80'), notHpack],
  ['HPACK 6.3', 'a table larger than allowed', headers(END | WHOLE, 1, bytes('3fe21f'), block(fields())), notHpack]
] // prettier-ignore

/** How a connection begins; these say their own preface. */
export const prefaceCases: readonly Case[] = [
  ['3.5', 'SETTINGS are the first that a server sends', Buffer.concat([Buffer.from(PREFACE), settings([4, 65_535])]), async (peer) => {
    const first = await peer.next(() => true, 'a frame')
    if (first.type !== SETTINGS || first.flags !== 0) throw new Error(`${first.type}/${first.flags}`)
  }],
  ['3.5', 'SETTINGS behind a preface in pieces', Buffer.from(PREFACE.slice(0, 2)), Buffer.from(PREFACE.slice(2)), settings(), acknowledged],
  ['3.5', 'no preface', Buffer.from('INVALID CONNECTION PREFACE\r\n\r\n'), closed],
  ['3.5', 'another frame before SETTINGS', Buffer.concat([Buffer.from(PREFACE), frame(HEADERS, END | WHOLE, 1, block(fields()))]), protocolError]
] // prettier-ignore
