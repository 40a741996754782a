import t from 'tap'
import { MapStore } from '../../fakes/map-store.ts'
import { createSharedStore } from '../../../src/l7/cache/store/memory/recovery.ts'
import { storeContract } from './support/store-contract.ts'

const maxBytes = 256 * 1024
const maxObjectBytes = 32 * 1024

t.test('MapStore', (t) => {
  storeContract(t, () => {
    const store = new MapStore({ maxBytes, maxObjectBytes })
    return { store, maxBytes, used: () => store.bytes }
  })
})

t.test('SharedStore with hot copies', (t) => {
  storeContract(t, () => {
    const store = createSharedStore({ maxBytes, maxObjectBytes, workers: 1 }, 7, 64 * 1024)
    return { store, maxBytes, used: () => store.stats().bytes }
  })
})

t.test('SharedStore without hot copies', (t) => {
  storeContract(t, () => {
    const store = createSharedStore({ maxBytes, maxObjectBytes, workers: 1 }, 7)
    return { store, maxBytes, used: () => store.stats().bytes }
  })
})
