import { forwarded, message, refused, type RequestCase } from '../request-case.ts'

const SMUGGLED = 'GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n'
const CHUNKED_END = '0\r\n\r\n'

function length(value: string, body = 'abcde'): string {
  return message('POST /x HTTP/1.1', [`Content-Length: ${value}`], body)
}

function coding(...fields: string[]): string {
  return message('POST /x HTTP/1.1', fields, `1\r\na\r\n${CHUNKED_END}`)
}

/** Where the message ends (RFC 9112 §6): Content-Length and Transfer-Encoding, together and apart. */
export const framingCases: readonly RequestCase[] = [
  forwarded('a body of Content-Length', length('5'), { line: 'POST /x', body: 'abcde' }),
  forwarded('a body of length 0', length('0', ''), { line: 'POST /x', body: '' }),
  forwarded('spaces around a length', length('  5  '), { line: 'POST /x', body: 'abcde' }),
  forwarded('a POST without a body', message('POST /x HTTP/1.1'), { line: 'POST /x', body: '' }),
  forwarded('a GET with a body', message('GET /x HTTP/1.1', ['Content-Length: 3'], 'abc'), {
    line: 'GET /x',
    body: 'abc'
  }),
  forwarded('a chunked body', coding('Transfer-Encoding: chunked'), { line: 'POST /x', body: 'a' }),
  forwarded('chunked in other letters', coding('transfer-encoding: ChunKed'), { line: 'POST /x', body: 'a' }),
  forwarded(
    'a GET with a chunked body',
    message('GET /x HTTP/1.1', ['Transfer-Encoding: chunked'], `2\r\nab\r\n${CHUNKED_END}`),
    { line: 'GET /x', body: 'ab' }
  ),

  refused(
    'CL.TE',
    message(
      'POST /x HTTP/1.1',
      ['Content-Length: 6', 'Transfer-Encoding: chunked'],
      `${CHUNKED_END}${SMUGGLED}`
    )
  ),
  refused(
    'TE.CL',
    message(
      'POST /x HTTP/1.1',
      ['Transfer-Encoding: chunked', 'Content-Length: 4'],
      `5c\r\n${SMUGGLED}${CHUNKED_END}`
    )
  ),
  refused(
    'TE.CL with length 0',
    message(
      'POST /x HTTP/1.1',
      ['Content-Length: 0', 'Transfer-Encoding: chunked'],
      `${CHUNKED_END}${SMUGGLED}`
    )
  ),
  refused('CL and TE of an unknown coding', coding('Content-Length: 5', 'Transfer-Encoding: x'), [400, 501]),
  refused('CL and TE: identity', coding('Content-Length: 5', 'Transfer-Encoding: identity'), [400, 501]),
  refused('CL and empty TE', coding('Content-Length: 5', 'Transfer-Encoding:')),
  ...[
    ['TE twice', 'Transfer-Encoding: chunked', 'Transfer-Encoding: chunked'],
    ['TE twice, the second unknown', 'Transfer-Encoding: chunked', 'Transfer-Encoding: x'],
    ['TE twice, the first identity', 'Transfer-Encoding: identity', 'Transfer-Encoding: chunked'],
    ['TE twice, the second empty', 'Transfer-Encoding: chunked', 'Transfer-Encoding:'],
    ['TE: chunked, chunked', 'Transfer-Encoding: chunked, chunked'],
    ['TE: identity, chunked', 'Transfer-Encoding: identity, chunked'],
    ['TE: gzip, chunked', 'Transfer-Encoding: gzip, chunked'],
    ['TE: chunked, gzip', 'Transfer-Encoding: chunked, gzip'],
    ['TE: chunked, identity', 'Transfer-Encoding: chunked, identity'],
    ['TE: identity', 'Transfer-Encoding: identity'],
    ['TE: gzip', 'Transfer-Encoding: gzip'],
    ['TE: xchunked', 'Transfer-Encoding: xchunked'],
    ['TE: chunkedx', 'Transfer-Encoding: chunkedx'],
    ['TE: x-chunked', 'Transfer-Encoding: x-chunked'],
    ['TE: chunk', 'Transfer-Encoding: chunk'],
    ['TE: an unknown coding', 'Transfer-Encoding: cow'],
    ['TE quoted', 'Transfer-Encoding: "chunked"'],
    ['TE in apostrophes', "Transfer-Encoding: 'chunked'"],
    ['TE with a parameter', 'Transfer-Encoding: chunked;q=1'],
    ['TE with a comma before', 'Transfer-Encoding: ,chunked'],
    ['TE with a comma after', 'Transfer-Encoding: chunked,'],
    ['TE empty', 'Transfer-Encoding:'],
    ['TE with a tab after', 'Transfer-Encoding: chunked\t'],
    ['TE with a vertical tab before', 'Transfer-Encoding: \x0bchunked'],
    ['TE with a vertical tab after', 'Transfer-Encoding: chunked\x0b'],
    ['TE with a form feed', 'Transfer-Encoding: \x0cchunked'],
    ['TE with a NUL', 'Transfer-Encoding: chunked\x00'],
    ['TE with a no-break space', 'Transfer-Encoding: \xa0chunked'],
    ['TE with a DEL', 'Transfer-Encoding: chunked\x7f'],
    ['TE in two words', 'Transfer-Encoding: chun ked'],
    ['TE folded', 'Transfer-Encoding:\r\n chunked'],
    ['TE folded after the value', 'Transfer-Encoding: chunked\r\n , identity'],
    ['TE with a space before the colon', 'Transfer-Encoding : chunked'],
    ['TE with a tab before the colon', 'Transfer-Encoding\t: chunked'],
    ['TE with a space before the name', ' Transfer-Encoding: chunked'],
    ['TE with a NUL in the name', 'Transfer-Encoding\x00: chunked'],
    ['TE with a CR in the name', 'Transfer-Encoding\r: chunked'],
    ['TE after a bare LF', 'X-A: b\nTransfer-Encoding: chunked'],
    ['TE after a bare CR', 'X-A: b\rTransfer-Encoding: chunked'],
    ['TE with a line feed after', 'Transfer-Encoding: chunked\n'],
    ['TE with a high letter in the name', 'Transfer-\xc5ncoding: chunked'],
    ['TE and CL with a space before its colon', 'Transfer-Encoding: chunked', 'Content-Length : 5']
  ].map(([name, ...fields]) => refused(name!, coding(...fields), [400, 501])),
  refused('TE in HTTP/1.0', message('POST /x HTTP/1.0', ['Transfer-Encoding: chunked'], CHUNKED_END)),

  refused(
    'CL twice, different',
    message('POST /x HTTP/1.1', ['Content-Length: 5', 'Content-Length: 6'], 'abcde')
  ),
  refused(
    'CL twice, the same',
    message('POST /x HTTP/1.1', ['Content-Length: 5', 'Content-Length: 5'], 'abcde')
  ),
  ...[
    ['+5', 'a plus'],
    ['-5', 'a minus'],
    ['-0', 'minus zero'],
    ['0x5', 'hexadecimal'],
    ['5,5', 'a list'],
    ['5, 5', 'a list with a space'],
    ['5, 6', 'a list of two'],
    ['5 5', 'a space inside'],
    ['5;', 'a semicolon'],
    ['5.0', 'a point'],
    ['5e0', 'an exponent'],
    ['', 'nothing'],
    ['five', 'letters'],
    ['5x', 'a letter after'],
    ['x5', 'a letter before'],
    ['"5"', 'quotes'],
    ['1_0', 'an underscore'],
    ['\x0b5', 'a vertical tab'],
    ['5\x00', 'a NUL'],
    ['\xb2', 'a superscript digit'],
    ['99999999999999999999', '20 digits'],
    ['18446744073709551616', '2^64'],
    ['18446744073709551621', '2^64 + 5'],
    ['4294967301\x0c', 'a form feed'],
    ['5\r\n 6', 'a folded line']
  ].map(([value, what]) => refused(`CL with ${what}`, length(value!))),
  refused('CL with a space before the colon', message('POST /x HTTP/1.1', ['Content-Length : 5'], 'abcde')),
  refused('CL with a NUL in the name', message('POST /x HTTP/1.1', ['Content-Length\x00: 5'], 'abcde')),
  forwarded(
    'a field that only looks like CL',
    message('POST /x HTTP/1.1', ['Content_Length: 5', 'Content-Length: 2'], 'ab'),
    { line: 'POST /x', body: 'ab', hasNot: ['content_length'] }
  ),
  forwarded(
    'a field that CGI reads as TE',
    message('POST /x HTTP/1.1', ['Transfer.Encoding: chunked', 'Content-Length: 2'], 'ab'),
    { line: 'POST /x', body: 'ab', hasNot: ['transfer.encoding', 'transfer-encoding'] }
  ),
  forwarded(
    'a field that only looks like TE',
    message('POST /x HTTP/1.1', ['X-Transfer-Encoding: chunked', 'Content-Length: 2'], 'ab'),
    { line: 'POST /x', body: 'ab' }
  )
]
