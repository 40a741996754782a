import { createHash, randomBytes } from 'node:crypto'
import { createServer, request } from 'node:http'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { giveBuffer, keepBytes } from '../../src/net/transport/kept-bytes.ts'
import { sharedBuffer } from '../../src/net/transport/read-buffer.ts'
import { labOf } from '../l7/engine/lab.ts'

t.test('all of a read is kept, with the longest head that fits before it', (t) => {
  randomBytes(sharedBuffer.length).copy(sharedBuffer)
  const { bytes, pooled } = keepBytes(sharedBuffer, 0, sharedBuffer.length)
  t.ok(bytes.equals(sharedBuffer))
  t.ok(pooled)
  giveBuffer(pooled!)
  t.end()
})

t.test('an upload whose head grows on the way arrives whole where the kernel cannot be asked', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'lb-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const path = join(folder, 's')
  const backend = createServer((asked, response) => {
    const hash = createHash('sha256')
    asked.on('data', (data: Buffer) => hash.update(data))
    asked.on('end', () => response.end(hash.digest('hex')))
  }).listen(path)
  await once(backend, 'listening')
  t.teardown(() => backend.close())
  const lab = await labOf([`unix:${path}`])
  t.teardown(() => lab.close())
  for (const length of [90_000, 1_000_000]) {
    const body = randomBytes(length)
    const call = request({
      host: '127.0.0.1',
      port: lab.port,
      method: 'POST',
      agent: false,
      headers: { 'content-length': length }
    })
    call.end(body)
    const [response] = (await once(call, 'response')) as [NodeJS.ReadableStream]
    let answer = ''
    for await (const part of response) answer += String(part)
    t.equal(answer, createHash('sha256').update(body).digest('hex'))
  }
})
