import t from 'tap'
import { ResponseCounter } from '../../bench/load/response-counter.ts'

const stream = Buffer.from(
  'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello' +
    'HTTP/1.1 204 No Content\r\n\r\n' +
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=1\r\nabc\r\nA\r\n0123456789\r\n0\r\nX-Trailer: 1\r\n\r\n' +
    'HTTP/1.1 503 Busy\r\ncontent-length: 0\r\nconnection: close\r\n\r\n'
)

t.test('responses are counted alike however the bytes are split', async (t) => {
  const wrong: string[] = []
  for (let size = 1; size <= stream.length; size++) {
    const counter = new ResponseCounter()
    let count = 0
    for (let at = 0; at < stream.length; at += size) count += counter.push(stream.subarray(at, at + size))
    if (count !== 4 || counter.status !== 503 || !counter.closing)
      wrong.push(`${count} in pieces of ${size} bytes`)
  }
  t.same(wrong, [])
})

t.test('what is not HTTP is refused', async (t) => {
  t.throws(() => new ResponseCounter().push(Buffer.from('SSH-2.0-x\r\n\r\n')), /not a response/)
  t.throws(
    () =>
      new ResponseCounter().push(Buffer.from('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n')),
    /bad chunk size/
  )
})
