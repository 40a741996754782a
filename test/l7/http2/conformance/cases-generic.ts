import { FLAG_ACK, FLAG_PADDED, FLAG_PRIORITY, GOAWAY } from '../../../../src/l7/http2/frames/codes.ts'
import { u32 } from '../wire.ts'
import {
  acknowledged, answered, block, body, continuation, data, END, fields, finished, frame, get, headers, ping, pong, post,
  POST, priority, request, reset, settings, weight, WHOLE, widen, type Case
} from './steps.ts' // prettier-ignore

const bytes = (hex: string): Buffer => Buffer.from(hex, 'hex')
/** user-agent and x-test with the value h2spec, plain and by Huffman. */
const AGENT = '0a757365722d6167656e7406683273706563'
const AGENT_HUFFMAN = '87b505b161cc5a93849c48aca4'
const TEST = '06782d7465737406683273706563'
const TEST_HUFFMAN = '85f2b24a84ff849c48aca4'
const hpack = (title: string, hex: string): Case => ['HPACK', title, get(1, bytes(hex)), answered]
const NO_WINDOW = settings([4, 0])

/** What any server must take. */
export const genericCases: readonly Case[] = [
  ['2', 'PRIORITY on an idle stream', priority(1), ping(), pong],
  ['2', 'WINDOW_UPDATE on a half-closed stream', NO_WINDOW, get(), widen(1, 1), body()],
  ['2', 'PRIORITY on a half-closed stream', NO_WINDOW, get(), priority(1), widen(1, 1), body()],
  ['2', 'RST_STREAM on a half-closed stream', get(), reset(1), ping(), pong],
  ['2', 'PRIORITY on a closed stream', get(), finished, priority(1), ping(), pong],
  ['3.1', 'DATA', post(), data(1), answered],
  ['3.1', 'several DATA', post(), data(1, 'test', 0), data(1), answered],
  ['3.1', 'padded DATA', post(), frame(0, END | FLAG_PADDED, 1, Buffer.from('\x06testpadded', 'latin1')), answered],
  ['3.2', 'HEADERS', get(), answered],
  ['3.2', 'padded HEADERS', headers(END | WHOLE | FLAG_PADDED, 1, Buffer.from([8]), block(fields()), Buffer.alloc(8)), answered],
  ['3.2', 'HEADERS with a priority', headers(END | WHOLE | FLAG_PRIORITY, 1, weight(0, 255), block(fields())), answered],
  ['3.3', 'PRIORITY with weight 1', priority(1, 0, 0), get(), answered],
  ['3.3', 'PRIORITY with weight 256', priority(1), get(), answered],
  ['3.3', 'PRIORITY with a dependency', priority(3, 1, 0), get(), answered],
  ['3.3', 'PRIORITY, exclusive', priority(1, 0, 0, true), get(), answered],
  ['3.3', 'PRIORITY of an idle stream, then HEADERS of a lower one', priority(3), get(), answered],
  ['3.4', 'RST_STREAM', post(), reset(1), ping(), pong],
  ['3.5', 'SETTINGS', settings([1, 4096], [2, 1], [3, 100], [4, 65_535], [5, 16_384], [6, 100]), acknowledged],
  ['3.7', 'PING', ping(), pong],
  ['3.8', 'GOAWAY', frame(GOAWAY, 0, 0, u32(0, 0)), ping(), async (peer) => {
    if (!peer.closed) await Promise.race([peer.end(), peer.next(({ type, flags }) => type === 6 && flags === FLAG_ACK, 'PING').catch(() => {})])
  }],
  ['3.9', 'WINDOW_UPDATE of the connection', widen(0, 1), get(), answered],
  ['3.9', 'WINDOW_UPDATE of a stream', post(), widen(1, 1), data(1), answered],
  ['3.9', 'WINDOW_UPDATE opens what stood still', NO_WINDOW, get(), answered, widen(1, 1), body(1)],
  ['3.10', 'CONTINUATION', headers(END, 1, block(fields())), continuation(WHOLE, 1), answered],
  ['3.10', 'several CONTINUATION', headers(END, 1, block(fields())), continuation(0, 1), continuation(WHOLE, 1), answered],
  ['4', 'GET', get(), answered],
  ['4', 'HEAD', request(fields({ ':method': 'HEAD' })), answered],
  ['4', 'POST', post(), data(1), answered],
  ['4', 'POST with trailers', post(1, ['trailer', 'x-test']), data(1, 'test', 0), headers(END | WHOLE, 1, block([['x-test', 'ok']])), answered],
  hpack('indexed field', 'ba'),
  hpack('incremental indexing, indexed name', '7a06683273706563'),
  hpack('incremental indexing, indexed name, Huffman', '7a849c48aca4'),
  hpack('incremental indexing, new name', `40${AGENT}`),
  hpack('incremental indexing, new name, Huffman', `40${AGENT_HUFFMAN}`),
  hpack('incremental indexing, name of its own', `40${TEST}`),
  hpack('incremental indexing, name of its own, Huffman', `40${TEST_HUFFMAN}`),
  hpack('without indexing, indexed name', '0f2b06683273706563'),
  hpack('without indexing, indexed name, Huffman', '0f2b849c48aca4'),
  hpack('without indexing, new name', `00${TEST}`),
  hpack('without indexing, new name, Huffman', `00${TEST_HUFFMAN}`),
  hpack('never indexed, indexed name', '1f2b06683273706563'),
  hpack('never indexed, indexed name, Huffman', '1f2b849c48aca4'),
  hpack('never indexed, new name', `10${AGENT}`),
  hpack('never indexed, new name, Huffman', `10${AGENT_HUFFMAN}`),
  ['HPACK', 'a table size update', headers(END | WHOLE, 1, bytes('20'), block(fields())), answered],
  ['HPACK', 'two table size updates', headers(END | WHOLE, 1, bytes('203fe11f'), block(fields())), answered],
  ['HPACK', 'POST fields by two blocks of the same table', headers(END | WHOLE, 1, block(fields()), bytes(`40${TEST}`)), answered, headers(END | WHOLE, 3, block(fields(POST)), bytes('be')), async (peer) => {
    await peer.next(({ type, id }) => type === 1 && id === 3, 'HEADERS on 3')
  }]
] // prettier-ignore
