import type { Seeded } from './seeded.ts'

const ORDINARY = [
  'Accept: */*', 'User-Agent: curl/8.0', 'X-A: b', 'X-Empty:', 'x-spaces:   a  b  ', 'Cookie: a=b; c=d', 'X-Tab:\ta\t', 'X-Obs: caf\xe9',
  'TE: trailers', 'Expect: 100-continue', 'Keep-Alive: timeout=5', 'Via: 1.0 x', "!#$%&'*+-.^_`|~9aZ: token", 'X-Long: ' + 'v'.repeat(200)
] // prettier-ignore

const CONNECTION = ['Connection: keep-alive', 'Connection: close', 'connection: Keep-Alive, close', 'Connection: upgrade', 'Connection: x-a', 'Connection:', 'Proxy-Connection: close', 'Upgrade: websocket'] // prettier-ignore

const ODD_LINES = [
  'X-A : b', ' X-A: b', '\tX-A: b', 'X A: b', 'X-A', ':', ': b', 'X-A:\x00b', 'X-A: b\x01c', 'X-A: a\x7fb', 'X-A: b\rX-B: c', 'X-\xe9: b', 'X(A): b', 'X-A:b\r\n c',
  'X-A:b\r\n\tc', 'X"A: b', 'X-A: \x0bb', 'X-A: a\x0c', 'Host: b', 'Host:', 'Host: a, b', 'Host: u@a', 'Host : a', 'Expect: x', 'X-A: b\nX-B: c', 'Host: a:99999'
] // prettier-ignore

const LENGTH_NAMES = ['Content-Length', 'content-length', 'CONTENT-LENGTH']
const ODD_LENGTH_NAMES = [
  'Content-Length ',
  'Content_Length',
  'Content-Lengt',
  'Content-Length\t',
  'Content-Length\x00'
]
const ODD_LENGTHS = ['', '+5', '-5', '0x5', '5,5', '5, 5', '5 5', '5;', '05', '005', '5.0', '5e0', '99999999999999999999', '18446744073709551616', 'five', '٥', '5\x0b', '5, 6', '"5"', '1_0'] // prettier-ignore

const CODING_NAMES = ['Transfer-Encoding', 'transfer-encoding']
const ODD_CODING_NAMES = [
  'Transfer-Encoding ',
  'Transfer_Encoding',
  ' Transfer-Encoding',
  'Transfer-Encoding\x00',
  'Transfer-Encodin'
]
const ODD_CODINGS = [
  'identity', 'gzip, chunked', 'chunked, gzip', 'chunked, chunked', 'xchunked', 'chunkedx', 'chunked;q=1', '"chunked"', 'chunked,', ',chunked', 'chunk', '', 'gzip',
  'chunked\x0b', '\x0bchunked', 'identity, chunked', 'cow', 'chunked, identity', 'ch unked', 'chunked\t', 'CHUNKED '
] // prettier-ignore

export interface Framing {
  readonly lines: readonly string[]
  readonly body: string
}

/** Fields other than framing, as lines without their ends. */
export function fieldLines(random: Seeded): string[] {
  const lines: string[] = []
  for (let count = random.below(5); count > 0; count--) lines.push(random.mostly(ORDINARY, ODD_LINES, 0.12))
  if (random.chance(0.2)) lines.push(random.of(CONNECTION))
  return lines
}

/** Framing fields with a body that mostly fits them. */
export function framing(random: Seeded): Framing {
  switch (random.below(8)) {
    case 0:
    case 1:
    case 2:
      return { lines: [], body: random.chance(0.05) ? 'stray' : '' }
    case 3:
    case 4: {
      const body = 'x'.repeat(random.below(12))
      const length = random.mostly([String(body.length)], [...ODD_LENGTHS, String(body.length + 3)], 0.25)
      const line = `${random.mostly(LENGTH_NAMES, ODD_LENGTH_NAMES, 0.08)}:${random.of([' ', '', '  '])}${length}${random.of(['', '', ' '])}`
      return { lines: random.chance(0.08) ? [line, line] : [line], body }
    }
    case 5:
    case 6: {
      const coding = random.mostly(['chunked', 'chunked', 'Chunked'], ODD_CODINGS, 0.25)
      const line = `${random.mostly(CODING_NAMES, ODD_CODING_NAMES, 0.08)}: ${coding}`
      return {
        lines: random.chance(0.06) ? [line, `Transfer-Encoding: ${random.of(ODD_CODINGS)}`] : [line],
        body: chunks(random)
      }
    }
    default: {
      const lines = [
        `Content-Length: ${random.below(9)}`,
        `Transfer-Encoding: ${random.mostly(['chunked'], ODD_CODINGS, 0.4)}`
      ]
      return { lines: random.chance(0.5) ? lines : lines.reverse(), body: chunks(random) }
    }
  }
}

const ODD_SIZES = ['', '0x3', '+3', '-3', ' 3', '3 ', '3\t', '00000000000000000003', '3g', 'ffffffffffffffffff', '3\x0b', '3;', 'g', '3 ;a', '3;a b', '3;\x00', '3;a=\x7f', '3;a="\r\n"'] // prettier-ignore
const EXTENSIONS = ['', '', '', '', ';a', ';a=b', ';a="b c"', ';a=b;c', ';a="\\""']

function chunks(random: Seeded): string {
  let body = ''
  for (let count = random.below(4); count > 0; count--) {
    const data = 'd'.repeat(1 + random.below(18))
    const size = random.of([
      data.length.toString(16),
      data.length.toString(16).toUpperCase(),
      '0' + data.length.toString(16)
    ])
    body += `${random.mostly([size], ODD_SIZES, 0.06)}${random.of(EXTENSIONS)}${lineEnd(random)}${data}${lineEnd(random)}`
  }
  const trailers = random.mostly(
    ['', '', '', 'X-T: 1\r\n', 'X-T: 1\r\nX-U: 2\r\n'],
    ['X T: 1\r\n', ' X: 1\r\n', 'X: \x00\r\n', 'Content-Length: 5\r\n', 'X: 1\n'],
    0.06
  )
  return `${body}${random.mostly(['0'], ['00', '000', '', '0;a', '-0', '0 '], 0.08)}${lineEnd(random)}${trailers}${lineEnd(random)}`
}

/** CR LF, and rarely something else. */
export function lineEnd(random: Seeded): string {
  return random.mostly(['\r\n'], ['\n', '\r', '\r\r\n', '\r\n\r\n', ' \r\n', '\n\r', '\r\n '], 0.01)
}
