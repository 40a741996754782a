import { chunked, get, only, post, refused, served, start, type Probe } from './probe.ts'

export const lengthProbes: readonly Probe[] = [
  served('a length and its body', `${post}Content-Length: 5\r\n\r\nhello`, { echoes: 'hello' }),
  served('a length of 0', `${post}Content-Length: 0\r\n\r\n`, { echoes: '' }),
  served('neither length nor coding', `${post}\r\n`, { echoes: '' }),
  served('GET with a body', `${get}Content-Length: 5\r\n\r\nhello`, { echoes: 'hello' }),
  ...[
    'abc',
    '+5',
    '-1',
    '-0',
    '-1234',
    '-123456789123456789123456789',
    '99999999999999999999',
    '0o5',
    '0x5',
    '1_0',
    '1 0',
    '5, 10',
    '5, 5, 5',
    ''
  ].map((length) =>
    refused(`a length of ${JSON.stringify(length)}`, `${post}Content-Length: ${length}\r\n\r\nhelloworld`)
  ),
  ...['005', '00', '0200'].map((length) =>
    only(
      `a length of ${length}`,
      `${post}Content-Length: ${length}\r\n\r\n${'A'.repeat(Number(length))}`,
      [200, 400]
    )
  ),
  ...['5 ', ' 5'].map((length) =>
    served(`a length of ${JSON.stringify(length)}`, `${post}Content-Length: ${length}\r\n\r\nhello`, {
      echoes: 'hello'
    })
  ),
  refused('two lengths that differ', `${post}Content-Length: 5\r\nContent-Length: 10\r\n\r\nhelloworld`),
  refused(
    'the name of a length with a space',
    `${post}Content-Length: 11\r\nContent-Length : 5\r\n\r\nhello world`
  ),
  refused(
    'the name of a length with a tab',
    `${post}Content-Length: 11\r\nContent\tLength: 99\r\n\r\nhello world`
  ),
  served(
    'the name of a length with an underscore',
    `${post}Content-Length: 11\r\nContent_Length: 99\r\n\r\nhello world`,
    { echoes: 'hello world' }
  ),
  served('HEAD with a body', start('HEAD / HTTP/1.1') + 'Content-Length: 5\r\n\r\nhello'),
  served('OPTIONS with a body', start('OPTIONS / HTTP/1.1') + 'Content-Length: 5\r\n\r\nhello')
]

export const codingProbes: readonly Probe[] = [
  served('one chunk', `${chunked}5\r\nhello\r\n0\r\n\r\n`, { echoes: 'hello' }),
  served('two chunks', `${chunked}5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n`, { echoes: 'hello world' }),
  served('no chunk', `${chunked}0\r\n\r\n`, { echoes: '' }),
  served('an extension', `${chunked}5;ext=value\r\nhello\r\n0\r\n\r\n`, { echoes: 'hello' }),
  served('a trailer', `${chunked}5\r\nhello\r\n0\r\nX-Checksum: abc\r\n\r\n`, { echoes: 'hello' }),
  served('a size in capitals', `${chunked}A\r\nhelloworld\r\n0\r\n\r\n`, { echoes: 'helloworld' }),
  ...[
    'Content-Length: 50',
    'Transfer-Encoding: chunked',
    'Host: evil.example.com',
    'Authorization: Bearer evil',
    'Content-Type: text/evil'
  ].map((trailer) =>
    only(`the trailer ${trailer}`, `${chunked}5\r\nhello\r\n0\r\n${trailer}\r\n\r\n`, [200, 400])
  ),
  served('a coding in capitals', `${post}TRANSFER-ENCODING: chunked\r\n\r\nB\r\nhello world\r\n0\r\n\r\n`, {
    echoes: 'hello world'
  }),
  {
    name: 'the name of a coding with an underscore, then what its body would have been',
    sends: [`${post}Transfer_Encoding: chunked\r\n\r\n`, 'B\r\nhello world\r\n0\r\n\r\n'],
    answers: [[200], [400]],
    closes: true
  },
  refused(
    'a coding and HTTP/1.0',
    start('POST / HTTP/1.0') + 'Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\nhello'
  ),
  refused('an unknown coding', `${post}Transfer-Encoding: gzip\r\n\r\n`, [400, 501]),
  refused('chunked that is not last', `${post}Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n`),
  ...[
    ': xchunked',
    ': chunked ',
    ' : chunked',
    ': chunked, chunked',
    ': Chunked',
    ': ',
    ': , chunked',
    ': chunked,',
    ':\tchunked',
    ': \x0bchunked',
    ': \x0cchunked',
    ': chunked\0',
    ': identity',
    ': chunked\r\nTransfer-Encoding: identity',
    ': chunked;ext=val',
    ':\r\n chunked'
  ].map((coding) =>
    refused(
      `a length and the coding ${JSON.stringify(coding)}`,
      `${post}Transfer-Encoding${coding}\r\nContent-Length: 5\r\n\r\nhello`,
      [400, 501]
    )
  ),
  ...['5;', '5;bad[=x', '1_0', '0x5', '+5', '-1', '5 ', ' 5', '5;\0ext', '5;a\rX', ''].map((size) =>
    refused(`a chunk’s size ${JSON.stringify(size)}`, `${chunked}${size}\r\nhello world!!!!!\r\n0\r\n\r\n`)
  ),
  refused('LF alone behind a size', `${chunked}5;\nhello\r\n0\r\n\r\n`),
  refused('CR alone behind a size', `${chunked}5\rhello\r\n0\r\n\r\n`),
  refused('nothing behind a chunk', `${chunked}5\r\nhello0\r\n\r\n`),
  refused('more than a chunk’s size', `${chunked}5\r\nhello!!\r\n0\r\n\r\n`),
  refused('LF alone behind a chunk', `${chunked}5\r\nhello\n0\r\n\r\n`),
  refused('LF alone behind the last chunk', `${chunked}5\r\nhello\r\n0\r\n\n`)
]
