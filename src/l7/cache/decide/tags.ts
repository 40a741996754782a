import type { HeaderView } from '../ports.ts'

const maxTags = 64
const maxTagLength = 128

/** Tags for purging: Surrogate-Key separates them by spaces, Cache-Tag by commas. Too long or too many: left out. */
export function tagsOf(headers: HeaderView): readonly string[] {
  const surrogate = headers.get('surrogate-key')
  const cacheTag = headers.get('cache-tag')
  if (surrogate === undefined && cacheTag === undefined) return []
  const tags = new Set<string>()
  for (const tag of [
    ...(surrogate ?? '').split(/[\s,]+/),
    ...(cacheTag ?? '').split(',').map((text) => text.trim())
  ]) {
    if (tag !== '' && tag.length <= maxTagLength) tags.add(tag)
    if (tags.size >= maxTags) break
  }
  return [...tags]
}
