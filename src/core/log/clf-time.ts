const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

let stampedAt = 0
let stamp = ''

/** 10/Oct/2000:13:55:36 +0000, as httpd and nginx write it; one per second is made. */
export function clfTime(ms: number): string {
  const second = Math.floor(ms / 1e3)
  if (second !== stampedAt) {
    stampedAt = second
    const date = new Date(ms)
    const two = (n: number): string => String(n).padStart(2, '0')
    const day = `${two(date.getUTCDate())}/${MONTHS[date.getUTCMonth()]!}/${date.getUTCFullYear()}`
    stamp = `${day}:${two(date.getUTCHours())}:${two(date.getUTCMinutes())}:${two(date.getUTCSeconds())} +0000`
  }
  return stamp
}
