import type { RawHandle, RawRequest, RawWrite } from './raw-streams.ts'

/** What C++ tells of a connection. */
export interface RawEvents {
  readDone(): void
  completed(size: number, status: number): void
  shutDone(status: number): void
  /** One of these threw, or what it called: the connection ends. */
  failed(error: unknown): void
}

// One function for all connections instead of closures for each.

export function onRead(this: RawHandle): void {
  const events = this.lbOwner as RawEvents
  try {
    events.readDone()
  } catch (error) {
    events.failed(error)
  }
}

export function onWritten(this: RawWrite, status: number): void {
  const events = this.lbOwner as RawEvents
  this.lbBytes = undefined
  try {
    events.completed(this.lbSize!, status)
  } catch (error) {
    events.failed(error)
  }
}

export function onShutdown(this: RawRequest, status: number): void {
  const events = this.lbOwner as RawEvents
  try {
    events.shutDone(status)
  } catch (error) {
    events.failed(error)
  }
}
