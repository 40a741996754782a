import { HeaderBlock } from '../../../src/l7/message/header-block.ts'
import { ChunkedReader, type ChunkSink } from '../../../src/l7/http1/parse/chunked-reader.ts'
import { parsedRequest, parseRequest, type HeadLimits } from '../../../src/l7/http1/parse/request-parser.ts'
import { responseHead } from '../../../src/l7/http1/write/message-writer.ts'
import { parsedResponse, parseResponse } from '../../../src/l7/http1/parse/response-parser.ts'
import { check, sink, type MicroCase } from '../micro-case.ts'

const limits: HeadLimits = { headBytes: 16_384, headerCount: 100, urlBytes: 8192 }

const small = 'GET / HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\n'

// Fields as Firefox sends them.
const browser =
  'GET /shop/items/4711?sort=price&page=2 HTTP/1.1\r\nHost: shop.example.com\r\n' +
  'User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0\r\n' +
  'Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8\r\n' +
  'Accept-Language: en-GB,en;q=0.7,de;q=0.3\r\nAccept-Encoding: gzip, deflate, br, zstd\r\n' +
  'Connection: keep-alive\r\nReferer: https://shop.example.com/shop/\r\nUpgrade-Insecure-Requests: 1\r\n' +
  'Cookie: session=9f8b7c6d5e4f3a2b1c0d; theme=dark; consent=yes\r\n' +
  'Sec-Fetch-Dest: document\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Site: same-origin\r\nPriority: u=0, i\r\n\r\n'

const response =
  'HTTP/1.1 200 OK\r\nServer: nginx/1.22.1\r\nDate: Sat, 21 Nov 2026 00:00:00 GMT\r\n' +
  'Content-Type: text/html; charset=utf-8\r\nContent-Length: 5120\r\nConnection: keep-alive\r\n' +
  'Cache-Control: public, max-age=60\r\nETag: "5e4f-61f2"\r\nVary: Accept-Encoding\r\n\r\n'

function parse(name: string, text: string): MicroCase {
  return {
    group: 'http1',
    name,
    prepare: () => {
      const buffer = Buffer.from(text, 'latin1')
      check(parseRequest(buffer, 0, buffer.length, limits) === buffer.length, name)
      check(parsedRequest().method === 'GET', name)
      return (count) => {
        for (let i = 0; i < count; i++) parseRequest(buffer, 0, buffer.length, limits)
        sink.value = parsedRequest()
      }
    }
  }
}

export const cases: readonly MicroCase[] = [
  parse('parse request, 2 lines', small),
  parse('parse request, browser (14 fields)', browser),
  {
    group: 'http1',
    name: 'parse response, 8 fields',
    prepare: () => {
      const buffer = Buffer.from(response, 'latin1')
      check(parseResponse(buffer, 0, buffer.length, false) === buffer.length, 'response')
      check(parsedResponse().status === 200, 'status')
      return (count) => {
        for (let i = 0; i < count; i++) parseResponse(buffer, 0, buffer.length, false)
        sink.value = parsedResponse()
      }
    }
  },
  {
    group: 'http1',
    name: 'serialize response head, 8 fields',
    prepare: () => {
      const buffer = Buffer.from(response, 'latin1')
      parseResponse(buffer, 0, buffer.length, false)
      const { text } = parsedResponse().headers
      const target = Buffer.allocUnsafe(4096)
      check(responseHead(200, 'OK', text, 5120, 1, false).startsWith('HTTP/1.1 200 OK\r\n'), 'head')
      return (count) => {
        // Written into a buffer, since a joined string is only a promise until somebody reads it.
        for (let i = 0; i < count; i++) {
          sink.value = target.write(responseHead(200, 'OK', text, 5120 + (i & 7), 1, false), 0, 'latin1')
        }
      }
    }
  },
  {
    group: 'http1',
    name: 'find a field among 13, by name',
    prepare: () => {
      const block = new HeaderBlock(browser.slice(browser.indexOf('\n') + 1, -2))
      check(block.first('cookie')?.startsWith('session=') === true, 'cookie')
      return (count) => {
        for (let i = 0; i < count; i++) sink.value = block.first('cookie')
      }
    }
  },
  {
    group: 'http1',
    name: 'read a chunked body, 4 chunks of 1 KB',
    prepare: () => {
      const chunk = `400\r\n${'x'.repeat(1024)}\r\n`
      const buffer = Buffer.from(`${chunk.repeat(4)}0\r\n\r\n`, 'latin1')
      let bytes = 0
      let ends = 0
      const counting: ChunkSink = {
        onChunkData: (_buffer, start, end) => void (bytes += end - start),
        onChunkEnd: () => void ends++
      }
      const read = (): number => new ChunkedReader().read(buffer, 0, buffer.length, counting)
      check(read() === buffer.length && bytes === 4096 && ends === 1, 'chunked body')
      return (count) => {
        for (let i = 0; i < count; i++) read()
        sink.value = bytes
      }
    }
  }
]
