import type { SharedStoreOptions } from './layout.ts'
import { allocateMemory, control, entryStride, state, word } from './layout.ts'
import { takePinsOf } from './pin-table.ts'
import { SharedStore } from '../shared-store.ts'

/**
 * Creates memory and the main thread's store over it; the memory is then sent to the workers. `seed` should be random.
 * With `workers: 0` the returned store is the only one.
 */
export function createSharedStore(options: SharedStoreOptions, seed: number, hotBytes = 0): SharedStore {
  const memory = allocateMemory(options, seed | 0)
  const store = new SharedStore(memory, options.workers, hotBytes)
  store.table.arena.reset()
  store.table.queues.reset()
  freeAllEntries(store, new Set())
  return store
}

/**
 * Main thread only, after a worker ended: releases what it pinned, aborts what it was filling, and takes over the lock
 * if the worker died holding it. Lists may be half changed in that case, so they are rebuilt: the cache is then empty
 * but consistent.
 */
export function recoverFrom(store: SharedStore, deadWorker: number): void {
  const { table } = store
  const broken = table.lock.takeFrom(deadWorker)
  if (!broken && !table.lock.acquirePatiently())
    throw new Error('the cache is locked by another worker that does not answer')
  try {
    const touched = takePinsOf(table.views, deadWorker)
    for (let entry = 0; entry < table.views.memory.entries; entry++) {
      const base = entry * entryStride
      if (table.words[base + word.owner] !== deadWorker + 1) continue
      table.words[base + word.owner] = 0
      const left = table.words[base + word.state]
      if (left === state.reserved || left === state.filling)
        Atomics.store(table.words, base + word.state, state.aborted)
      table.progress(entry)
      touched.push(entry)
    }
    if (broken) rebuild(store)
    else for (const entry of touched) table.settleLocked(entry)
  } finally {
    table.lock.release()
  }
}

function rebuild(store: SharedStore): void {
  const { table } = store
  const { entries } = table.views.memory
  Atomics.add(table.views.control, control.rebuilds, 1)
  table.index.clear()
  table.queues.reset()
  const kept = new Set<number>()
  const extents: number[] = []
  for (let entry = 0; entry < entries; entry++) {
    const base = entry * entryStride
    // Hot copies and lookups under way become invalid.
    Atomics.add(table.words, base + word.version, 1)
    Atomics.store(table.words, base + word.linked, 0)
    table.words[base + word.queue] = 0
    if (Atomics.load(table.words, base + word.pins) > 0 && table.words[base + word.state] !== state.free) {
      kept.add(entry)
      extents.push(...table.arena.extentsOf(table.words[base + word.firstUnit]!))
    }
  }
  table.arena.rebuild(extents)
  freeAllEntries(store, kept)
}

/** Puts all entries but `kept` into the free list. */
function freeAllEntries(store: SharedStore, kept: ReadonlySet<number>): void {
  const { table } = store
  const { memory } = table.views
  let next = -1
  for (let entry = memory.entries - 1; entry >= 0; entry--) {
    if (kept.has(entry)) continue
    const base = entry * entryStride
    Atomics.store(table.words, base + word.state, state.free)
    table.words[base + word.firstUnit] = -1
    table.words[base + word.next] = next
    next = entry
  }
  table.views.control[control.freeEntries] = next
  table.views.control[control.liveEntries] = kept.size
}
