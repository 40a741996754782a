import { forwarded, message, refused, type RequestCase } from '../request-case.ts'

function chunked(body: string, fields: readonly string[] = []): string {
  return message('POST /x HTTP/1.1', ['Transfer-Encoding: chunked', ...fields], body)
}

/** The body of a chunked request that is broken: the head may have gone to the origin, the message must not end well. */
function broken(name: string, body: string): RequestCase {
  return refused(`chunked: ${name}`, chunked(body))
}

/** Chunked coding (RFC 9112 §7.1). */
export const chunkedCases: readonly RequestCase[] = [
  forwarded('chunked: two chunks', chunked('3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n'), {
    line: 'POST /x',
    body: 'abcde'
  }),
  forwarded(
    'chunked: sizes in capitals and small letters',
    chunked('A\r\n0123456789\r\nb\r\n0123456789a\r\n0\r\n\r\n'),
    { line: 'POST /x', body: '01234567890123456789a' }
  ),
  forwarded('chunked: leading zeros', chunked('0003\r\nabc\r\n000\r\n\r\n'), {
    line: 'POST /x',
    body: 'abc'
  }),
  forwarded('chunked: extensions are dropped', chunked('3;a=b;c;d="e f"\r\nabc\r\n0;x\r\n\r\n'), {
    line: 'POST /x',
    body: 'abc'
  }),
  forwarded('chunked: a line end in a chunk’s data', chunked('4\r\na\r\nb\r\n0\r\n\r\n'), {
    line: 'POST /x',
    body: 'a\r\nb'
  }),
  forwarded('chunked: what looks like the end in the data', chunked('7\r\n0\r\n\r\nab\r\n0\r\n\r\n'), {
    line: 'POST /x',
    body: '0\r\n\r\nab'
  }),
  forwarded('chunked: trailers nobody asked for may be dropped', chunked('1\r\na\r\n0\r\nX-T: 1\r\n\r\n'), {
    line: 'POST /x',
    body: 'a'
  }),
  forwarded(
    'chunked: trailers that were announced',
    message(
      'POST /x HTTP/1.1',
      [
        'Transfer-Encoding: chunked',
        'Trailer: X-T, Authorization, X_Forwarded_For, Content-Digest, Content-Type'
      ],
      '1\r\na\r\n0\r\nX-T: 1\r\nAuthorization: x\r\nX-U: 2\r\nX_Forwarded_For: 6.6.6.6\r\nContent-Type: b\r\nContent-Digest: c\r\n\r\n'
    ),
    {
      line: 'POST /x',
      body: 'a',
      has: ['Trailer: X-T, Content-Digest'],
      trailers: ['X-T: 1', 'Content-Digest: c']
    }
  ),
  forwarded(
    'a Trailer field without chunks',
    message('POST /x HTTP/1.1', ['Content-Length: 1', 'Trailer: X-T'], 'a'),
    { line: 'POST /x', body: 'a', hasNot: ['trailer'] }
  ),
  forwarded(
    'chunked: pipelined after',
    chunked('1\r\na\r\n0\r\n\r\n') + message('GET /y HTTP/1.1'),
    { line: 'POST /x', body: 'a' },
    { line: 'GET /y' }
  ),
  forwarded('chunked: empty', chunked('0\r\n\r\n'), { line: 'POST /x', body: '' }),
  broken('no size', '\r\nabc\r\n0\r\n\r\n'),
  broken('a size that is no number', 'xyz\r\nabc\r\n0\r\n\r\n'),
  broken('0x before the size', '0x3\r\nabc\r\n0\r\n\r\n'),
  broken('a plus before the size', '+3\r\nabc\r\n0\r\n\r\n'),
  broken('a minus before the size', '-3\r\nabc\r\n0\r\n\r\n'),
  broken('a space before the size', ' 3\r\nabc\r\n0\r\n\r\n'),
  broken('a space after the size', '3 \r\nabc\r\n0\r\n\r\n'),
  broken('a tab after the size', '3\t\r\nabc\r\n0\r\n\r\n'),
  broken('a comma after the size', '3,3\r\nabc\r\n0\r\n\r\n'),
  broken('an underscore in the size', '1_0\r\nabc\r\n0\r\n\r\n'),
  broken('a size of 2^64', '10000000000000000\r\nabc\r\n0\r\n\r\n'),
  broken('a size of 2^64 + 3', '10000000000000003\r\nabc\r\n0\r\n\r\n'),
  broken('a size of 32 digits', 'f'.repeat(32) + '\r\nabc\r\n0\r\n\r\n'),
  broken('hundreds of zeros before the size', '0'.repeat(300) + '3\r\nabc\r\n0\r\n\r\n'),
  broken('LF alone after the size', '3\nabc\r\n0\r\n\r\n'),
  broken('CR alone after the size', '3\rabc\r\n0\r\n\r\n'),
  broken('LF alone after the data', '3\r\nabc\n0\r\n\r\n'),
  broken('CR alone after the data', '3\r\nabc\r0\r\n\r\n'),
  broken('no line end after the data', '3\r\nabc0\r\n\r\n'),
  broken('two letters in place of the line end', '3\r\nabcXX0\r\n\r\n'),
  broken('data longer than its size', '3\r\nabcd\r\n0\r\n\r\n'),
  broken('LF alone after the last size', '3\r\nabc\r\n0\n\r\n'),
  broken('LF alone at the very end', '3\r\nabc\r\n0\r\n\n'),
  broken('letters after the last size', '3\r\nabc\r\n0\r\nXX\r\n\r\n'),
  broken('a bare LF in an extension', '3;a\nb\r\nabc\r\n0\r\n\r\n'),
  broken('a bare CR in an extension', '3;a\rb\r\nabc\r\n0\r\n\r\n'),
  broken('a NUL in an extension', '3;a\x00\r\nabc\r\n0\r\n\r\n'),
  broken('an extension with an open quote over the line end', '3;a="b\r\nabc\r\n0\r\n\r\n'),
  broken('an extension of 64 KiB', `3;${'a'.repeat(65_536)}\r\nabc\r\n0\r\n\r\n`),
  broken(
    'an extension on each of thousands of chunks',
    '1;aaaaaaaaaaaaaaaa\r\na\r\n'.repeat(4000) + '0\r\n\r\n'
  ),
  broken('a NUL as the size', '\x00\r\nabc\r\n0\r\n\r\n'),
  broken('a trailer without a colon', '1\r\na\r\n0\r\nX-T\r\n\r\n'),
  broken('a trailer with a space before its colon', '1\r\na\r\n0\r\nX-T : 1\r\n\r\n'),
  broken('a folded trailer', '1\r\na\r\n0\r\nX-T: 1\r\n 2\r\n\r\n'),
  broken('a trailer with a NUL', '1\r\na\r\n0\r\nX-T: \x00\r\n\r\n'),
  broken('a trailer that ends in LF alone', '1\r\na\r\n0\r\nX-T: 1\n\r\n'),
  broken('a Content-Length in the trailers', '1\r\na\r\n0\r\nContent-Length: 5\r\n\r\n'),
  broken('a Transfer-Encoding in the trailers', '1\r\na\r\n0\r\nTransfer-Encoding: chunked\r\n\r\n'),
  broken('trailers of 64 KiB', `1\r\na\r\n0\r\nX-T: ${'a'.repeat(65_536)}\r\n\r\n`)
]
