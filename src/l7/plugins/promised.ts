export function isPromise(value: unknown): value is PromiseLike<unknown> {
  return (
    typeof value === 'object' && value !== null && typeof (value as PromiseLike<unknown>).then === 'function'
  )
}

/** What is thrown where a promise came that nobody waits for. It may be rejected now without anybody's harm. */
export function unawaited(promise: PromiseLike<unknown>): Error {
  promise.then(undefined, () => {})
  return new TypeError('it returned a promise (is it async?), which is waited for in the hook "request" only')
}
