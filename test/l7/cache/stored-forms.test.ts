import t from 'tap'
import { StoredForms } from '../../../src/l7/cache/forms/stored-forms.ts'
import type { CacheStore } from '../../../src/l7/cache/ports.ts'
import { SharedStore } from '../../../src/l7/cache/store/shared-store.ts'
import { MapStore } from '../../fakes/map-store.ts'
import { createSharedStore } from '../../../src/l7/cache/store/memory/recovery.ts'

const url = 'https://site.example/page'

const stores: Record<string, () => CacheStore> = {
  MapStore: () => new MapStore({ maxBytes: 1 << 20, maxObjectBytes: 128 * 1024 }),
  SharedStore: () => createSharedStore({ maxBytes: 1 << 20, maxObjectBytes: 128 * 1024, workers: 1 }, 1)
}

function formsOf(store: CacheStore, bodyId: string, tags: readonly string[] = []): StoredForms {
  const forms = new StoredForms(store, url, bodyId, tags)
  forms.epoch = store.epoch
  return forms
}

function found(forms: StoredForms, name: string): string | undefined {
  const record = forms.lookup(name)
  const text = record?.read(0, record.available)?.toString()
  record?.release()
  return text
}

for (const [name, make] of Object.entries(stores)) {
  t.test(`${name}: a form is found by its name, for its body, until a purge`, (t) => {
    const purges: Record<string, (store: CacheStore) => number> = {
      url: (store) => store.purge({ kind: 'url', values: [url] }),
      prefix: (store) => store.purge({ kind: 'prefix', values: ['https://site.example/'] }),
      tag: (store) => store.purge({ kind: 'tag', values: ['news'] }),
      all: (store) => store.purge({ kind: 'all' })
    }
    for (const [kind, purge] of Object.entries(purges)) {
      const store = make()
      const forms = formsOf(store, 'one', ['news'])
      t.ok(forms.put('br-4', Buffer.from('encoded')))
      t.ok(forms.keep('hash', Buffer.from('kept')))
      t.equal(found(forms, 'br-4'), 'encoded')
      t.equal(found(forms, 'gzip-4'), undefined)
      t.equal(found(formsOf(store, 'two'), 'br-4'), undefined, 'of another body')
      t.ok(formsOf(store, 'two', ['news']).put('br-4', Buffer.from('newer')), 'takes its place')
      t.equal(found(forms, 'br-4'), undefined)
      t.equal(found(formsOf(store, 'two'), 'br-4'), 'newer')
      const kept = formsOf(store, 'two').kept('hash')
      t.equal(String(kept?.read(0, 10)), 'kept', 'what is kept stays whatever the body is')
      kept?.release()
      store.nextEpoch()
      t.equal(purge(store), 0, `forms are not counted by a purge by ${kind}`)
      t.equal(found(formsOf(store, 'two'), 'br-4'), undefined)
      t.equal(forms.kept('hash'), undefined)
      t.notOk(
        forms.put('br-4', Buffer.from('late')),
        'what was looked up before a purge is not stored after it'
      )
    }
    t.end()
  })
}

t.test('forms lie within the bytes of the cache', (t) => {
  const store = createSharedStore({ maxBytes: 1 << 20, maxObjectBytes: 128 * 1024, workers: 1 }, 1)
  t.ok(store instanceof SharedStore)
  for (let i = 0; i < 200; i++) {
    const forms = new StoredForms(store, `${url}${i}`, 'one', [])
    forms.epoch = store.epoch
    t.ok(forms.put('zstd-1', Buffer.alloc(30_000, i)))
    t.ok(store.stats().bytes <= 1 << 20)
  }
  t.ok(store.stats().evictions > 100)
  t.end()
})
