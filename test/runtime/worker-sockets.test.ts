import { once } from 'node:events'
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { freePort } from '../free-port.ts'
import type { PoolSlots } from '../../src/balancer/table/slot-registry.ts'
import { DescriptorInbox } from '../../src/net/descriptors/descriptor-inbox.ts'
import { DescriptorSender, type SentSockets } from '../../src/net/descriptors/descriptor-sender.ts'
import { Duplicator } from '../../src/net/descriptors/duplicate.ts'
import { bindTcp, type StreamHandle } from '../../src/net/descriptors/bind-stream.ts'
import { ListenSocket, SHARES } from '../../src/runtime/plane/sockets/listen-socket.ts'
import { hasReusePort } from '../../src/runtime/plane/sockets/reuse-port.ts'
import { makePlaneSnapshot, type PlaneSnapshot } from '../../src/runtime/plane/plane-snapshot.ts'
import { Keepers, type KeptSeat } from '../../src/runtime/workers/sockets/keepers.ts'
import { WorkerSockets } from '../../src/runtime/workers/sockets/worker-sockets.ts'
import { configOf } from './configs.ts'

const skip = !hasReusePort && 'one socket per address here'

function snapshotOf(...binds: string[]): PlaneSnapshot {
  const config = configOf({
    listeners: binds.map((bind, i) => ({ name: `l${i}`, bind, mode: 'l4', pool: 'p' })),
    pools: { p: { backends: ['127.0.0.1:1'] } }
  })
  const nothing = { ports: {}, caches: new Map(), stageMemories: new Map(), slots: { p: {} as PoolSlots } }
  return makePlaneSnapshot({
    id: 1,
    config,
    logLevel: 'info',
    material: { listeners: {}, pools: {} },
    ...nothing
  })
}

function dial(t: Test, port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1')
  t.teardown(() => socket.destroy())
  return once(socket, 'connect').then(() => socket)
}

const bind = { kind: 'tcp', host: '127.0.0.1', port: 0, text: '127.0.0.1:0' } as const

t.test(
  'nobody gets in before all sockets listen, and then they wait for whoever accepts',
  { skip },
  async (t) => {
    const sockets = new WorkerSockets(2)
    t.teardown(() => sockets.close())
    const snapshot = snapshotOf('127.0.0.1:0')
    const port = sockets.prepare(snapshot)['l0#0']!
    await t.rejects(dial(t, port), { code: 'ECONNREFUSED' })
    await sockets.listen(snapshot)
    sockets.commit(snapshot)
    const clients = await Promise.all(Array.from({ length: 64 }, () => dial(t, port)))

    // Worker 1 accepts by duplicates, dies (they are closed), and another takes over: nobody is lost.
    const accepted: number[] = [0, 0, 0]
    const acceptor = async (thread: number, by: number) => {
      const handles = sockets.left(thread).get('l0#0')! as StreamHandle[]
      t.equal(handles.length, SHARES)
      const duplicator = new Duplicator()
      const copies = await Promise.all(handles.map((handle) => duplicator.duplicate(handle)))
      return { copies, accept: () => void accepted[by]!++ }
    }
    const [one, two] = [await acceptor(1, 1), await acceptor(2, 2)]
    const take = (count: () => void) => (attach: Parameters<ListenSocket['accept']>[0]) => {
      count()
      attach({ onData() {}, onEnd() {}, onDrain() {}, onClose() {} })
    }
    const first = ListenSocket.over(bind, one.copies, take(one.accept), t.fail)
    first.start()
    const deadline = Date.now() + 10_000
    while (accepted[1] === 0 && Date.now() < deadline) await new Promise(setImmediate)
    await first.close()
    const ofOne = accepted[1]!
    t.ok(ofOne > 8 && ofOne < 56, `${ofOne} of 64: the kernel spreads them over both`)

    const more = await Promise.all(Array.from({ length: 64 }, () => dial(t, port)))
    const second = ListenSocket.over(bind, two.copies, take(two.accept), t.fail)
    second.start()
    second.adopt(1, (await acceptor(1, 2)).copies)
    const all = clients.length + more.length
    while (accepted[1]! + accepted[2]! < all && Date.now() < deadline) await new Promise(setImmediate)
    t.equal(accepted[1]! + accepted[2]!, all)
    t.notOk(second.release(1), 'its own are left')
    await second.close()
  }
)

t.test('of two that bind at the same moment one may listen', { skip }, async (t) => {
  const port = await freePort()
  const [ours, theirs] = [new WorkerSockets(1), new WorkerSockets(1)]
  t.teardown(() => ours.close())
  t.teardown(() => theirs.close())
  const snapshot = snapshotOf(`127.0.0.1:${port}`)
  ours.prepare(snapshot)
  theirs.prepare(snapshot)
  await ours.listen(snapshot)
  await t.rejects(theirs.listen(snapshot), { code: 'EADDRINUSE', setting: 'listeners[0].bind' })
})

t.test('what cannot be had leaves nothing bound', { skip }, async (t) => {
  const port = await freePort()
  const sockets = new WorkerSockets(2)
  t.throws(() => sockets.prepare(snapshotOf(`127.0.0.1:${port}`, '192.0.2.1:1')), {
    code: 'EADDRNOTAVAIL',
    setting: 'listeners[1].bind'
  })
  const others = new WorkerSockets(1)
  t.teardown(() => others.close())
  const snapshot = snapshotOf(`127.0.0.1:${port}`)
  others.prepare(snapshot)
  await others.listen(snapshot)
})

t.test('a unix socket is one, of the first worker, and its file ends with it', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'lb-'))
  t.teardown(() => rmSync(dir, { recursive: true }))
  const path = join(dir, 's')
  const sockets = new WorkerSockets(2)
  const snapshot = snapshotOf(`unix:${path}`)
  t.strictSame(Object.keys(sockets.prepare(snapshot)), [])
  await sockets.listen(snapshot)
  t.equal(sockets.give(1).size, 1)
  t.equal(sockets.give(1).size, 0, 'it has it')
  t.equal(sockets.give(2).size, 0)
  sockets.ended(1)
  t.equal(sockets.give(1).size, 1, 'its replacement')
  t.ok(statSync(path).isSocket())
  sockets.commit(snapshotOf('127.0.0.1:0'))
  t.throws(() => statSync(path), { code: 'ENOENT' })
})

t.test('a living worker accepts for each dead one, until it is back', async (t) => {
  const told: string[] = []
  const keeper = (name: string) => ({
    adopt: (thread: number) => void told.push(`${name} adopts ${thread}`),
    release: (thread: number) => void told.push(`${name} releases ${thread}`)
  })
  const workers = ['a', 'b', 'c'].map(keeper)
  const keepers = new Keepers(() => new Map())
  const look = (alive: string, anew = false) => {
    const seats = [...alive].map((sign, i): KeptSeat => {
      const joined = sign === '+'
      return { thread: i + 1, joined, worker: joined ? workers[i] : undefined }
    })
    told.length = 0
    keepers.look(seats, anew)
    return told.join(', ')
  }
  t.equal(look('+++'), '')
  t.equal(look('-++'), 'c adopts 1')
  t.equal(look('-++'), '')
  t.equal(look('-++', true), 'c adopts 1')
  t.equal(look('-+-'), 'b adopts 1, b adopts 3')
  t.equal(look('---'), '')
  t.equal(look('+--'), 'a adopts 2, a adopts 3')
  t.equal(look('++-'), 'a releases 2')
  t.equal(look('+++'), 'a releases 3')
})

t.test(
  'a thread that does not get its turns for long finds its sockets in the pipe all the same',
  { skip },
  async (t) => {
    const handles = Array.from({ length: 12 }, () => bindTcp('127.0.0.1', 0, true))
    t.teardown(() => handles.forEach((handle) => handle.close()))
    const inboxes: DescriptorInbox[] = []
    const sender = new DescriptorSender((far) => void inboxes.push(new DescriptorInbox(far, 20)))
    t.teardown(() => sender.close())
    const taken = Promise.withResolvers<readonly { close(): void }[]>()
    await sender.send(new Map([['web', handles]]), ({ batch, keys }: SentSockets) => {
      t.strictSame(keys, [['web', 12]])
      inboxes[0]!.take(batch, 12).then(taken.resolve, taken.reject)
      for (const until = performance.now() + 60; performance.now() < until;);
    })
    const came = await taken.promise
    t.equal(came.length, 12)
    for (const handle of came) handle.close()
    await t.rejects(inboxes[0]!.take('never sent', 1), { message: 'sockets that were sent did not come' })
  }
)

t.test(
  'sockets that were sent to a thread that died before it opened its pipe do not listen on',
  { skip },
  async (t) => {
    const port = await freePort()
    const handle = bindTcp('127.0.0.1', port, true)
    handle.listen(16)
    const sender = new DescriptorSender(() => {})
    await sender.send(new Map([['web', [handle]]]), () => {})
    sender.close()
    handle.close()
    const refused = async () => {
      const socket = connect(port, '127.0.0.1')
      try {
        await once(socket, 'connect')
        return false
      } catch {
        return true
      } finally {
        socket.destroy()
      }
    }
    // The kernel gives up what stood in the pipe a moment later.
    let gone = await refused()
    for (let tries = 0; !gone && tries < 100; tries++) {
      await new Promise((resolve) => setTimeout(resolve, 20))
      gone = await refused()
    }
    t.ok(gone, 'the port is free')
  }
)
