import { get, only, post, chunked, refused, start, type Probe } from './probe.ts'

/** A request that one server might end earlier than another, with a second one inside or behind it. */
const smuggled = (
  name: string,
  fields: string,
  body: (inner: string) => string,
  inner = `${get}\r\n`
): Probe =>
  refused(name, `${post}${fields.replace('LENGTH', String(body(inner).length))}\r\n\r\n${body(inner)}`)

const behindChunks = (inner: string): string => `0\r\n\r\n${inner}`

const both = (order: 'length first' | 'coding first', length: number): string =>
  order === 'length first'
    ? `${post}Content-Length: ${length}\r\nTransfer-Encoding: chunked\r\n\r\n`
    : `${post}Transfer-Encoding: chunked\r\nContent-Length: ${length}\r\n\r\n`

export const smugglingProbes: readonly Probe[] = [
  refused('both, with a body that fits both', `${both('length first', 23)}D\r\nhello-bananas\r\n0\r\n\r\n`),
  refused('both, the length shorter', `${both('length first', 4)}0\r\n\r\n`),
  refused('both, the length longer', `${both('coding first', 30)}0\r\n\r\n`),
  refused('both and GET without a body', `${get}Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n`),
  ...(['length first', 'coding first'] as const).flatMap((order) => [
    {
      name: `both, ${order}, and a request behind`,
      sends: [`${both(order, 5)}0\r\n\r\n`, `${get}\r\n`],
      answers: [[400]],
      closes: true
    },
    {
      name: `both, ${order}, a byte over, and a request behind`,
      sends: [`${both(order, 6)}0\r\n\r\nX`, `${get}\r\n`],
      answers: [[400]],
      closes: true
    }
  ]),
  ...['LENGTH', '+LENGTH', 'LENGTHx'].map((length) =>
    smuggled(
      `a GET behind the last chunk, length ${length}`,
      `Content-Length: ${length}\r\nTransfer-Encoding: chunked`,
      behindChunks
    )
  ),
  ...[
    ':\r\n chunked',
    ': chunked ',
    ': , chunked',
    ': Chunked',
    ': chunked\r\nTransfer-Encoding: identity'
  ].map((coding) =>
    smuggled(
      `a GET behind the last chunk, coding ${JSON.stringify(coding)}`,
      `Transfer-Encoding${coding}\r\nContent-Length: LENGTH`,
      behindChunks
    )
  ),
  smuggled(
    'a HEAD behind the last chunk',
    'Content-Length: LENGTH\r\nTransfer-Encoding: chunked',
    behindChunks,
    start('HEAD / HTTP/1.1') + '\r\n'
  ),
  smuggled(
    'a GET in a chunk, the length is that of the size',
    'Transfer-Encoding: chunked\r\nContent-Length: 4',
    (inner) => `${inner.length.toString(16)}\r\n${inner}\r\n0\r\n\r\n`
  ),
  smuggled(
    'a GET behind the lesser of two lengths',
    'Content-Length: 4\r\nContent-Length: LENGTH',
    (inner) => `PING${inner}`
  ),
  refused(
    'OPTIONS with a folded coding',
    `${start('OPTIONS / HTTP/1.1')}Transfer-Encoding:\r\n chunked\r\nContent-Length: 5\r\n\r\nhello`
  ),
  {
    name: 'a byte behind an invalid last chunk',
    sends: [`${chunked}+0\r\n\r\nX`, `${get}\r\n`],
    answers: [[400]],
    closes: true
  },
  {
    name: 'a byte behind an empty body',
    sends: [`${post}Content-Length: 0\r\n\r\nX`, `${get}\r\n`],
    answers: [[200], [400, 501]],
    closes: true
  },
  {
    name: 'half a request as the body of GET',
    sends: [`${get}Content-Length: ${get.length}\r\n\r\n${get}`, `\r\n${get}\r\n`],
    answers: [[200], [200]]
  },
  ...['GET', 'OPTIONS'].map((method) => ({
    name: `${method} with a body, then another`,
    sends: [`${start(`${method} / HTTP/1.1`)}Content-Length: 5\r\n\r\nhello`, `${get}\r\n`],
    answers: [[200], [200]]
  })),
  {
    name: 'Expect with its body at once, then another',
    sends: [`${post}Content-Length: 5\r\nExpect: 100-continue\r\n\r\nhello`, `${get}\r\n`],
    answers: [[200], [200]]
  },
  { name: 'two requests', sends: [`${get}\r\n`, `${get}\r\n`], answers: [[200], [200]] }
]

const websocket =
  'Upgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n'

export const upgradeProbes: readonly Probe[] = [
  only('an upgrade by POST', `${post}Connection: Upgrade\r\n${websocket}`, [200, 400, 405, 426]),
  only('an upgrade that Connection does not name', `${get}${websocket}`, [200, 400]),
  only(
    'an upgrade to what nobody knows',
    `${get}Connection: Upgrade\r\nUpgrade: totally-made-up/1.0\r\n\r\n`,
    [200, 400]
  ),
  only('an upgrade by HTTP/1.0', `${start('GET / HTTP/1.0')}Connection: Upgrade\r\n${websocket}`, [200, 400]),
  only(
    'an upgrade to version 99',
    `${get}Connection: Upgrade\r\n${websocket.replace('13', '99')}`,
    [400, 426]
  ),
  {
    name: 'Expect by HTTP/1.0',
    sends: [`${start('POST / HTTP/1.0')}Expect: 100-continue\r\nContent-Length: 5\r\n\r\nhello`],
    answers: [[200]],
    echoes: 'hello',
    closes: true
  },
  { name: 'Expect without a body', sends: [`${get}Expect: 100-continue\r\n\r\n`], answers: [[200]] }
]
