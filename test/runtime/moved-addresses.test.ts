import { mkdtempSync, rmSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { freePort } from '../free-port.ts'
import { startLb, type Lb } from '../e2e/servers.ts'

/** Who answers at an address. */
function asked(place: string): Promise<string> {
  const [host, port] = place.split(':')
  const where = place.startsWith('unix:')
    ? { socketPath: place.slice(5) }
    : { host: host!, port: Number(port) }
  return new Promise((resolve, reject) => {
    const sent = request({ ...where, path: '/healthz', agent: false }, (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (part: string) => (text += part))
      response.on('end', () => resolve(text.trim()))
    })
    sent.on('error', reject).end()
  })
}

function answering(name: string, bind: string): object {
  return { name, bind, mode: 'l7', routes: [{ match: {}, respond: { body: name } }] }
}

async function places(t: Test): Promise<string[]> {
  const folder = mkdtempSync(join(tmpdir(), 'lb-moved-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  return [`unix:${folder}/lb.sock`, `127.0.0.1:${await freePort()}`]
}

async function applied(lb: Lb, yaml: object): Promise<unknown> {
  return ((await lb.apply(yaml)) as { errors?: unknown }).errors
}

const elsewhere = answering('elsewhere', '127.0.0.1:0')
const none = { pools: {} }

for (const workers of [0, 2]) {
  t.test(
    `workers ${workers}: an address that went comes back at once, and moves to and from admin`,
    async (t) => {
      for (const place of await places(t)) {
        const without = { ...none, workers, listeners: [elsewhere] }
        const listener = { ...none, workers, listeners: [answering('first', place)] }
        const admin = { ...without, admin: { bind: place } }
        const lb = await startLb(t, listener)
        for (let round = 0; round < 2; round++) {
          t.equal(await applied(lb, without), undefined)
          t.equal(await applied(lb, listener), undefined, `${place} comes back`)
          t.equal(await asked(place), 'first')
        }
        t.equal(await applied(lb, admin), undefined, `${place} goes to admin`)
        t.match(await asked(place), /ok|alive|healthy/i)
        t.equal(await applied(lb, { ...listener, listeners: [answering('second', place)] }), undefined)
        t.equal(await asked(place), 'second', `${place} comes back from admin`)
        await lb.running.kill()
        const again = await startLb(t, listener)
        t.equal(await asked(place), 'first', 'and is free once lb was ended')
        await again.running.kill()
      }
    }
  )
}

t.test('a reload that fails gives admin its address back', async (t) => {
  for (const place of await places(t)) {
    const admin = { ...none, workers: 0, listeners: [elsewhere], admin: { bind: place } }
    const lb = await startLb(t, admin)
    const owner = { socket: { owner: 'no-such-account' } }
    const folder = mkdtempSync(join(tmpdir(), 'lb-moved-'))
    t.teardown(() => rmSync(folder, { recursive: true }))
    const refused = { ...answering('refused', `unix:${folder}/r.sock`), ...owner }
    const errors = await applied(lb, { ...none, workers: 0, listeners: [answering('taker', place), refused] })
    t.match(errors, [/no-such-account/])
    t.match(await asked(place), /ok|alive|healthy/i, `${place} is admin's`)
    await lb.running.kill()
  }
})
