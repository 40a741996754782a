import { deflateRawSync } from 'node:zlib'
import { BINARY, binary, close, frame, more, ping, pong, TEXT, text } from './frames.ts'

/** What a client sends behind the handshake. */
export interface Case {
  readonly name: string
  readonly bytes: Buffer
  /** Left out: in one write. */
  readonly chop?: number
  /** Asks for permessage-deflate. */
  readonly deflate?: boolean
}

const conversation = (name: string, ...frames: readonly Buffer[]): Case => ({
  name,
  bytes: Buffer.concat(frames)
})
/** Followed by a close, so that the server ends what goes well. */
const polite = (name: string, ...frames: readonly Buffer[]): Case => conversation(name, ...frames, close())
const chopped = (name: string, chop: number, ...frames: readonly Buffer[]): Case => ({
  ...polite(name, ...frames),
  chop
})

const LENGTHS = [0, 1, 125, 126, 127, 128, 65_535, 65_536]

function pattern(length: number): Buffer {
  const bytes = Buffer.alloc(length)
  for (let i = 0; i < length; i++) bytes[i] = (i * 7 + (i >> 8)) & 0xff
  return bytes
}

const framing: readonly Case[] = LENGTHS.flatMap((length) => [
  polite(`text of ${length} bytes`, text('*'.repeat(length))),
  polite(`binary of ${length} bytes`, binary(pattern(length))),
  ...(length < 100 ? [] : [chopped(`binary of ${length} bytes in pieces`, 997, binary(pattern(length)))])
])

const pings: readonly Case[] = [
  polite('a ping', ping()),
  polite('a ping with text', ping('Hello, world!')),
  polite('a ping with bytes', ping(Buffer.from([0, 0xff, 0xfe, 0xfd, 0xfc, 0xfb, 0, 0xff]))),
  polite('a ping of 125 bytes', ping(pattern(125))),
  polite('a ping of 126 bytes', ping(pattern(126))),
  chopped('a ping of 125 bytes octet by octet', 1, ping(pattern(125))),
  polite('a pong that nobody asked for', pong()),
  polite('a pong and a ping', pong('unsolicited'), ping('real')),
  polite('ten pings', ...Array.from({ length: 10 }, (_, i) => ping(`payload-${i}`))),
  chopped('ten pings octet by octet', 1, ...Array.from({ length: 10 }, (_, i) => ping(`payload-${i}`)))
]

const reservedBits: readonly Case[] = [1, 2, 3, 4, 5, 6, 7].flatMap((reserved) => [
  polite(
    `reserved bits ${reserved}`,
    text('before'),
    frame({ opcode: TEXT, payload: 'x', reserved }),
    ping()
  ),
  polite(`reserved bits ${reserved} on a ping`, frame({ opcode: 9, payload: 'x', reserved }))
])

const opcodes: readonly Case[] = [3, 4, 5, 6, 7, 11, 12, 13, 14, 15].flatMap((opcode) => [
  polite(`opcode ${opcode}`, frame({ opcode }), ping()),
  polite(`opcode ${opcode} behind text`, text('before'), frame({ opcode, payload: 'x' }), ping())
])

const fragments: readonly Case[] = [
  polite('a ping in fragments', ping('a', false), more('b', true)),
  polite('a pong in fragments', frame({ opcode: 10, payload: 'a', fin: false }), more('b', true)),
  polite('text in two fragments', text('fragment1', false), more('fragment2', true)),
  chopped('text in two fragments octet by octet', 1, text('fragment1', false), more('fragment2', true)),
  polite('a ping between fragments', text('fragment1', false), ping('ping'), more('fragment2', true)),
  chopped('a ping between fragments octet by octet', 1, text('f1', false), ping('ping'), more('f2', true)),
  polite('a continuation of nothing', more('alone', true), text('Hello')),
  polite('a continuation of nothing, unfinished', more('alone'), text('Hello')),
  polite('text within text', text('fragment1', false), text('fragment2')),
  polite(
    'five fragments with pings',
    text('f1', false),
    more('f2'),
    ping('p1'),
    more('f3'),
    more('f4'),
    ping('p2'),
    more('f5', true)
  ),
  polite(
    'two messages and a continuation of nothing',
    text('f1', false),
    more('f2', true),
    more('f3'),
    text('f4', true)
  ),
  polite('empty fragments', text('', false), more(''), more('', true)),
  polite('an empty fragment amid text', text('', false), more('middle'), more('', true)),
  polite(
    'binary in fragments of 1 byte',
    binary(pattern(1), false),
    ...Array.from({ length: 62 }, () => more(pattern(1))),
    more('', true)
  )
]

const GOOD_TEXTS = [
  'Hello-µ@ßöäüàá-UTF-8!!',
  'κόσμε',
  '\u{10ffff}',
  '\ufffe',
  '\u0000',
  '\u0080',
  '\u0800',
  '\u{10000}',
  '퟿',
  '\ue000',
  '�',
  '߿'
]
const BAD_TEXTS = [
  '80',
  'bf',
  '8080',
  'c0',
  'e0',
  'f8',
  'fe',
  'ff',
  'c0af',
  'e080af',
  'f08080af',
  'f8808080af',
  'c080',
  'c1bf',
  'e09fbf',
  'f08fbfbf',
  'eda080',
  'edbfbf',
  'eda080edb080',
  'f4908080',
  'f7bfbfbf',
  'cebae1bdb9cf83cebcceb5eda080656469746564',
  'cebae1bdb9cf83cebcceb5f4908080656469746564'
]

const utf8: readonly Case[] = [
  ...GOOD_TEXTS.flatMap((each, i) => [
    polite(`good text ${i}`, text(each)),
    chopped(`good text ${i} octet by octet`, 1, text(each)),
    polite(
      `good text ${i} in fragments`,
      text(Buffer.from(each).subarray(0, 1), false),
      more(Buffer.from(each).subarray(1), true)
    )
  ]),
  ...BAD_TEXTS.flatMap((hex) => [
    polite(`bad text ${hex}`, text(Buffer.from(hex, 'hex'))),
    polite(`bad text ${hex} in fragments`, text('ok', false), more(Buffer.from(hex, 'hex'), true))
  ])
]

const closes: readonly Case[] = [
  conversation('a close', close()),
  conversation('a close without a code', close(Buffer.alloc(0))),
  conversation('a close of one byte', close(Buffer.from([3]))),
  conversation('a close with a reason', close(1000, 'Hello World!')),
  conversation('a close with a reason of 123 bytes', close(1000, '*'.repeat(123))),
  conversation('a close with a reason of 124 bytes', close(1000, '*'.repeat(124))),
  conversation('a close whose reason is no UTF-8', close(1000, Buffer.from('cebae1bdb9eda080', 'hex'))),
  conversation('two closes', close(), close()),
  conversation('a close and a ping', close(), ping()),
  conversation('a close and text', close(), text('more')),
  conversation('a close amid fragments', text('f1', false), close(), more('f2', true)),
  conversation('a large message and a close', binary(pattern(262_144)), close(), text('late')),
  ...[
    1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999, 0, 999, 1004, 1005, 1006,
    1016, 1100, 2000, 2999, 5000, 65_535
  ].map((code) => conversation(`close code ${code}`, close(code)))
]

const limits: readonly Case[] = [
  ...[65_536, 262_144, 1_048_576].flatMap((length) => [
    polite(`a message of ${length} bytes`, binary(pattern(length))),
    polite(
      `a message of ${length} bytes in frames of 4 KiB`,
      binary(Buffer.alloc(0), false),
      ...Array.from({ length: length / 4096 }, () => more(pattern(4096))),
      more('', true)
    ),
    chopped(`a message of ${length} bytes in writes of 1,460`, 1_460, binary(pattern(length)))
  ]),
  ...[0, 16, 64, 256, 1024, 4096].map((length) =>
    polite(`500 messages of ${length} bytes`, ...Array.from({ length: 500 }, () => binary(pattern(length))))
  ),
  polite('a frame without a mask', frame({ opcode: TEXT, payload: 'x', unmasked: true }))
]

/** RFC 7692: without the empty block at the end. */
const deflated = (payload: Buffer): Buffer => deflateRawSync(payload, { finishFlush: 2 }).subarray(0, -4)

const compression: readonly Case[] = [
  ...[16, 64, 256, 1024, 4096, 8192, 16_384, 32_768, 65_536, 131_072].flatMap((length) =>
    [TEXT, BINARY].map((opcode) =>
      polite(
        `20 deflated messages of ${length} bytes, opcode ${opcode}`,
        ...Array.from({ length: 20 }, () =>
          frame({ opcode, payload: deflated(Buffer.alloc(length, 'lorem ipsum ')), reserved: 4 })
        )
      )
    )
  ),
  polite(
    'a deflated message in fragments',
    frame({ opcode: TEXT, payload: deflated(Buffer.from('Hello')).subarray(0, 3), reserved: 4, fin: false }),
    more(deflated(Buffer.from('Hello')).subarray(3), true)
  ),
  polite(
    'a message that says deflated and is not',
    frame({ opcode: TEXT, payload: Buffer.from([0xff, 0xff, 0xff]), reserved: 4 })
  ),
  polite('a plain message among deflated ones', text('plain'))
].map((each) => ({ ...each, deflate: true }))

/** The groups of the public suite for WebSocket, in our own words. */
export const cases: readonly Case[] = [
  ...framing,
  ...pings,
  ...reservedBits,
  ...opcodes,
  ...fragments,
  ...utf8,
  ...closes,
  ...limits,
  ...compression
]
