import type { Test } from 'tap'
import {
  type CacheStore,
  type Claim,
  pending,
  type RecordWriter,
  type StoredRecord
} from '../../../../src/l7/cache/ports.ts'

export interface ContractStore {
  readonly store: CacheStore
  /** Bytes that the store may hold. */
  readonly maxBytes: number
  /** Bytes in use now. */
  used(): number
}

const settle = () => {
  throw new Error('a memory store answers at once')
}

export function find(store: CacheStore, key: string): StoredRecord | undefined {
  return store.lookup(key, settle) as StoredRecord | undefined
}

export function claimOf(store: CacheStore, key: string, replace = true): Claim {
  const claim = store.claim(key, replace)
  if (claim === undefined || !('begin' in claim)) throw new Error(`no claim for ${key}`)
  return claim
}

export function begin(
  store: CacheStore,
  key: string,
  info: string,
  bytes?: number,
  tags: string[] = []
): RecordWriter {
  const writer = claimOf(store, key).begin({ info, bytes, tags, epoch: store.epochOf(key) })
  if (writer === undefined) throw new Error(`no writer for ${key}`)
  return writer
}

export function put(
  store: CacheStore,
  key: string,
  info: string,
  body: string,
  tags: string[] = []
): boolean {
  const writer = begin(store, key, info, body.length, tags)
  writer.write(Buffer.from(body))
  return writer.finish()
}

export function bodyIn(record: StoredRecord): string {
  let body = ''
  for (let at = 0; at < record.available;) {
    const piece = record.read(at, 1000)!
    body += piece.toString('latin1')
    at += piece.length
  }
  return body
}

/** What is stored, as "info|body", or undefined. */
export function get(store: CacheStore, key: string): string | undefined {
  const record = find(store, key)
  const text = record?.state === 'complete' ? `${record.info}|${bodyIn(record)}` : undefined
  record?.release()
  return text
}

const turn = () => new Promise((resolve) => setImmediate(resolve))

/** Also of a store that answers later. */
function seek(store: CacheStore, key: string): Promise<StoredRecord | undefined> {
  return new Promise((resolve) => {
    const record = store.lookup(key, resolve)
    if (record !== pending) resolve(record)
  })
}

async function read(store: CacheStore, key: string): Promise<string | undefined> {
  const record = await seek(store, key)
  const text = record?.state === 'complete' ? `${record.info}|${bodyIn(record)}` : undefined
  record?.release()
  return text
}

/** What every store must do. `make` gives an empty one of about 256 KiB with objects of up to 32 KiB. */
export function storeContract(t: Test, make: () => ContractStore | Promise<ContractStore>): void {
  t.test('what was finished is found, by its whole key', async (t) => {
    const { store } = await make()
    t.equal(await seek(store, 'k'), undefined)
    t.equal(put(store, 'k', 'info \xfc', 'body'), true)
    t.equal(await read(store, 'k'), 'info \xfc|body')
    t.equal(await read(store, 'k'), 'info \xfc|body')
    t.equal(await read(store, 'kk'), undefined)
    t.equal(put(store, 'empty', '', ''), true)
    t.equal(await read(store, 'empty'), '|')
    const long = 'k'.repeat(3000)
    put(store, long, 'i'.repeat(3000), 'b'.repeat(3000))
    t.equal(await read(store, long), `${'i'.repeat(3000)}|${'b'.repeat(3000)}`)
  })

  t.test('windows of a body are read', async (t) => {
    const { store } = await make()
    const body = Array.from({ length: 5000 }, (_, n) => n.toString(36)).join('')
    put(store, 'k', '', body)
    const record = (await seek(store, 'k'))!
    for (const [from, max] of [
      [0, 10],
      [9990, 100],
      [511, 2],
      [3000, 1]
    ] as const)
      t.equal(record.read(from, max)?.toString(), body.slice(from, from + max))
    t.equal(record.read(body.length, 1), undefined)
    record.release()
  })

  t.test('a key is filled by one at a time, and others see how far it is', async (t) => {
    const { store } = await make()
    const claim = claimOf(store, 'k', false)
    const other = store.claim('k', false) as StoredRecord
    t.equal(other.state, 'reserved')
    let woken = 0
    other.onProgress(() => void woken++)
    const writer = claim.begin({ info: 'i', bytes: 6, tags: [], epoch: store.epochOf('k') })!
    await turn()
    t.strictSame([woken, other.state, other.info, other.bytes, other.available], [1, 'filling', 'i', 6, 0])
    t.equal(other.read(0, 10), undefined)
    other.onProgress(() => void woken++)
    writer.write(Buffer.from('abc'))
    await turn()
    t.strictSame([woken, other.read(0, 10)?.toString()], [2, 'abc'])
    other.onProgress(() => void woken++)()
    t.equal(writer.followers, 1)
    writer.write(Buffer.from('def'))
    t.equal(writer.finish(), true)
    await turn()
    t.equal(woken, 2, 'one cancelled is not woken')
    t.strictSame([other.state, bodyIn(other)], ['complete', 'abcdef'])
    other.release()
    t.equal(await read(store, 'k'), 'i|abcdef')
  })

  t.test('one that waits after something happened is woken for it', async (t) => {
    const { store } = await make()
    const claim = claimOf(store, 'k', false)
    const other = store.claim('k', false) as StoredRecord
    claim.abandon()
    if (other.state === 'reserved') t.fail('it is gone')
    let woken = 0
    const cancel = other.onProgress(() => void woken++)
    await turn()
    t.ok(woken === 1 || other.state === 'gone')
    cancel()
    other.release()
  })

  t.test('what was not finished was never there', async (t) => {
    const { store, used } = await make()
    const empty = used()
    claimOf(store, 'k').abandon()
    t.equal(await seek(store, 'k'), undefined)
    const aborted = begin(store, 'k', 'i', 10)
    aborted.write(Buffer.from('abc'))
    aborted.abort()
    t.equal(await seek(store, 'k'), undefined)
    const short = begin(store, 'k', 'i', 10)
    short.write(Buffer.from('abc'))
    t.equal(short.finish(), false)
    t.equal(await seek(store, 'k'), undefined)
    const long = begin(store, 'k', 'i', 2)
    t.equal(long.write(Buffer.from('abc')), false)
    t.equal(await seek(store, 'k'), undefined)
    t.equal(used(), empty)
    put(store, 'k', 'i', 'fine')
    t.equal(await read(store, 'k'), 'i|fine')
  })

  t.test('a replacement leaves what is there until it begins', async (t) => {
    const { store } = await make()
    put(store, 'k', 'old', 'old')
    const there = store.claim('k', false) as StoredRecord
    t.equal(there.state, 'complete')
    const claim = claimOf(store, 'k', true)
    t.equal(await read(store, 'k'), 'old|old')
    const writer = claim.begin({ info: 'new', bytes: 3, tags: [], epoch: store.epochOf('k') })!
    t.equal(await read(store, 'k'), undefined)
    t.equal(bodyIn(there), 'old', 'who reads it goes on')
    writer.write(Buffer.from('new'))
    writer.finish()
    t.equal(await read(store, 'k'), 'new|new')
    there.release()
    t.ok('begin' in store.claim('k', true)!)
  })

  t.test('of two replacements the first to begin wins', async (t) => {
    const { store } = await make()
    put(store, 'k', 'old', 'old')
    const one = claimOf(store, 'k')
    const two = claimOf(store, 'k')
    const head = { info: '1', bytes: 1, tags: [], epoch: store.epochOf('k') }
    const writer = one.begin(head)!
    t.equal(two.begin(head), undefined)
    writer.write(Buffer.from('1'))
    t.equal(writer.finish(), true)
    t.equal(await read(store, 'k'), '1|1')
  })

  t.test('what was removed is not found, and what is being filled is not published', async (t) => {
    const { store } = await make()
    put(store, 'k', 'i', 'b')
    const reader = (await seek(store, 'k'))!
    t.equal(store.remove('k'), true)
    t.equal(store.remove('k'), false)
    t.equal(await read(store, 'k'), undefined)
    t.equal(bodyIn(reader), 'b')
    reader.release()
    const writer = begin(store, 'k', 'i', 1)
    const follower = (await seek(store, 'k'))!
    store.remove('k')
    t.equal(writer.write(Buffer.from('b')), true)
    t.equal(writer.finish(), false)
    t.strictSame([follower.state, bodyIn(follower)], ['complete', 'b'], 'who follows it gets the rest')
    follower.release()
    t.equal(await read(store, 'k'), undefined)
    const claim = claimOf(store, 'k', false)
    store.remove('k')
    t.equal(claim.begin({ info: '', bytes: 0, tags: [], epoch: store.epochOf('k') }), undefined)
    t.equal(claimOf(store, 'k', false).kind, 'claim')
  })

  t.test('purges go by URL, prefix, tag and all', async (t) => {
    const { store } = await make()
    const fill = () => {
      put(store, 'http://a/x', '', '1', ['red', 'blue'])
      put(store, 'http://a/x\nh:1', '', '2', ['red'])
      put(store, 'http://a/xy', '', '3', ['redder'])
      put(store, 'http://b/x', '', '4')
    }
    const left = async () => {
      const keys = ['http://a/x', 'http://a/x\nh:1', 'http://a/xy', 'http://b/x']
      const texts = await Promise.all(keys.map((key) => read(store, key)))
      return texts.map((text) => text?.slice(1) ?? '-').join('')
    }
    fill()
    t.strictSame([store.purge({ kind: 'url', values: ['http://a/x'] }), await left()], [2, '--34'])
    fill()
    t.strictSame([store.purge({ kind: 'prefix', values: ['http://a/x'] }), await left()], [3, '---4'])
    fill()
    t.strictSame([store.purge({ kind: 'prefix', values: ['http://'] }), await left()], [4, '----'])
    fill()
    t.strictSame([store.purge({ kind: 'tag', values: ['red'] }), await left()], [2, '--34'])
    fill()
    t.strictSame([store.purge({ kind: 'all' }), await left()], [4, '----'])
  })

  t.test('prefixes may be longer than a unit of memory', async (t) => {
    const { store } = await make()
    // Units have 512 bytes; with so long a key, memory comes in several extents, too.
    const long = (length: number) => `http://a/${'x'.repeat(length - 9)}`
    for (const length of [511, 512, 513, 1500, 2100]) {
      const keys = [`${long(length)}1`, `${long(length)}2`, `${long(length - 1)}3`]
      for (const key of keys) put(store, key, '', 'body')
      t.equal(store.purge({ kind: 'prefix', values: [`${long(length)}1`] }), 1, `${length} and one`)
      t.equal(store.purge({ kind: 'prefix', values: [long(length), 'http://a/y'] }), 1, `${length}`)
      t.equal(store.purge({ kind: 'prefix', values: [`${long(length - 1)}34`] }), 0, 'longer than the key')
      t.equal(await read(store, keys[2]!), '|body')
      t.equal(store.purge({ kind: 'prefix', values: [long(length - 1)] }), 1, `${length} less one`)
    }
  })

  t.test('one purge names many, and what is made stale stays, until something newer is stored', async (t) => {
    const { store } = await make()
    const [one, variant, two, other] = ['http://a/1', 'http://a/1\nh:1', 'http://a/2', 'http://a/22'] as const
    const staleAt = async (key: string) => {
      const record = await seek(store, key)
      const at = record?.staleAt
      record?.release()
      return at
    }
    const fill = () => {
      for (const key of [one, variant, two, other]) put(store, key, '', 'body', [`t${key.at(-1)!}`])
    }
    for (const what of [
      { kind: 'url', values: [one, two, 'http://a/none'] },
      { kind: 'prefix', values: [one, 'http://b/', two] },
      { kind: 'tag', values: ['t1', 't2'] }
    ] as const) {
      fill()
      const more = what.kind === 'url' ? 0 : 1
      // Twice each, since what is used again is kept in another place.
      for (const key of [one, other, one, other]) t.equal(await staleAt(key), 0, what.kind)
      t.equal(store.purge(what, 1_700_000_005_000), 3 + more, what.kind)
      for (const key of [one, variant, two, one]) t.equal(await staleAt(key), 1_700_000_005_000, what.kind)
      t.equal(await staleAt(other), more * 1_700_000_005_000, what.kind)
      t.equal(await read(store, one), '|body')
      t.equal(store.purge(what, 1_700_000_009_000), 3 + more, 'a later one')
      t.equal(await staleAt(two), 1_700_000_005_000, 'leaves it as it is')
      put(store, one, '', 'new')
      t.equal(await staleAt(one), 0, 'something newer')
      t.equal(store.purge(what), what.kind === 'tag' ? 3 : 3 + more)
      t.equal(await read(store, two), undefined, 'and then it is gone')
      store.purge({ kind: 'all' })
    }
  })

  t.test('what was asked for before a purge is not stored after it', async (t) => {
    const { store } = await make()
    const epoch = store.epochOf('k')
    const claim = claimOf(store, 'k')
    store.nextEpoch()
    t.equal(claim.begin({ info: '', bytes: 0, tags: [], epoch }), undefined)
  })

  t.test(
    'what was asked for before its URL was invalidated is not stored after it, by whatever claim',
    async (t) => {
      const { store } = await make()
      const [url, variant, other] = ['http://a/x', 'http://a/x\n#gone', 'http://a/y'] as const
      put(store, url, 'i', 'old')
      const epochs = [url, variant, other].map((key) => store.epochOf(key))
      const under = begin(store, 'http://a/z', 'i', 1)
      store.invalidate(url)
      store.invalidate('http://a/z')
      t.equal(await read(store, url), undefined)
      under.write(Buffer.from('b'))
      t.equal(under.finish(), false)
      const later = [url, variant, other].map((key, i) =>
        claimOf(store, key).begin({ info: '', bytes: 0, tags: [], epoch: epochs[i]! })
      )
      t.strictSame(
        later.map((writer) => writer !== undefined),
        [false, false, true]
      )
      later[2]!.finish()
      put(store, url, 'i', 'new')
      t.equal(await read(store, url), 'i|new', 'what is asked for now is stored')
    }
  )

  t.test('too large is refused, announced or not, and bytes stay within the bound', async (t) => {
    const { store, used, maxBytes } = await make()
    const epoch = store.epochOf('k')
    t.equal(
      claimOf(store, 'k').begin({ info: '', bytes: store.maxObjectBytes + 1, tags: [], epoch }),
      undefined
    )
    const writer = begin(store, 'k', '')
    const chunk = Buffer.alloc(1000)
    let taken = 0
    while (writer.write(chunk)) taken += chunk.length
    t.ok(taken <= store.maxObjectBytes && taken > store.maxObjectBytes - 1000)
    t.equal(await seek(store, 'k'), undefined)
    for (let n = 0; n < 300; n++) {
      put(store, `k${n}`, 'info', 'x'.repeat((n * 997) % 20000))
      t.ok(used() <= maxBytes)
    }
    t.ok((await read(store, 'k299')) !== undefined, 'the newest is there')
  })
  t.end()
}
